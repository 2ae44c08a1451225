//! Opening the state store where the configuration says.

use anyhow::{Context, bail};
use store::Store;
use tracing::info;

use crate::config::Config;
use crate::data_folder::DataFolder;

const FILE: &str = "state.db";

/// Opens the state of a data folder: in its file, or in the database that is set. It cannot move from one to the other
/// unnoticed: files of events that a state does not know are removed.
pub(crate) async fn open_store(config: &Config, folder: &DataFolder) -> anyhow::Result<Store> {
    let file = folder.file(FILE);
    let Some(address) = config.store.address().context("store")? else {
        if let Some(database) = folder.database()? {
            bail!(
                "cannot open the state store: the state of this data folder is in {database}, and no store.database \
                 is set (a command takes the configuration by --config)"
            );
        }
        return Store::open(&file).await.context("cannot open the state store");
    };
    if file.exists() {
        bail!(
            "cannot open the state store: store.database is set, and the state of this data folder is in {}",
            file.display()
        );
    }
    let opened = Store::open_postgres(&address.clone().claimed()).await;
    let store = opened.with_context(|| format!("cannot open the state store in {address}"))?;
    folder.name_database(&address.to_string())?;
    info!(database = %address, "the state is in PostgreSQL");
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_state_does_not_move_unnoticed() {
        let path = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&path.path().join("data"), false).unwrap();
        let here = Config::new(folder.path());
        let mut there = here.clone();
        there.store.database = Some("postgres://b@localhost/b?host=/nowhere".to_owned());

        let refusal = format!("{:#}", open_store(&there, &folder).await.unwrap_err());
        assert!(
            refusal.starts_with("cannot open the state store in postgres://b@/nowhere:5432/b: "),
            "{refusal}"
        );
        assert_eq!(folder.database().unwrap(), None, "a refusal has no effect");
        open_store(&here, &folder).await.unwrap().close().await;
        let refusal = open_store(&there, &folder).await.unwrap_err().to_string();
        assert!(
            refusal.contains("store.database is set, and the state of this data folder is in"),
            "{refusal}"
        );

        std::fs::remove_file(folder.file(FILE)).unwrap();
        folder.name_database("postgres://b@db:5432/b").unwrap();
        let refusal = open_store(&here, &folder).await.unwrap_err().to_string();
        assert!(refusal.contains("is in postgres://b@db:5432/b, and no store.database is set"), "{refusal}");
        assert!(!folder.file(FILE).exists(), "a refusal has no effect");
    }
}
