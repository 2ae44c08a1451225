//! Starting, stopping and starting again.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{Program, free_port};

fn credentials(data: &std::path::Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(data.join("quickstart.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_finds_the_same_tenant_and_rows() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = free_port();
    let program = Program::start(&data, port, &["--no-sandbox"]).await;
    println!("first start answered after {:?}", program.started_in);
    let first = credentials(&data);
    for field in [
        "base_url",
        "authority",
        "tenant_id",
        "client_id",
        "client_secret",
        "username",
        "password",
        "ca_file",
    ] {
        assert!(first[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    let client = program.client().await.unwrap();
    let row = r#"{"Timestamp":"2024-05-06T10:00:00Z","DeviceName":"pc1.example","ActionType":"ProcessCreated","FileName":"a.exe"}"#;
    client.ingest("DeviceProcessEvents", row.into(), None).await.unwrap();
    assert!(program.stop().success());

    let program = Program::start(&data, port, &["--no-sandbox"]).await;
    println!("second start answered after {:?}", program.started_in);
    assert_eq!(credentials(&data), first);
    let found = program
        .client()
        .await
        .unwrap()
        .hunt("DeviceProcessEvents | project DeviceName, FileName")
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_string(&found.results).unwrap(),
        r#"[{"DeviceName":"pc1.example","FileName":"a.exe"}]"#
    );
}

/// What a client gets on one connection: the answer to a call whose body it sends later, and that to its next call.
async fn two_answers(address: &str, headers: &str, body: &[u8]) -> [String; 2] {
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let first = format!("PATCH /api/alerts/x HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n").into_bytes();
    let second = [body, b"GET /api/machines HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
    let mut answers = Vec::new();
    for sent in [first, second] {
        let mut answer = vec![0; 65536];
        // A connection that is closed already may refuse what is sent.
        let _ = connection.write_all(&sent).await;
        let bytes = connection.read(&mut answer).await.unwrap_or_default();
        answers.push(String::from_utf8_lossy(&answer[..bytes]).lines().next().unwrap_or_default().to_owned());
    }
    answers.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_outlives_the_refusal_of_a_small_body() {
    let folder = tempfile::tempdir().unwrap();
    let plain = format!("127.0.0.1:{}", free_port());
    let program =
        Program::start(&folder.path().join("data"), free_port(), &["--no-sandbox", "--plain-listen", &plain])
            .await;
    let refused = "HTTP/1.1 401 Unauthorized";
    assert_eq!(two_answers(&plain, "Content-Length: 2", b"{}").await, [refused; 2]);
    // Nobody reads these, and what comes behind them must not be taken for a call.
    for headers in ["Content-Length: 2\r\nExpect: 100-continue", "Content-Length: 1000000"] {
        assert_eq!(two_answers(&plain, headers, b"").await, [refused, ""], "{headers}");
    }
    assert!(program.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_fleet_makes_machines_and_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = Program::start(&data, free_port(), &["--devices", "4"]).await;
    let client = program.client().await.unwrap();
    for _ in 0..300 {
        let machines: serde_json::Value = client.get_json("/api/machines?$count=true&$top=0").await.unwrap();
        let alerts: serde_json::Value = client.get_json("/api/alerts?$expand=evidence").await.unwrap();
        let alerts = alerts["value"].as_array().unwrap();
        let techniques = alerts.iter().flat_map(|alert| alert["mitreTechniques"].as_array().unwrap());
        let techniques: std::collections::BTreeSet<&str> = techniques.filter_map(|id| id.as_str()).collect();
        if machines["@odata.count"] == 4 && techniques.len() >= 5 {
            assert!(alerts.iter().all(|alert| !alert["evidence"].as_array().unwrap().is_empty()));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("no machines or alerts of three attacks after 30 s");
}
