//! Events of the Open Cybersecurity Schema Framework.

use std::ops::ControlFlow;

use adapters::{Format, Input, Mapped, Mapper};
use expect_test::expect_file;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::render_outcome;

const LINES: &str = include_str!("../fixtures/ocsf.jsonl");

fn format() -> &'static Format {
    adapters::find("ocsf").unwrap()
}

/// What becomes of each line; rows are checked when they are rendered.
fn read(body: &[u8]) -> Vec<Value> {
    let mut outcomes = Vec::new();
    format().read(&mut Mapper::default(), &Input { body, device: "localhost" }, &mut |_, outcome| {
        assert_ne!(outcome, Ok(Mapped::Merged));
        outcomes.push(render_outcome(outcome));
        ControlFlow::Continue(())
    });
    assert_eq!(outcomes.len() as u64, format().count(body));
    outcomes
}

#[test]
fn classes_and_activities_become_rows() {
    let outcomes = serde_json::to_string_pretty(&read(LINES.as_bytes())).unwrap();
    expect_file!["../fixtures/ocsf.rows.json"].assert_eq(&(outcomes + "\n"));
}

const NAMES: &[&str] = &[
    "time",
    "process",
    "file",
    "pid",
    "path",
    "name",
    "actor",
    "device",
    "hostname",
    "hashes",
    "user",
    "answers",
    "src_endpoint",
    "dst_endpoint",
    "ip",
    "port",
    "reg_value",
    "created_time",
    "connection_info",
    "direction_id",
];

/// Any value where a rule looks for one.
fn event() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
        Just(json!("::ffff:1.2.3.4")),
        Just(json!([{ "algorithm_id": 1, "value": "é" }, null])),
    ];
    let value = leaf.prop_recursive(3, 32, 6, move |inner| {
        prop::collection::vec((prop::sample::select(NAMES), inner), 0..6).prop_map(|members| {
            Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        })
    });
    let kind = prop::sample::select(
        &[(1001, 5), (1007, 1), (1007, 2), (3002, 1), (4001, 1), (4003, 2), (201_002, 2)][..],
    );
    let time = prop_oneof![9 => Just(json!(1_714_975_689_123i64)), 1 => any::<i64>().prop_map(Value::from)];
    (prop::collection::vec((prop::sample::select(&NAMES[1..]), value), 0..8), kind, time).prop_map(
        |(members, (class, activity), time)| {
            let mut event = json!({ "class_uid": class, "activity_id": activity, "time": time });
            members.into_iter().for_each(|(name, value)| event[name] = value);
            event
        },
    )
}

#[test]
fn long_names_are_not_repeated_for_every_member() {
    let members: String = (0..50_000).map(|at| format!(",\"m{at}\":1")).collect();
    let name = "n".repeat(200_000);
    let line =
        format!(r#"{{"class_uid":1001,"activity_id":1,"time":1714975689123,"{name}":{{"a":1{members}}}}}"#);
    let mut bytes = 0;
    format().read(
        &mut Mapper::default(),
        &Input { body: line.as_bytes(), device: "a" },
        &mut |_, outcome| {
            let Ok(Mapped::Row(row)) = outcome else { panic!("{outcome:?}") };
            bytes = row.text("AdditionalFields").len();
            ControlFlow::Continue(())
        },
    );
    assert!((line.len() - 100..line.len() * 2).contains(&bytes), "{bytes}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_are_read_and_counted(body: Vec<u8>) {
        read(&body);
    }

    #[test]
    fn any_event_is_read_or_refused(events in prop::collection::vec(event(), 1..6)) {
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        read(lines.join("\n").as_bytes());
    }
}
