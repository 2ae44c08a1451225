use std::sync::Arc;

use expect_test::{Expect, expect};
use sandbox::{Fleet, SCENARIOS, World};

use crate::config;

#[test]
fn the_embedded_files_are_good() {
    let world = World::embedded().unwrap();
    let attacks: Vec<_> = world.attacks().collect();
    assert_eq!(attacks, ["phishing-document", "credential-theft", "build-server-compromise"]);
}

/// Adds a file to the embedded ones and shows what is wrong with it.
#[track_caller]
fn check(text: &str, expected: Expect) {
    let mut sources = SCENARIOS.to_vec();
    sources.push(("mine.toml", text));
    expected.assert_eq(&World::read(&sources).unwrap_err().to_string());
}

fn activity(step: &str) -> String {
    format!("[[activity]]\nname = \"mine\"\non = [\"windows-11-office\"]\nstep = [{step}]\n")
}

#[test]
fn unknown_keys_are_named() {
    check(
        "[[profil]]\nname = \"a\"",
        expect![[r#"
        scenario file mine.toml: TOML parse error at line 1, column 3
          |
        1 | [[profil]]
          |   ^^^^^^
        unknown field `profil`, expected one of `company`, `list`, `profile`, `program`, `activity`"#]],
    );
    check(
        &activity(r#"{ action = "dns", process = "browser", query = "a.example", answer = [] }"#),
        expect![[r#"
            scenario file mine.toml: TOML parse error at line 4, column 8
              |
            4 | step = [{ action = "dns", process = "browser", query = "a.example", answer = [] }]
              |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            unknown field `answer`, expected one of `process`, `query`, `answers`"#]],
    );
    check(
        &activity(r#"{ action = "dance", process = "browser" }"#),
        expect![[r#"
        scenario file mine.toml: TOML parse error at line 4, column 8
          |
        4 | step = [{ action = "dance", process = "browser" }]
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        unknown variant `dance`, expected one of `process`, `network`, `file`, `registry`, `logon`, `image_load`, `dns`, `service`, `process_access`
        in `action`"#]],
    );
    check(
        "[[activity]]\nname = \"mine\"\non = [\"windows-11-office\"]\nstep = []\nwait = 3\n",
        expect![[r#"
            scenario file mine.toml: TOML parse error at line 5, column 1
              |
            5 | wait = 3
              | ^^^^
            unknown field `wait`, expected one of `name`, `on`, `weight`, `hours`, `quiet`, `attack`, `role`, `var`, `step`"#]],
    );
}

#[test]
fn names_that_mean_nothing_are_named() {
    check(&activity(""), expect!["scenario file mine.toml: activity 'mine': it has no step"]);
    check(
        &activity(r#"{ action = "dns", process = "word", query = "a" }"#),
        expect!["scenario file mine.toml: activity 'mine': step 1: no process 'word' was started before it"],
    );
    check(
        &activity(r#"{ action = "dns", process = "browser", query = "{site}" }"#),
        expect!["scenario file mine.toml: activity 'mine': step 1: there is no variable 'site'"],
    );
    check(
        &activity(r#"{ action = "dns", process = "browser", query = "{rand:}" }"#),
        expect![[r#"
        scenario file mine.toml: TOML parse error at line 4, column 8
          |
        4 | step = [{ action = "dns", process = "browser", query = "{rand:}" }]
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        '{rand:}' is not a field of '{rand:}'"#]],
    );
    check(
        &activity(r#"{ action = "dns", process = "browser", query = "a", on = "other" }"#),
        expect!["scenario file mine.toml: activity 'mine': step 1: there is no role 'other'"],
    );
    check(
        &activity(r#"{ action = "dns", process = "browser", query = "a", after = -1 }"#),
        expect![
            "scenario file mine.toml: activity 'mine': step 1: delays, jitter or repeat are out of range"
        ],
    );
    check(
        "[[activity]]\nname = \"mine\"\non = [\"macos\"]\nstep = [{ action = \"dns\", process = \"a\", query = \"a\" }]",
        expect!["scenario file mine.toml: activity 'mine': there is no profile 'macos'"],
    );
}

#[test]
fn a_world_of_ones_own_can_be_simulated() {
    let mut sources = SCENARIOS[..3].to_vec();
    let text = activity(r#"{ action = "dns", process = "browser", query = "{user}.example", repeat = 2 }"#);
    sources.push(("mine.toml", &text));
    let world = Arc::new(World::read(&sources).unwrap());
    let mut fleet = Fleet::in_world(config(1), world).unwrap();
    let rows = fleet.next_batch(config(1).start.plus_seconds(3_600));
    let queries = rows.iter().filter(|row| row.text("ActionType") == "DnsQueryResponse").count();
    assert!(queries > 100, "{queries}");
}
