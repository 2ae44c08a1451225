//! The lines of a Delta log: one JSON object for each thing that a commit says.

use std::collections::BTreeMap;

use model::Ticks;
use model::time::{UNIX_EPOCH_TICKS, civil_from_days};
use serde::{Deserialize, Serialize};

use model::lake::DataFile;

/// What this publisher understands and asks of readers: the first versions, which every reader knows.
pub(super) const READER_VERSION: i32 = 1;
pub(super) const WRITER_VERSION: i32 = 2;

/// One line; exactly one field is set. Kinds of line that are not listed here read as none and change nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    /// For people; never read back.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub commit_info: Option<CommitInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<MetaData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Add>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Remove>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitInfo {
    /// Milliseconds since 1970, like every time in the log.
    pub timestamp: i64,
    pub operation: &'static str,
    pub operation_parameters: BTreeMap<String, String>,
    pub engine_info: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub min_reader_version: i32,
    pub min_writer_version: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetaData {
    pub id: String,
    pub format: Format,
    pub schema_string: String,
    #[serde(default)]
    pub partition_columns: Vec<String>,
    #[serde(default)]
    pub configuration: BTreeMap<String, String>,
    #[serde(default)]
    pub created_time: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Format {
    pub provider: String,
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// A data file that belongs to the table from this commit on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    /// Below the table's root.
    pub path: String,
    #[serde(default)]
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Exact: readers find the footer by it.
    pub size: i64,
    pub modification_time: i64,
    /// False when every row was in the table before, in another file.
    pub data_change: bool,
    /// [`Stats`] as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<String>,
}

/// A data file that no longer belongs to the table. It stays on disk for those who read an older version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub path: String,
    #[serde(default)]
    pub deletion_timestamp: Option<i64>,
    pub data_change: bool,
    #[serde(default)]
    pub extended_file_metadata: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_values: Option<BTreeMap<String, Option<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
}

/// What is known of a file's rows without reading it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Stats {
    pub num_records: i64,
    pub min_values: Bounds,
    pub max_values: Bounds,
    pub null_count: Nulls,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Bounds {
    #[serde(rename = "Timestamp", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    #[serde(rename = "_sequence", skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Nulls {
    #[serde(rename = "Timestamp", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    #[serde(rename = "_sequence", skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
}

impl Add {
    /// `path` is the file's path below the table's root.
    pub fn of(file: &DataFile, path: &str, has_time: bool, data_change: bool, now: Ticks) -> Add {
        let bounds = |time: Option<i64>, sequence| Bounds {
            timestamp: time.filter(|_| has_time).map(|ticks| micros_text(Ticks(ticks))),
            sequence: Some(sequence),
        };
        // A file holds one day; rows without a time have a day, and so files, of their own.
        let without_time = if file.first_time.is_none() { file.rows } else { 0 };
        let stats = Stats {
            num_records: file.rows,
            min_values: bounds(file.first_time, file.first_sequence),
            max_values: bounds(file.last_time, file.last_sequence),
            null_count: Nulls { timestamp: has_time.then_some(without_time), sequence: Some(0) },
        };
        Add {
            path: path.to_owned(),
            partition_values: BTreeMap::new(),
            size: file.bytes,
            modification_time: now.unix_millis(),
            data_change,
            stats: serde_json::to_string(&stats).ok(),
        }
    }

    pub fn stats(&self) -> Stats {
        let stats = self.stats.as_deref().and_then(|text| serde_json::from_str(text).ok());
        stats.unwrap_or_default()
    }

    pub fn removal(&self, data_change: bool, now: Ticks) -> Remove {
        Remove {
            path: self.path.clone(),
            deletion_timestamp: Some(now.unix_millis()),
            data_change,
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition_values.clone()),
            size: Some(self.size),
        }
    }
}

/// One line for each action.
pub(super) fn lines(actions: &[Action]) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    for action in actions {
        serde_json::to_writer(&mut text, action)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Reads what [`lines`], or another writer, wrote. Empty lines are allowed.
pub(super) fn parse_lines(text: &[u8]) -> Result<Vec<Action>, serde_json::Error> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(serde_json::from_slice).collect()
}

/// `2026-11-20T09:15:43.123456Z`: the precision that the log's `timestamp` has. Cut, as readers cut the values.
fn micros_text(time: Ticks) -> String {
    let (year, month, day) = civil_from_days(time.0.div_euclid(model::time::TICKS_PER_DAY));
    let micros = (time.0 - UNIX_EPOCH_TICKS).div_euclid(10).rem_euclid(86_400 * 1_000_000);
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_time(text: &str, expected: &str) {
        assert_eq!(micros_text(Ticks::parse(text).unwrap()), expected);
    }

    #[test]
    fn times_are_cut_to_microseconds() {
        check_time("2026-11-20T09:15:43.1234567Z", "2026-11-20T09:15:43.123456Z");
        check_time("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z");
        check_time("1700-03-01", "1700-03-01T00:00:00.000000Z");
    }

    #[test]
    fn lines_of_other_writers_are_read() {
        let text = br#"{"commitInfo":{"operation":"OPTIMIZE","anything":[1]}}
{"txn":{"appId":"x","version":1}}

{"add":{"path":"a","size":1,"modificationTime":2,"dataChange":true,"tags":{},"deletionVector":null}}
{"remove":{"path":"b","dataChange":false}}
"#;
        let actions = parse_lines(text).unwrap();
        assert_eq!(actions[0], Action::default());
        assert_eq!(actions[1], Action::default());
        assert_eq!(actions[2].add.as_ref().unwrap().stats(), Stats::default());
        assert_eq!(actions[3].remove.as_ref().unwrap().path, "b");
        assert!(parse_lines(b"{\"add\":{}}").is_err());
    }
}
