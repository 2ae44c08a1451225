//! `bartizan lake verify`

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
    let verified = offline.verify().await;
    offline.close().await?;
    let verified = verified?;
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
    let _ = io::stdout().lock().write_all(text.as_bytes());
    if verified.findings.is_empty() { Ok(Outcome::Done) } else { anyhow::bail!("the event lake is damaged") }
}
