//! `bartizan lake rebuild-profiles`

use std::io::{self, Write};

use cli::Outcome;
use server::Offline;

use super::FolderArgs;
use crate::logging::LogArgs;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: FolderArgs,
}

pub async fn run(args: Args, log: LogArgs) -> anyhow::Result<Outcome> {
    let offline = Offline::open(&args.folder.open(&log)?).await?;
    let rebuilt = offline.rebuild_profiles().await;
    offline.close().await?;
    let mut text = String::new();
    for tenant in rebuilt? {
        text += &format!(
            "tenant {}: events {}, machines {}, users {}, files {}, addresses {}, domains {}\n",
            tenant.tenant,
            tenant.events,
            tenant.machines,
            tenant.users,
            tenant.files,
            tenant.addresses,
            tenant.domains,
        );
    }
    if text.is_empty() {
        text += "there are no events\n";
    }
    // A reader that is gone does not undo the work.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(Outcome::Done)
}
