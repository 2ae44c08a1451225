//! `bartizan action`: asks for response actions on machines, follows them, and takes back those that have not begun.

use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use client::{Client, path_of};
use serde_json::{Value, json};

use crate::output::{on_one_line, print};
use crate::{ConnectionArgs, Outcome};

/// How soon an action that is waited for is asked for again: twice as late each time, as calls are limited.
const POLL: Duration = Duration::from_millis(500);
const POLL_MAX: Duration = Duration::from_secs(4);
const LISTED: u32 = 50;

#[derive(Clone, Debug, Subcommand)]
pub enum ActionCommand {
    /// Isolate a machine from the network
    Isolate {
        /// Leave mail and meetings connected
        #[arg(long)]
        selective: bool,
        #[command(flatten)]
        asked: Asked,
    },
    /// Release a machine from isolation
    Release(Asked),
    /// Let only known programs run on a machine
    Restrict(Asked),
    /// Let every program run again
    Unrestrict(Asked),
    /// Scan a machine for malware
    Scan {
        #[arg(long, value_enum, default_value_t = Scan::Quick)]
        kind: Scan,
        #[command(flatten)]
        asked: Asked,
    },
    /// Collect a package for an investigation; the link to it is printed once it is there
    Collect(Asked),
    /// Stop a file on a machine and put it away
    Quarantine {
        /// The SHA-1 of the file
        #[arg(long, value_name = "HASH")]
        sha1: String,
        #[command(flatten)]
        asked: Asked,
    },
    /// List actions, the newest first
    List {
        /// A condition, such as "status eq 'Pending'"
        #[arg(long, value_name = "FILTER")]
        filter: Option<String>,
        /// How many
        #[arg(long, default_value_t = LISTED)]
        top: u32,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Show an action
    Get {
        id: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Cancel an action that is not over
    Cancel {
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        comment: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}

/// What every action takes.
#[derive(Clone, Debug, Args)]
pub struct Asked {
    /// The id of the machine, or its DNS name
    machine: String,
    /// Why: it stays with the action
    #[arg(long, value_name = "TEXT")]
    comment: String,
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait until the action is over, for so many seconds at most; one that did not succeed is a failure
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600", conflicts_with = "dry_run")]
    wait: Option<u64>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scan {
    Quick,
    Full,
}

pub async fn action(command: ActionCommand) -> anyhow::Result<Outcome> {
    match command {
        ActionCommand::Isolate { selective, asked } => {
            let kind = if selective { "Selective" } else { "Full" };
            ask(asked, "isolate", json!({ "IsolationType": kind })).await
        }
        ActionCommand::Release(asked) => ask(asked, "unisolate", json!({})).await,
        ActionCommand::Restrict(asked) => ask(asked, "restrictCodeExecution", json!({})).await,
        ActionCommand::Unrestrict(asked) => ask(asked, "unrestrictCodeExecution", json!({})).await,
        ActionCommand::Scan { kind, asked } => {
            let kind = if kind == Scan::Full { "Full" } else { "Quick" };
            ask(asked, "runAntiVirusScan", json!({ "ScanType": kind })).await
        }
        ActionCommand::Collect(asked) => ask(asked, "collectInvestigationPackage", json!({})).await,
        ActionCommand::Quarantine { sha1, asked } => {
            ask(asked, "stopAndQuarantineFile", json!({ "Sha1": sha1 })).await
        }
        ActionCommand::List { filter, top, connection } => list(filter, top, &connection).await,
        ActionCommand::Get { id, connection } => {
            show(&connection.client()?.get_json(&path_of(&["api", "machineactions", &id])).await?)
        }
        ActionCommand::Cancel { id, comment, connection } => {
            let path = path_of(&["api", "machineactions", &id, "cancel"]);
            show(&connection.client()?.post_json(&path, &json!({ "Comment": comment })).await?)
        }
    }
}

async fn ask(asked: Asked, verb: &str, mut body: Value) -> anyhow::Result<Outcome> {
    body["Comment"] = asked.comment.into();
    let client = asked.connection.client()?;
    let path = path_of(&["api", "machines", &asked.machine, verb]);
    let path = if asked.dry_run { format!("{path}?dryRun=true") } else { path };
    let answer: Value = client.post_json(&path, &body).await?;
    let Some(seconds) = asked.wait else { return show(&answer) };
    let over = wait(&client, &answer, Duration::from_secs(seconds)).await?;
    show(&over)?;
    if over["status"] != "Succeeded" {
        return Ok(Outcome::Failed);
    }
    if over["type"] == "CollectInvestigationPackage" {
        let path = path_of(&["api", "machineactions", text(&over, "id"), "getPackageUri"]);
        let link: Value = client.get_json(&path).await?;
        print(&format!("{}\n", on_one_line(text(&link, "value"))))?;
    }
    Ok(Outcome::Done)
}

/// The action once it is over.
async fn wait(client: &Client, action: &Value, most: Duration) -> anyhow::Result<Value> {
    let (path, began) = (path_of(&["api", "machineactions", text(action, "id")]), Instant::now());
    let mut pause = POLL;
    loop {
        let action: Value = client.get_json(&path).await?;
        let status = text(&action, "status");
        if !matches!(status, "Pending" | "InProgress") {
            return Ok(action);
        }
        if began.elapsed() > most {
            bail!("the action {} is still {status}", text(&action, "id"));
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(POLL_MAX);
    }
}

async fn list(filter: Option<String>, top: u32, connection: &ConnectionArgs) -> anyhow::Result<Outcome> {
    let filter = filter.map(|filter| format!("&$filter={}", path_of(&[&filter]).trim_start_matches('/')));
    let path = format!("/api/machineactions?$top={top}{}", filter.unwrap_or_default());
    let actions: Value = connection.client()?.get_json(&path).await?;
    let actions = actions["value"].as_array().map_or(&[][..], Vec::as_slice);
    print(&if actions.is_empty() { "no actions\n".to_owned() } else { actions.iter().map(line).collect() })?;
    Ok(Outcome::Done)
}

/// An action in a line.
fn line(action: &Value) -> String {
    let fields = ["creationDateTimeUtc", "id", "type", "status", "computerDnsName", "requestorComment"];
    let fields = fields.map(|name| on_one_line(text(action, name)));
    format!("{}\n", fields.join("  "))
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn show(value: &Value) -> anyhow::Result<Outcome> {
    print(&format!("{value:#}\n"))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_control_characters_of_others() {
        let action = json!({ "id": "1", "type": "Isolate", "status": "Pending", "computerDnsName": "a\u{1b}[2J", "requestorComment": "x\ny" });
        assert_eq!(line(&action), "  1  Isolate  Pending  a [2J  x y\n");
    }
}
