//! Rules from files: what is wrong is named, and the rest still loads.

use std::fs;

use detections::{LoadProblem, RuleSet};
use expect_test::{Expect, expect};

const GOOD: &str = "title: Good\nid: 11111111-0000-4000-8000-000000000001\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n    selection:\n        Image: x\n    condition: selection\nlevel: critical\ntags:\n    - attack.t1003.001\n    - attack.credential-access\n";

fn list(problems: &[LoadProblem]) -> String {
    let lines = problems.iter().map(|p| {
        let message = p.message.lines().next().unwrap_or_default();
        format!("{}: {message}", p.path.file_name().unwrap().to_string_lossy())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(name: &str, yaml: &str, problems: Expect, skipped: Expect) {
    let loaded = RuleSet::from_yaml(&[(name, yaml), ("good.yml", GOOD)]);
    assert_eq!(loaded.rules.metas().last().unwrap().title, "Good");
    problems.assert_eq(&list(&loaded.problems));
    skipped.assert_eq(&list(&loaded.skipped));
}

#[test]
fn a_bad_rule_is_a_problem_of_its_own() {
    check(
        "a.yml",
        "title: [",
        expect![
            "a.yml: YAML parse error: did not find expected node content at line 2 column 1, while parsing a flow node"
        ],
        expect![],
    );
    check("a.yml", "- 1\n- 2\n", expect!["a.yml: Document is not a YAML mapping"], expect![]);
    check(
        "a.yml",
        "title: t\nlogsource:\n    product: windows\n",
        expect!["a.yml: Missing required field 'detection'"],
        expect![],
    );
    check(
        "a.yml",
        &GOOD.replace("condition: selection", "condition: selection and"),
        expect!["a.yml: Condition parse error at 1:14:  --> 1:14"],
        expect![],
    );
    check(
        "a.yml",
        &GOOD.replace("Image: x", "Image|nonsense: x"),
        expect!["a.yml: Unknown modifier 'nonsense'"],
        expect![],
    );
    check(
        "a.yml",
        &GOOD.replace("Image: x", "Image|re: '('"),
        expect!["a.yml: 'Good': invalid regex pattern: regex parse error:"],
        expect![],
    );
    check(
        "a.yml",
        &GOOD.replace("Image: x", "Image|cidr|contains: x"),
        expect![
            "a.yml: 'Good': invalid modifier combination: conflicting modifiers: at most one operator may be set per field; got |contains, |cidr"
        ],
        expect![],
    );
}

#[test]
fn a_rule_that_cannot_run_here_is_skipped() {
    check(
        "a.yml",
        &GOOD.replace("process_creation", "webserver"),
        expect![],
        expect!["a.yml: 'Good': no rows of category 'webserver'"],
    );
    check(
        "a.yml",
        &GOOD.replace("product: windows", "product: macos"),
        expect![],
        expect!["a.yml: 'Good': no rows of product 'macos'"],
    );
    check(
        "a.yml",
        &GOOD.replace("Image: x", "Image|expand: '%x%'"),
        expect![],
        expect!["a.yml: 'Good': it holds placeholders (modifier 'expand')"],
    );
    let correlation = "title: Many\ncorrelation:\n    type: event_count\n    rules: [x]\n    group-by: [User]\n    timespan: 1m\n    condition:\n        gte: 3\n";
    check("a.yml", correlation, expect![], expect!["a.yml: 'Many': correlation rules are not run"]);
    let nowhere =
        GOOD.replace("    product: windows\n    category: process_creation\n", "    definition: x\n");
    check(
        "a.yml",
        &nowhere,
        expect![],
        expect!["a.yml: 'Good': the log source names no product, category or service"],
    );
}

#[test]
fn the_first_of_two_rules_with_one_id_stays() {
    let second = GOOD.replace("title: Good", "title: Second");
    let loaded = RuleSet::from_yaml(&[("a.yml", GOOD), ("b.yml", &second)]);
    assert_eq!(loaded.rules.len(), 1);
    expect!["b.yml: the id 11111111-0000-4000-8000-000000000001 is that of a.yml too; this rule is left out"]
        .assert_eq(&list(&loaded.problems));
}

#[test]
fn what_is_known_of_a_rule() {
    let loaded = RuleSet::from_yaml(&[("a.yml", GOOD)]);
    expect![[r#"
        {
          "id": "11111111-0000-4000-8000-000000000001",
          "title": "Good",
          "description": "",
          "author": null,
          "severity": "High",
          "status": null,
          "tags": [
            "attack.t1003.001",
            "attack.credential-access"
          ],
          "techniques": [
            "T1003.001"
          ],
          "category": "CredentialAccess",
          "references": [],
          "falsepositives": [],
          "license": null
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&loaded.rules.metas()[0]).unwrap());
    let nameless = GOOD.replace("id: 11111111-0000-4000-8000-000000000001\n", "");
    let loaded = RuleSet::from_yaml(&[("a.yml", &nameless)]);
    expect!["cc98deda-2bc6-87c3-be99-d54c55d8a95f"].assert_eq(&loaded.rules.metas()[0].id);
}

#[test]
fn folders_are_read_with_what_is_below_them() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("windows").join("deep");
    fs::create_dir_all(&below).unwrap();
    fs::write(folder.path().join("a.yml"), GOOD).unwrap();
    fs::write(below.join("b.YAML"), GOOD.replace("000000000001", "000000000002")).unwrap();
    fs::write(below.join("c.txt"), "not a rule").unwrap();
    fs::write(below.join("d.yml"), [0xff, 0xfe]).unwrap();
    fs::write(below.join("e.yml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), below.join("loop")).unwrap();
    let loaded = RuleSet::load(&[folder.path().to_owned(), folder.path().join("absent")]);
    assert_eq!(loaded.rules.len(), 2);
    expect![[r#"
        d.yml: the file is not UTF-8
        e.yml: the file is larger than 1048576 bytes
        absent: cannot list the folder: No such file or directory (os error 2)"#]]
    .assert_eq(&list(&loaded.problems));
}
