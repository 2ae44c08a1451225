//! Which methods of the compatible API are routed.

use std::collections::BTreeMap;

use api::Routes;
use serde_json::Value;

/// Groups of which every method has to be routed, but for those of [`ABSENT`].
const GROUPS: [&str; 16] = [
    "Advanced hunting",
    "Alerts",
    "Antivirus device health",
    "Automated investigations",
    "Defender XDR",
    "Domains",
    "Files",
    "Graph security",
    "Indicators",
    "IPs",
    "Live response",
    "Machine actions",
    "Machines",
    "Metadata",
    "Streaming",
    "Users",
];

/// Methods that are known not to be there: why, and how many.
const ABSENT: &[(&str, &[&str])] = &[
    (
        "there is no inventory of software and vulnerabilities yet",
        &[
            "GET /api/machines/{machineId}/software",
            "GET /api/machines/{machineId}/vulnerabilities",
            "GET /api/machines/{machineId}/recommendations",
            "GET /api/machines/{machineId}/getmissingkbs",
            "GET /testwdatppreview/kbinfo",
            "GET /testwdatppreview/cvekbmap",
            "GET /testwdatppreview/machinesecuritystates",
        ],
    ),
    ("no device tells of its antivirus yet", &["GET /api/deviceavinfo"]),
    (
        "there is nothing yet that streams events to other places",
        &[
            "GET /api/dataexportsettings",
            "POST /api/dataexportsettings",
            "DELETE /api/dataexportsettings/{id}",
        ],
    ),
];

/// A path as the routes declare it: names of parameters do not matter, and neither do arguments of functions.
fn shape(path: &str) -> String {
    let path = path.split(['?', ' ']).next().unwrap_or_default();
    let segments = path.split('/').map(|segment| match segment.split_once('(') {
        Some((function, _)) => format!("{function}()"),
        None if segment.starts_with('{') => "{}".to_owned(),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/").to_lowercase()
}

#[test]
fn every_method_of_the_named_groups_is_routed_or_known_to_be_absent() {
    let Ok(shared) = std::env::var("BARTIZAN_SHARED") else {
        eprintln!("skipped: BARTIZAN_SHARED does not name a folder with reference/api.json");
        return;
    };
    let text = std::fs::read_to_string(format!("{shared}/reference/api.json")).unwrap();
    let methods: Vec<Value> = serde_json::from_str(&text).unwrap();
    let routes = Routes::all();
    let routed: Vec<_> =
        routes.declared().iter().map(|route| (route.method.to_string(), shape(route.path))).collect();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for method in &methods {
        let text = |name: &str| method[name].as_str().unwrap().to_owned();
        // Spaces inside braces are of the documentation.
        let path = text("path").replace("{machine action id}", "{id}").replace("{machineactionid}", "{id}");
        let wanted = (text("method"), shape(&path));
        if !routed.contains(&wanted) {
            missing.entry(text("group")).or_default().push(format!("{} {}", wanted.0, path));
        }
    }
    for (group, paths) in &missing {
        println!("{group}: {} missing", paths.len());
        paths.iter().for_each(|path| println!("  {path}"));
    }
    for group in GROUPS {
        assert!(methods.iter().any(|method| method["group"] == group), "no group is called {group}");
    }
    let mut lacking: Vec<_> = GROUPS.iter().filter_map(|group| missing.get(*group)).flatten().collect();
    lacking.sort_unstable();
    let mut known: Vec<_> = ABSENT.iter().flat_map(|(_, paths)| paths.iter()).collect();
    known.sort_unstable();
    assert_eq!(lacking, known);
}
