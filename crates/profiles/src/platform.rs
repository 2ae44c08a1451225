//! The operating system of a device as paths and accounts in its events betray it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::merge::{Latest, raise};
use crate::rows::Rows;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Platform {
    Linux,
    Windows,
    MacOs,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Platform::Linux => "Linux",
            Platform::Windows => "Windows",
            Platform::MacOs => "macOS",
        })
    }
}

/// For each device of the batch that betrays it, the latest platform.
pub(crate) fn inferred(rows: &Rows<'_>) -> impl Iterator<Item = (u32, Latest<Platform>)> {
    let registry = rows.text("RegistryKey");
    let domains = [rows.text("AccountDomain"), rows.text("InitiatingProcessAccountDomain")];
    let paths = [rows.text("InitiatingProcessFolderPath"), rows.text("FolderPath")];
    let is_absent = registry.is_absent() && domains.iter().chain(&paths).all(|texts| texts.is_absent());
    let mut latest: Vec<Option<Latest<Platform>>> = rows.devices.iter().map(|_| None).collect();
    for seen in rows.iter().filter(|_| !is_absent) {
        let present = &mut latest[seen.device as usize];
        if present.as_ref().is_some_and(|present| present.at > seen.at) {
            continue;
        }
        let is_windows = !registry.at(seen.row).is_empty()
            || domains.iter().any(|domain| domain.at(seen.row).eq_ignore_ascii_case("nt authority"));
        let platform = match is_windows {
            true => Some(Platform::Windows),
            false => paths.iter().find_map(|path| of_path(path.at(seen.row))),
        };
        raise(present, platform.map(|value| Latest { at: seen.at, value }));
    }
    (0..).zip(latest).filter_map(|(device, latest)| Some((device, latest?)))
}

fn of_path(path: &str) -> Option<Platform> {
    match path.as_bytes() {
        [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic() => Some(Platform::Windows),
        [b'\\', ..] => Some(Platform::Windows),
        [b'/', ..] => {
            let is_mac = ["/Applications/", "/System/", "/Library/", "/Users/", "/private/"]
                .iter()
                .any(|start| path.starts_with(start));
            Some(if is_mac { Platform::MacOs } else { Platform::Linux })
        }
        _ => None,
    }
}
