//! `bartizan lake stats`

use cli::Outcome;

use super::{FolderArgs, offline, say};
use crate::logging::LogArgs;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: FolderArgs,
}

pub async fn run(args: Args, log: LogArgs) -> anyhow::Result<Outcome> {
    let stats = offline(&args.folder, &log, async |offline| Ok(offline.stats())).await?;
    let mut text = String::new();
    for table in &stats {
        let times = match table.times {
            Some((first, last)) => format!("{first} to {last}"),
            None => "no times".to_owned(),
        };
        text += &format!(
            "tenant {} {}: rows {}, files {} ({} merged), bytes {}, index bytes {}, replaced bytes {}, {times}\n",
            table.tenant,
            table.table,
            table.rows,
            table.files,
            table.merged,
            table.bytes,
            table.index_bytes,
            table.replaced_bytes,
        );
    }
    if text.is_empty() {
        text += "there are no files of events\n";
    }
    say(&text);
    Ok(Outcome::Done)
}
