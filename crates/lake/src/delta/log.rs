//! The folder `_delta_log`: its files, and how they are written and read.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use model::Ticks;
use object_store::path::Path;

use super::action::{Action, lines, parse_lines};
use super::checkpoint;
use super::state::Published;
use crate::files::{Existing, Files};
use crate::{LakeError, blocking};

/// No file of a log is nearly as large; one that is was not written by us.
const LOG_FILE_BYTES_MAX: u64 = 1 << 30;

/// One table's log.
#[derive(Clone)]
pub(super) struct DeltaLog {
    files: Files,
    /// Without a slash at the end.
    folder: String,
}

/// What lies in the folder, by version.
#[derive(Default)]
struct Listing {
    commits: BTreeMap<u64, LogFile>,
    checkpoints: BTreeMap<u64, LogFile>,
}

struct LogFile {
    bytes: u64,
    /// Milliseconds since 1970.
    written: i64,
}

impl DeltaLog {
    pub fn new(files: Files, root: &str) -> DeltaLog {
        DeltaLog { files, folder: format!("{root}/_delta_log") }
    }

    /// The latest version: its checkpoint and what was committed since.
    pub async fn read(&self) -> Result<Published, LakeError> {
        let listing = self.list().await?;
        let mut state = Published::default();
        let mut next = 0;
        if let Some((version, file)) = listing.checkpoints.last_key_value() {
            let path = self.checkpoint_path(*version);
            let bytes = self.read_file(&path, file).await?;
            let actions = blocking(move || checkpoint::decode(bytes)).await?;
            let actions = actions.map_err(|error| damaged(&path, error.to_string()))?;
            apply(&mut state, actions, &path)?;
            state.version = Some(*version);
            state.checkpoint = Some(*version);
            next = version + 1;
        }
        for (version, file) in listing.commits.range(next..) {
            if *version != next {
                return Err(damaged(&self.commit_path(next), "the commit is missing".to_owned()));
            }
            let path = self.commit_path(*version);
            let bytes = self.read_file(&path, file).await?;
            let actions = parse_lines(&bytes).map_err(|error| damaged(&path, error.to_string()))?;
            apply(&mut state, actions, &path)?;
            state.version = Some(*version);
            next = version + 1;
        }
        Ok(state)
    }

    /// Writes a commit, unless its version exists: then returns false.
    pub async fn commit(&self, version: u64, actions: &[Action]) -> Result<bool, LakeError> {
        let path = self.commit_path(version);
        let text = lines(actions).map_err(|error| damaged(&path, error.to_string()))?;
        self.files.put_whole(&path, text.into(), Existing::Keep).await
    }

    /// Writes a checkpoint of the latest version and tells readers of it.
    pub async fn write_checkpoint(&self, state: &Published, version: u64) -> Result<(), LakeError> {
        let copy = state.clone();
        let (bytes, actions) = blocking(move || checkpoint::encode(&copy)).await??;
        self.files.put_whole(&self.checkpoint_path(version), bytes, Existing::Replace).await?;
        let last = serde_json::json!({ "version": version, "size": actions }).to_string();
        let path = format!("{}/_last_checkpoint", self.folder);
        self.files.put_whole(&path, Bytes::from(last), Existing::Replace).await?;
        Ok(())
    }

    /// Removes what is older than `retention` and needed for no version that is younger: everything before the
    /// latest checkpoint of that age.
    pub async fn clean_up(&self, retention: Duration, now: Ticks) -> Result<usize, LakeError> {
        let listing = self.list().await?;
        let old = now.unix_millis().saturating_sub(retention.as_millis() as i64);
        let kept_from = listing.checkpoints.iter().rev().find(|(_, file)| file.written < old);
        let Some((kept_from, _)) = kept_from else { return Ok(0) };
        let commits = listing.commits.range(..kept_from).map(|(version, _)| self.commit_path(*version));
        let checkpoints =
            listing.checkpoints.range(..kept_from).map(|(version, _)| self.checkpoint_path(*version));
        // Checkpoints go last: a log whose clean-up was cut short still begins with one.
        let paths: Vec<String> = commits.chain(checkpoints).collect();
        for path in &paths {
            self.files.remove(path).await?;
        }
        Ok(paths.len())
    }

    async fn list(&self) -> Result<Listing, LakeError> {
        let store = self.files.store();
        let mut found = store.list(Some(&Path::from(self.folder.as_str())));
        let mut listing = Listing::default();
        let error = |source| LakeError::File { doing: "list", path: self.folder.clone(), source };
        while let Some(meta) = found.try_next().await.map_err(error)? {
            let file = LogFile { bytes: meta.size, written: meta.last_modified.timestamp_millis() };
            let name = meta.location.filename().unwrap_or_default();
            if let Some(version) = version_of(name, ".json") {
                listing.commits.insert(version, file);
            } else if let Some(version) = version_of(name, ".checkpoint.parquet") {
                listing.checkpoints.insert(version, file);
            }
        }
        Ok(listing)
    }

    async fn read_file(&self, path: &str, file: &LogFile) -> Result<Bytes, LakeError> {
        if file.bytes > LOG_FILE_BYTES_MAX {
            return Err(damaged(path, format!("it is larger than {LOG_FILE_BYTES_MAX} bytes")));
        }
        self.files.read(path).await
    }

    fn commit_path(&self, version: u64) -> String {
        format!("{}/{version:020}.json", self.folder)
    }

    fn checkpoint_path(&self, version: u64) -> String {
        format!("{}/{version:020}.checkpoint.parquet", self.folder)
    }
}

fn version_of(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending).filter(|digits| digits.len() == 20)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn apply(state: &mut Published, actions: Vec<Action>, path: &str) -> Result<(), LakeError> {
    actions.into_iter().try_for_each(|action| state.apply(action)).map_err(|reason| damaged(path, reason))
}

fn damaged(path: &str, reason: String) -> LakeError {
    LakeError::Delta { path: path.to_owned(), reason }
}
