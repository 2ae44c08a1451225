//! The commands that look after events: through a server, or in a data folder that no server uses.

mod rebuild_profiles;
mod stats;
mod verify;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Subcommand;
use cli::Outcome;
use server::{Config, Offline};

use crate::logging::LogArgs;

#[derive(Clone, Debug, Subcommand)]
pub enum LakeCommand {
    /// Make the profiles of machines, users, files, addresses and domains again from the events
    RebuildProfiles(rebuild_profiles::Args),
    /// Read every file of events and say which are not what was written
    Verify(verify::Args),
    /// Say how much is stored, by tenant and table
    Stats(stats::Args),
    /// How long a server keeps rows, by table
    #[command(subcommand)]
    Retention(cli::RetentionCommand),
    /// What a server keeps whatever retention says
    #[command(subcommand)]
    Hold(cli::HoldCommand),
    /// Delete every row of a device from a server
    DeleteDevice(cli::DeleteDeviceArgs),
}

/// The data folder that is meant.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct FolderArgs {
    /// The configuration of the server whose data folder is meant
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub async fn run(command: LakeCommand, log: LogArgs) -> anyhow::Result<Outcome> {
    match command {
        LakeCommand::RebuildProfiles(args) => rebuild_profiles::run(args, log).await,
        LakeCommand::Verify(args) => verify::run(args, log).await,
        LakeCommand::Stats(args) => stats::run(args, log).await,
        LakeCommand::Retention(command) => {
            log.start_for_clients()?;
            cli::retention(command).await
        }
        LakeCommand::Hold(command) => {
            log.start_for_clients()?;
            cli::hold(command).await
        }
        LakeCommand::DeleteDevice(args) => {
            log.start_for_clients()?;
            cli::delete_device(args).await
        }
    }
}

/// Works on the folder and closes it, whatever came of the work.
async fn offline<T>(
    folder: &FolderArgs,
    log: &LogArgs,
    work: impl AsyncFnOnce(&Offline) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let offline = Offline::open(&folder.open(log)?).await?;
    let worked = work(&offline).await;
    offline.close().await?;
    worked
}

/// Writes to standard output. A reader that is gone does not undo the work.
fn say(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

impl FolderArgs {
    /// The configuration of the folder, with logging started as it says.
    fn open(&self, log: &LogArgs) -> anyhow::Result<Config> {
        let config = match &self.config {
            Some(file) => Config::load(file)?,
            None => Config::new(self.data.clone().unwrap_or_default()),
        };
        log.start(&config.log.level, config.log.format)?;
        Ok(config)
    }
}
