//! `bartizan lake verify`

use cli::Outcome;

use super::{FolderArgs, offline, say};
use crate::logging::LogArgs;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: FolderArgs,
}

pub async fn run(args: Args, log: LogArgs) -> anyhow::Result<Outcome> {
    let verified = offline(&args.folder, &log, async |offline| offline.verify().await).await?;
    let mut text = String::new();
    for finding in &verified.findings {
        text += &format!("{}: {}\n", finding.path, finding.problem);
    }
    text += &format!(
        "files {}, indexes {}, rows {}, bytes {}, without checksums {}, findings {}\n",
        verified.files,
        verified.indexes,
        verified.rows,
        verified.bytes,
        verified.unchecked,
        verified.findings.len(),
    );
    say(&text);
    if verified.findings.is_empty() { Ok(Outcome::Done) } else { anyhow::bail!("the event lake is damaged") }
}
