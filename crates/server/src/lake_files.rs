//! Opening the event lake over the files that the configuration names.

use std::sync::Arc;

use anyhow::{Context, bail};
use api::StoreCatalog;
use lake::{Files, FolderDisk, Lake};
use model::Clock;
use store::Store;
use tracing::info;
use uuid::Uuid;

use crate::config::Config;
use crate::data_folder::{DataFolder, make_private_folder};

pub(crate) async fn open_lake(
    config: &Config,
    folder: &DataFolder,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Lake> {
    let is_elsewhere = config.lake.object_store.is_none() && folder.lake_name()?.is_some();
    let log = folder.file("log");
    make_private_folder(&log).with_context(|| format!("cannot make {}", log.display()))?;
    let disk = FolderDisk::open(log.clone()).with_context(|| format!("cannot open {}", log.display()))?;
    let parts = lake::Parts {
        config: config.lake.for_lake(),
        catalog: Arc::new(StoreCatalog(store.clone())),
        files: open_files(config, folder)?,
        disk: Arc::new(disk),
        clock: clock.clone(),
        new_name: Box::new(|| Uuid::now_v7().to_string()),
    };
    Lake::open(parts).await.context(match is_elsewhere {
        true => {
            "cannot open the event lake: its files were in an object store, and no lake.object_store is set \
             (a command takes the configuration by --config)"
        }
        false => "cannot open the event lake",
    })
}

fn open_files(config: &Config, folder: &DataFolder) -> anyhow::Result<Files> {
    let known = folder.lake_name()?;
    let Some(settings) = &config.lake.object_store else {
        let path = folder.file("lake");
        make_private_folder(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let files = Files::local(path)?;
        return Ok(match known {
            // They were in an object store once, and may have been brought back.
            Some(name) => files.of_lake(name),
            None => files,
        });
    };
    if known.is_none() && folder.file("lake").read_dir().is_ok_and(|mut files| files.next().is_some()) {
        bail!(
            "lake.object_store is set, and the data folder holds files of events in {}: they have to be in one place",
            folder.file("lake").display()
        );
    }
    let name = match known {
        Some(name) => name,
        None => {
            let name = Uuid::new_v4().to_string();
            folder.name_lake(&name)?;
            name
        }
    };
    let variables =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    let files = Files::open_remote(settings.read(variables).context("lake.object_store")?)?;
    info!(url = settings.url, lake = name, "files of events are in an object store");
    Ok(files.of_lake(name))
}
