//! That no method of the compatible API is missing.

use api::{Access, Routes};
use model::permission::PERMISSIONS;
use serde_json::Value;

use crate::contract::METHODS;

/// Groups of which every method has to be there, but for those of [`ABSENT`].
const GROUPS: [&str; 17] = [
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
    "SIEM (retired)",
    "Streaming",
    "Users",
];

/// Methods that are known not to be there: there is no inventory of software and vulnerabilities yet.
const ABSENT: [&str; 6] = [
    "GET /api/machines/{}/getmissingkbs",
    "GET /api/machines/{}/recommendations",
    "GET /api/machines/{}/software",
    "GET /api/machines/{}/vulnerabilities",
    "GET /testwdatppreview/cvekbmap",
    "GET /testwdatppreview/kbinfo",
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
fn every_method_has_a_route_a_permission_and_an_example() {
    let routes = Routes::all();
    for method in METHODS {
        let told = format!("{} {}", method.route.0, method.route.1);
        let route = method.declared(&routes).unwrap_or_else(|| panic!("{told} is not routed"));
        let takes_form = route.path == "/api/libraryfiles";
        let has_body = matches!(method.route.0, "POST" | "PATCH") && !takes_form;
        assert!(!has_body || route.takes.is_some(), "{told} has no example of its body");
        let names: Vec<&str> = match &route.access {
            Access::Needs(permission) => vec![permission.application_name()],
            Access::NeedsOneOf(permissions) => permissions.iter().map(|p| p.application_name()).collect(),
            _ => Vec::new(),
        };
        // What includes the permission of the route is enough, too.
        let is_enough = |documented: &str| {
            let held = PERMISSIONS.iter().find(|declared| declared.application == documented);
            held.is_some_and(|held| {
                names.iter().any(|name| {
                    held.application == *name || held.includes.iter().any(|p| p.application_name() == *name)
                })
            })
        };
        assert!(method.permissions.iter().all(|name| is_enough(name)), "{told} takes {names:?}");
    }
    for group in GROUPS {
        assert!(METHODS.iter().any(|method| method.group == group), "{group} has no method");
    }
}

#[test]
fn every_documented_method_of_the_named_groups_is_among_them_or_known_to_be_absent() {
    let Ok(shared) = std::env::var("BARTIZAN_SHARED") else {
        eprintln!("skipped: BARTIZAN_SHARED does not name a folder with reference/api.json");
        return;
    };
    let text = std::fs::read_to_string(format!("{shared}/reference/api.json")).unwrap();
    let documented: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut absent = Vec::new();
    for group in GROUPS {
        assert!(documented.iter().any(|method| method["group"] == group), "no group is called {group}");
    }
    for of in documented.iter().filter(|of| GROUPS.contains(&of["group"].as_str().unwrap())) {
        let text = |name: &str| of[name].as_str().unwrap();
        // Blanks inside braces are of the documentation, and so is the host of the exporter.
        let path = text("path").replace("{machine action id}", "{id}");
        let path = if path.contains("exporter host") { "/exporter/api/alerts".to_owned() } else { path };
        let wanted = (text("method").to_owned(), shape(&path));
        let found =
            METHODS.iter().find(|method| (method.route.0.to_owned(), shape(method.route.1)) == wanted);
        let Some(method) = found else {
            absent.push(format!("{} {}", wanted.0, wanted.1));
            continue;
        };
        assert_eq!(method.group, text("group"), "{wanted:?}");
        let names: Vec<&str> =
            of["app_permission"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let known = PERMISSIONS.iter().map(|declared| declared.application);
        let names: Vec<&str> =
            names.into_iter().filter(|name| known.clone().any(|known| known == *name)).collect();
        let is_documented = |permission: &&str| names.contains(permission);
        assert!(method.permissions.iter().all(is_documented), "{wanted:?} takes one of {names:?}");
        assert_eq!(method.permissions.is_empty(), names.is_empty(), "{wanted:?} takes one of {names:?}");
    }
    absent.sort_unstable();
    assert_eq!(absent, ABSENT);
}
