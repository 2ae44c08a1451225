//! Logs of OpenTelemetry: requests in both encodings to answers and rows.

use std::io::Write;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::world::{Reply, World};

const AUDIT: &str = r#"type=SYSCALL msg=audit(1714975689.001:7): arch=c000003e syscall=59 success=yes exit=0 pid=2 comm="id" exe="/usr/bin/id""#;
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

async fn send(world: &World, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request =
        Request::post("/v1/logs").header(AUTHORIZATION, format!("Bearer {}", world.all().await));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.request(request.body(body.into()).unwrap()).await
}

/// A request with texts as records of a resource.
fn as_json(host: &str, texts: &[&str]) -> Vec<u8> {
    let records = texts.iter().map(|text| json!({ "body": { "stringValue": text } }));
    let resource = json!({ "attributes": [{ "key": "host.name", "value": { "stringValue": host } }] });
    let scope = json!({ "logRecords": records.collect::<Vec<_>>() });
    json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [scope] }] }).to_string().into_bytes()
}

fn as_protobuf(host: &str, texts: &[&str]) -> Vec<u8> {
    let text = |text: &str| field(1, text.as_bytes());
    let attribute = [text("host.name"), field(2, &text(host))].concat();
    let records: Vec<u8> = texts.iter().flat_map(|record| field(2, &field(5, &text(record)))).collect();
    field(1, &[field(1, &field(1, &attribute)), field(2, &records)].concat())
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(content);
    out
}

/// The fields of a message with texts, messages and small numbers, by number.
fn fields(mut message: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut fields = Vec::new();
    while let [tag, length, rest @ ..] = message {
        let is_number = tag & 7 == 0;
        let (mut length, mut rest) = (usize::from(*length), rest);
        if is_number {
            fields.push((tag >> 3, vec![length as u8]));
        } else {
            if length >= 0x80 {
                length = length & 0x7f | usize::from(rest[0]) << 7;
                rest = &rest[1..];
            }
            fields.push((tag >> 3, rest[..length].to_vec()));
            rest = &rest[length..];
        }
        message = rest;
    }
    fields
}

const REFUSED: &str = "1 log records were refused: InvalidJson 1; \
                       2 log records are of kinds that no table takes: Syslog/sshd 1, text 1";

#[tokio::test]
async fn records_become_rows_and_the_answer_is_in_the_encoding_of_the_request() {
    let world = World::start().await;
    let reply = send(&world, &[("content-type", JSON)], as_json("web-1", &[AUDIT])).await;
    assert_eq!((reply.header("content-type"), reply.ok()), (JSON, json!({})));
    let reply = send(&world, &[("content-type", PROTOBUF)], as_protobuf("web-2", &[AUDIT])).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type"), &*reply.body), (200, PROTOBUF, &[][..]));

    let mixed = [AUDIT, "{", "hello", "May  6 06:08:09 web-1 sshd[7]: Accepted"];
    let reply =
        send(&world, &[("content-type", "Application/JSON; charset=utf-8")], as_json("web-3", &mixed)).await;
    let partial = json!({ "rejectedLogRecords": "1", "errorMessage": REFUSED });
    assert_eq!(reply.ok(), json!({ "partialSuccess": partial }));
    let reply = send(&world, &[("content-type", PROTOBUF)], as_protobuf("web-4", &mixed)).await;
    let [(1, partial)] = &*fields(&reply.body) else { panic!("{reply:?}") };
    assert_eq!(fields(partial), [(1, vec![1]), (2, REFUSED.as_bytes().to_vec())]);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&as_protobuf("web-5", &[AUDIT])).unwrap();
    let headers = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    assert_eq!(send(&world, &headers, gzip.finish().unwrap()).await.status, 200);

    let answer = world.hunt("DeviceProcessEvents | summarize by DeviceName | order by DeviceName asc").await;
    let names: Vec<&Value> =
        answer["Results"].as_array().unwrap().iter().map(|row| &row["DeviceName"]).collect();
    assert_eq!(names, ["web-1", "web-2", "web-3", "web-4", "web-5"]);
}

#[tokio::test]
async fn errors_are_told_in_the_encoding_of_the_request() {
    let world = World::start_with(|config| config.ingest_body_bytes_max = 1000).await;
    let large = as_protobuf("web-1", &[AUDIT; 20]);
    for (content_type, body, status, number, code) in [
        (PROTOBUF, vec![0xff], 400, 3, "InvalidEvent"),
        (JSON, b"[]".to_vec(), 400, 3, "InvalidEvent"),
        ("text/plain", Vec::new(), 415, 3, "UnsupportedMediaType"),
        (PROTOBUF, large.clone(), 413, 3, "RequestBodyTooLarge"),
    ] {
        let reply = send(&world, &[("content-type", content_type)], body).await;
        assert_eq!(reply.status, status, "{reply:?}");
        let (told, message) = if content_type == PROTOBUF {
            let fields = fields(&reply.body);
            (u64::from(fields[0].1[0]), String::from_utf8(fields[1].1.clone()).unwrap())
        } else {
            let json = reply.json();
            (json["code"].as_u64().unwrap(), json["message"].as_str().unwrap().to_owned())
        };
        assert_eq!(told, number, "{message}");
        assert!(message.starts_with(&format!("{code}: ")), "{message}");
    }
    assert_eq!(world.row_count("DeviceProcessEvents").await, 0);

    let world = World::start_with(|config| config.ingest_memory_bytes = 1024).await;
    let reply = send(&world, &[("content-type", PROTOBUF)], large).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "2"));
    assert_eq!(fields(&reply.body)[0], (1, vec![14]));
}
