//! `bartizan hunt`: a KQL question to a server, and its answer as a table or as data.

mod complaint;
mod render;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use client::ClientError;

use crate::{ConnectionArgs, Outcome, output};

#[derive(Clone, Debug, clap::Args)]
pub struct HuntArgs {
    /// The query
    #[arg(value_name = "QUERY", required_unless_present = "file", conflicts_with = "file")]
    query: Option<String>,
    /// Reads the query from a file; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How rows are printed; a table cuts wide values to the width of the terminal
    #[arg(long, value_enum, default_value_t = RowFormat::Table)]
    output: RowFormat,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    Table,
    /// One array.
    Json,
    /// One object a line.
    Ndjson,
    Csv,
}

/// Asks the query and prints its rows; what is wrong with the query is drawn under it.
pub async fn hunt(args: HuntArgs) -> anyhow::Result<Outcome> {
    let (name, query) = match (&args.query, &args.file) {
        (Some(query), _) => ("query".to_owned(), query.clone()),
        (None, Some(file)) => (file.display().to_string(), read(file)?),
        (None, None) => anyhow::bail!("there is no query"),
    };
    let client = args.connection.client()?;
    match client.hunt(&query).await {
        Ok(answer) => {
            output::print(&render::rows(&answer, args.output))?;
            Ok(Outcome::Done)
        }
        Err(ClientError::Api { code, message, details, .. }) => {
            let with_color = std::io::stderr().is_terminal();
            eprint!("{}", complaint::draw(&name, &query, (&code, &message), details.as_deref(), with_color));
            Ok(Outcome::Failed)
        }
        Err(error) => Err(error.into()),
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.with_context(|| format!("cannot read the query from {}", file.display()))?;
    Ok(text)
}
