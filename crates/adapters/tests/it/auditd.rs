//! Lines of auditd: what becomes of each of them, and that each is counted once.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use adapters::{Format, Framing, Input, LINE_BYTES_MAX, Mapped, Mapper, Refusal};
use expect_test::{ExpectFile, expect_file};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{assert_valid, render_outcome};

const LINES: &str = include_str!("../fixtures/auditd.log");

fn format() -> &'static Format {
    adapters::find("auditd").unwrap()
}

/// What becomes of each line, in the order of the lines. Panics when a line has two outcomes.
fn read(body: &[u8]) -> BTreeMap<u64, Result<Mapped, Refusal>> {
    let mut outcomes = BTreeMap::new();
    format().read(&mut Mapper::default(), &Input { body, device: "localhost" }, &mut |line, outcome| {
        if let Ok(Mapped::Row(row)) = &outcome {
            assert_valid(row);
        }
        assert!(outcomes.insert(line, outcome).is_none(), "line {line} has two outcomes");
        ControlFlow::Continue(())
    });
    assert_eq!(outcomes.len() as u64, format().count(body));
    outcomes
}

#[track_caller]
fn check(lines: &str, expected: ExpectFile) {
    let outcomes = read(lines.as_bytes()).into_iter().filter(|(_, outcome)| *outcome != Ok(Mapped::Merged));
    let rendered: Vec<Value> =
        outcomes.map(|(line, outcome)| json!({ "line": line, "outcome": render_outcome(outcome) })).collect();
    expected.assert_eq(&(serde_json::to_string_pretty(&rendered).unwrap() + "\n"));
}

#[test]
fn events_become_rows() {
    check(LINES, expect_file!["../fixtures/auditd.rows.json"]);
}

/// The rows without the line and the number that they got from it.
fn rows(body: &str) -> Vec<String> {
    let outcomes = read(body.as_bytes()).into_values().filter(|outcome| *outcome != Ok(Mapped::Merged));
    let mut rows: Vec<String> = outcomes.map(|outcome| render_outcome(outcome).to_string()).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn lines_of_other_events_in_between_change_nothing() {
    let lines: Vec<&str> = LINES.lines().collect();
    let kind = |line: &&str| line.contains("type=PATH") || line.contains("type=PROCTITLE");
    // Every event keeps its first line where it was, and gets the rest of its lines at the end.
    let (later, first): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| kind(line));
    let shuffled = [first, later].concat().join("\n");
    assert_eq!(rows(&shuffled), rows(LINES));
}

#[test]
fn an_event_that_waits_too_long_is_complete_and_its_late_lines_are_counted() {
    let line = |kind: &str, serial: usize| format!("type={kind} msg=audit(1714975689.000:{serial}): pid=1\n");
    let others: String = (1..=3_000).map(|serial| line("CRED_ACQ", serial)).collect();
    let body = format!("{}{others}{}{}", line("CRED_ACQ", 7_000), line("EOE", 7_000), line("EOE", 7_000));
    let outcomes = read(body.as_bytes());
    assert_eq!(outcomes[&1], Ok(Mapped::Unmapped { kind: "auditd/CRED_ACQ".to_owned() }));
    assert_eq!(outcomes[&3_002], Ok(Mapped::Unmapped { kind: "auditd/EOE".to_owned() }));
    assert_eq!(outcomes[&3_003], Ok(Mapped::Merged));
}

#[test]
fn what_is_held_is_bounded() {
    // The first event goes on for ever, so that none behind it would become complete.
    let line = |serial: usize| format!("type=CRED_ACQ msg=audit(1714975689.000:{serial}): pid=1\n");
    let body: String = (1..=6_000).map(|serial| line(serial) + &line(0)).collect();
    let outcomes = read(body.as_bytes());
    let events = outcomes.values().filter(|outcome| matches!(outcome, Ok(Mapped::Unmapped { .. }))).count();
    // It was taken as complete, and began anew.
    assert_eq!(events, 6_000 + 2);
}

#[test]
fn what_is_too_large_is_refused_and_the_rest_is_read() {
    let long = format!("type=CWD msg=audit(1714975689.000:1): cwd=\"{}\"\n", "x".repeat(LINE_BYTES_MAX));
    let wide = "type=CWD msg=audit(1714975689.000:2): a=1\n";
    let fields: String = (0..600).map(|at| format!("f{at}=1 ")).collect();
    let many = format!("type=CWD msg=audit(1714975689.000:3): {fields}\n");
    let path = "type=PATH msg=audit(1714975689.000:4): item=0 name=\"/a\" nametype=NORMAL\n".repeat(5_000);
    let outcomes = read(format!("{long}{wide}{many}{path}").as_bytes());
    let code = |line| outcomes[&line].as_ref().err().map(Refusal::code);
    assert_eq!(
        (code(1), code(2), code(3), code(4)),
        (Some("LineTooLong"), None, Some("InvalidValue"), Some("InvalidValue"))
    );
    assert_eq!(
        (&outcomes[&4_099], code(4_100), code(5_003)),
        (&Ok(Mapped::Merged), Some("InvalidValue"), Some("InvalidValue"))
    );
}

/// None of these may take the stack, or time that grows with the square of their length.
#[test]
fn lines_made_to_be_hard_to_read_have_an_outcome() {
    let line = |fields: &str| format!("type=CRED_ACQ msg=audit(1714975689.000:1): {fields}");
    let values: String = (0..100_000).map(|at| format!("a={at} ")).collect();
    for (fields, is_read) in [
        ("a='".repeat(300_000), true),
        (format!("{} redactors=x", "cmdline=a ".repeat(100_000)), true),
        ("cmdline=a ".repeat(100_000), true),
        ("{".repeat(1_000_000), true),
        (values, false),
    ] {
        let outcomes = read(line(&fields).as_bytes());
        assert_eq!(outcomes[&1].is_ok(), is_read, "{:?}", outcomes[&1]);
    }
}

#[test]
fn parts_keep_the_lines_of_an_event_together() {
    let Framing::Events(part) = format().framing else { panic!() };
    let body: String = (0..500)
        .map(|at| format!("type=CWD msg=audit(1714975689.000:{}): cwd=\"/{at}\"\n", at / 100))
        .collect();
    let (complete, waiting) = part(body.as_bytes());
    assert_eq!((format().count(&complete), format().count(&waiting)), (400, 100));
    assert!(complete.ends_with(b"/399\"\n") && waiting.ends_with(b"/499\"\n"));
    assert_eq!(part(b""), (Vec::new(), Vec::new()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_and_counted(body: Vec<u8>) {
        read(&body);
    }

    #[test]
    fn any_order_and_damage_is_survived(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0usize..400, any::<u8>()), 0..80),
    ) {
        let lines: Vec<&[u8]> = LINES.lines().map(str::as_bytes).collect();
        let mut body = Vec::new();
        for (pick, at, byte) in picks {
            let mut line = pick.get(&lines).to_vec();
            if let Some(held) = line.get_mut(at) {
                *held = byte;
            }
            body.extend(line);
            body.push(b'\n');
        }
        read(&body);
        let Framing::Events(part) = format().framing else { panic!() };
        let (complete, waiting) = part(&body);
        prop_assert_eq!(format().count(&complete) + format().count(&waiting), format().count(&body));
    }
}
