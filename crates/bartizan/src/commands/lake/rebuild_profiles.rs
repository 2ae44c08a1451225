//! `bartizan lake rebuild-profiles`

use cli::Outcome;

use super::{FolderArgs, offline, say};
use crate::logging::LogArgs;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: FolderArgs,
}

pub async fn run(args: Args, log: LogArgs) -> anyhow::Result<Outcome> {
    let rebuilt = offline(&args.folder, &log, async |offline| offline.rebuild_profiles().await).await?;
    let mut text = String::new();
    for tenant in rebuilt {
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
    say(&text);
    Ok(Outcome::Done)
}
