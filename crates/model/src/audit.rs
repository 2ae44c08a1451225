//! The audit log: who did what, as a chain of records in which each names the hash of the one before.
//!
//! A record's hash is the SHA-256 of the hash before it and its own text, so that whoever knows one hash can tell
//! whether anything up to it was changed, left out or put in between.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::time::Ticks;

/// What comes before the first record.
pub const FIRST_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is written about one act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// The principal name of the user, the name of the app, or `server`.
    pub actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The method and the path of the route.
    pub action: String,
    /// The segment of the path that varies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    pub verdict: Verdict,
    /// The status of the answer, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The id of the answer, by which the log of the server knows more.
    pub request: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

/// How far an act came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It may be done; what follows says how it ended.
    Allowed,
    /// It may not.
    Denied,
    Done,
    Failed,
}

/// One link of the chain, as it is kept and handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditRecord {
    /// 1, 2, 3... in each tenant.
    pub sequence: i64,
    pub time: Ticks,
    /// An [`AuditEntry`] as JSON, byte for byte as it was hashed.
    pub entry: String,
    pub previous: String,
    pub hash: String,
}

impl AuditRecord {
    /// The record that follows one of that sequence and hash.
    pub fn after(sequence: i64, previous: &str, time: Ticks, entry: &AuditEntry) -> AuditRecord {
        let entry = serde_json::to_string(entry).unwrap_or_default();
        let sequence = sequence.saturating_add(1);
        let hash = hash(sequence, time, &entry, previous);
        AuditRecord { sequence, time, entry, previous: previous.to_owned(), hash }
    }
}

/// The SHA-256 of a text, by which a record can name it without repeating it.
pub fn text_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(sequence: i64, time: Ticks, entry: &str, previous: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(previous.as_bytes());
    hash.update(sequence.to_be_bytes());
    hash.update(time.0.to_be_bytes());
    hash.update(entry.as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Follows a chain from its first record on.
#[derive(Clone, Debug)]
pub struct Verifier {
    sequence: i64,
    hash: String,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("record {found} stands where record {expected} has to be: records are missing or out of order")]
    Sequence { expected: i64, found: i64 },
    #[error("record {sequence} does not follow the record before it: that one was changed or replaced")]
    Previous { sequence: i64 },
    #[error("record {sequence} was changed: its hash is not that of its content")]
    Hash { sequence: i64 },
}

impl Default for Verifier {
    fn default() -> Verifier {
        Verifier { sequence: 0, hash: FIRST_HASH.to_owned() }
    }
}

impl Verifier {
    /// Takes the next record in.
    pub fn check(&mut self, record: &AuditRecord) -> Result<(), Broken> {
        let sequence = record.sequence;
        let expected = self.sequence.saturating_add(1);
        if sequence != expected {
            return Err(Broken::Sequence { expected, found: sequence });
        }
        if record.previous != self.hash {
            return Err(Broken::Previous { sequence });
        }
        if hash(sequence, record.time, &record.entry, &record.previous) != record.hash {
            return Err(Broken::Hash { sequence });
        }
        self.sequence = sequence;
        self.hash.clone_from(&record.hash);
        Ok(())
    }

    /// How many records were taken in.
    pub fn records(&self) -> i64 {
        self.sequence
    }

    /// The hash of the last one.
    pub fn head(&self) -> &str {
        &self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<AuditRecord> {
        let entry = |at: i64| AuditEntry {
            actor: "admin".into(),
            app: None,
            user: None,
            address: None,
            action: "POST /api/alerts".into(),
            object: Some(at.to_string()),
            verdict: Verdict::Done,
            status: Some(200),
            request: "r".into(),
            detail: None,
        };
        let mut records: Vec<AuditRecord> = Vec::new();
        for at in 0..5 {
            let (sequence, previous) =
                records.last().map_or((0, FIRST_HASH.to_owned()), |last| (last.sequence, last.hash.clone()));
            records.push(AuditRecord::after(sequence, &previous, Ticks(at), &entry(at)));
        }
        records
    }

    fn verify(records: &[AuditRecord]) -> Result<(), Broken> {
        let mut verifier = Verifier::default();
        records.iter().try_for_each(|record| verifier.check(record))
    }

    #[test]
    fn a_chain_holds_and_any_change_of_it_breaks_it() {
        assert_eq!(verify(&chain()), Ok(()));
        for at in 0..4 {
            let mut missing = chain();
            missing.remove(at);
            assert!(verify(&missing).is_err(), "{at}");
            let mut swapped = chain();
            swapped.swap(at, at + 1);
            assert!(verify(&swapped).is_err(), "{at}");
        }
        for at in 0..5 {
            let mut changed = chain();
            changed[at].entry = changed[at].entry.replace("admin", "nobody");
            assert_eq!(verify(&changed), Err(Broken::Hash { sequence: at as i64 + 1 }));
            let mut moved = chain();
            moved[at].time = Ticks(99);
            assert_eq!(verify(&moved), Err(Broken::Hash { sequence: at as i64 + 1 }));
        }
        // Whoever writes the hash anew breaks the link behind it.
        let mut rewritten = chain();
        let before = rewritten[1].clone();
        let mut entry: AuditEntry = serde_json::from_str(&rewritten[2].entry).unwrap();
        entry.actor = "nobody".into();
        rewritten[2] = AuditRecord::after(before.sequence, &before.hash, rewritten[2].time, &entry);
        assert_eq!(verify(&rewritten), Err(Broken::Previous { sequence: 4 }));
    }
}
