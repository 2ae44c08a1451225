//! The operator's database of places by address.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use query::GeoDatabase;
use tracing::info;

/// Bytes of the largest file that is taken: it is held in memory for as long as the server runs.
const BYTES_MAX: u64 = 2 << 30;

/// Reads the database that hunting asks, if there is to be one.
pub(crate) async fn load(file: Option<&Path>) -> anyhow::Result<Option<Arc<GeoDatabase>>> {
    let Some(path) = file.map(Path::to_owned) else { return Ok(None) };
    let shown = path.display().to_string();
    // Every record is read, which takes a while in a large file.
    let read = tokio::task::spawn_blocking(move || read(&path, BYTES_MAX)).await;
    let database =
        read.map_err(Into::into).flatten().with_context(|| format!("hunting.geo_database is {shown}"))?;
    info!(file = shown, kind = database.name(), "read the database of places");
    Ok(Some(Arc::new(database)))
}

fn read(path: &Path, bytes_max: u64) -> anyhow::Result<GeoDatabase> {
    let file = File::open(path).context("the file cannot be opened")?;
    let length = file.metadata().context("the file cannot be read")?.len();
    if length > bytes_max {
        bail!("the file has {length} bytes, and {bytes_max} are taken at most");
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(bytes_max).read_to_end(&mut bytes).context("the file cannot be read")?;
    Ok(GeoDatabase::new(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(path: &Path, bytes_max: u64, said: &str) {
        let error = format!("{:#}", read(path, bytes_max).unwrap_err());
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn what_is_no_database_is_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("places.mmdb");
        check_refused(&file, BYTES_MAX, "cannot be opened");
        check_refused(folder.path(), BYTES_MAX, "cannot be read");
        std::fs::write(&file, "<html>not found</html>").unwrap();
        check_refused(&file, BYTES_MAX, "the database of places is not usable");
        check_refused(&file, 21, "the file has 22 bytes, and 21 are taken at most");
    }
}
