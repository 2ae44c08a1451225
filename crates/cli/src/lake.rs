//! `bartizan lake retention`, `hold` and `delete-device`: what becomes of events that are there.

use anyhow::bail;
use clap::{Args, Subcommand};
use client::path_of;
use serde::Deserialize;
use serde_json::json;

use crate::{ConnectionArgs, Outcome, output};

#[derive(Clone, Debug, Subcommand)]
pub enum RetentionCommand {
    /// List the rules; rows of tables without one are kept for ever
    List {
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Keep rows of a table for so many days
    Set {
        /// The table, or `default` for every table without a rule of its own
        table: String,
        /// Whole days after the day of the rows
        days: u32,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Take the rule of a table away
    Remove {
        /// The table, or `default`
        table: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum HoldCommand {
    /// List the legal holds
    List {
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Keep rows from being deleted, whatever retention says
    Add {
        /// The name by which the hold is released
        name: String,
        /// Why the rows are kept
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The table that is kept [default: every table]
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Release a legal hold
    Release {
        name: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}

#[derive(Clone, Debug, Args)]
pub struct DeleteDeviceArgs {
    /// The id of the device, or its DNS name
    device: String,
    /// Says that the rows are meant to go: nothing brings them back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// A list as the API has it.
#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
struct Rule {
    table: String,
    days: u32,
}

#[derive(Deserialize)]
struct Hold {
    name: String,
    table: Option<String>,
    reason: String,
    created: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deletion {
    device_id: String,
    rows_deleted: u64,
    files_replaced: u64,
    files_kept: u64,
    tables: Vec<DeletedRows>,
    on_disk_until: Option<String>,
}

#[derive(Deserialize)]
struct DeletedRows {
    table: String,
    rows: u64,
    files: u64,
}

/// Reads or changes how long rows are kept.
pub async fn retention(command: RetentionCommand) -> anyhow::Result<Outcome> {
    let path = |table: &str| path_of(&["api", "lake", "retention", table]);
    let text = match command {
        RetentionCommand::List { connection } => {
            let list: List<Rule> = connection.client()?.get_json("/api/lake/retention").await?;
            lines(list.value.iter().map(Rule::text), "there are no rules: rows are kept for ever\n")
        }
        RetentionCommand::Set { table, days, connection } => {
            let body = json!({ "days": days });
            connection.client()?.put_json::<Rule>(&path(&table), &body).await?.text()
        }
        RetentionCommand::Remove { table, connection } => {
            let rule: Rule = connection.client()?.delete_json(&path(&table)).await?;
            format!("{}: the rule of {} days is gone\n", rule.table, rule.days)
        }
    };
    output::print(&text)?;
    Ok(Outcome::Done)
}

/// Reads or changes what is kept whatever retention says.
pub async fn hold(command: HoldCommand) -> anyhow::Result<Outcome> {
    let path = |name: &str| path_of(&["api", "lake", "holds", name]);
    let text = match command {
        HoldCommand::List { connection } => {
            let list: List<Hold> = connection.client()?.get_json("/api/lake/holds").await?;
            lines(list.value.iter().map(Hold::text), "there are no legal holds\n")
        }
        HoldCommand::Add { name, reason, table, connection } => {
            let body = json!({ "table": table, "reason": reason });
            connection.client()?.put_json::<Hold>(&path(&name), &body).await?.text()
        }
        HoldCommand::Release { name, connection } => {
            let hold: Hold = connection.client()?.delete_json(&path(&name)).await?;
            format!("{}: released\n", hold.name)
        }
    };
    output::print(&text)?;
    Ok(Outcome::Done)
}

/// Deletes the rows of a device and says what went.
pub async fn delete_device(args: DeleteDeviceArgs) -> anyhow::Result<Outcome> {
    if !args.yes {
        bail!("deleted rows cannot be brought back: add --yes to delete those of {}", args.device);
    }
    let path = path_of(&["api", "lake", "devices", &args.device]);
    let deleted: Deletion = args.connection.client()?.delete_json(&path).await?;
    output::print(&deleted.text())?;
    Ok(Outcome::Done)
}

impl Rule {
    fn text(&self) -> String {
        format!("{}: rows are kept for {} days\n", self.table, self.days)
    }
}

impl Hold {
    fn text(&self) -> String {
        let Hold { name, reason, created, .. } = self;
        let table = self.table.as_deref().unwrap_or("every table");
        format!("{name}: keeps {table} since {created}: {}\n", output::on_one_line(reason))
    }
}

impl Deletion {
    fn text(&self) -> String {
        let Deletion { device_id, rows_deleted, files_replaced, files_kept, .. } = self;
        let mut text = format!(
            "device {device_id}: rows deleted {rows_deleted}, files replaced {files_replaced}, files left as they \
             were {files_kept}\n"
        );
        for DeletedRows { table, rows, files } in &self.tables {
            text += &format!("  {table}: rows {rows}, files {files}\n");
        }
        if let Some(time) = &self.on_disk_until {
            text += &format!("the replaced files stay on the disk until {time}\n");
        }
        text
    }
}

fn lines(lines: impl Iterator<Item = String>, otherwise: &str) -> String {
    let text: String = lines.collect();
    if text.is_empty() { otherwise.to_owned() } else { text }
}
