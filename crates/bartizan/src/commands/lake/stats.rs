//! `bartizan lake stats`

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
    let stats = offline.stats();
    offline.close().await?;
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
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(Outcome::Done)
}
