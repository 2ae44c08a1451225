//! `bartizan user`, `group`, `role`, `device-group`, `app`, `partner-app`, `grant`, `key` and `audit`: administration
//! by the management API. Answers are printed as JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use client::{Client, path_of};
use model::audit::{AuditRecord, Verifier};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{ConnectionArgs, Outcome, output};

/// The bytes of a line of an audit log.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// Something that is administered: which, what of it, and by which server.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// Its id; of users also the principal name
    id: String,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Clone, Debug, Args)]
pub struct Members {
    /// The id of the group or role
    id: String,
    /// Ids of users, or of user groups for roles
    #[arg(required = true)]
    members: Vec<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Clone, Debug, Args)]
pub struct All {
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// List the users
    List(All),
    /// Show a user with groups and role permissions
    Show(Target),
    /// Add a user; without --password-file one is made and told once
    Create {
        /// Such as ada@contoso.example
        name: String,
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// A file whose first line is the password
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// A user whom a provider of others signs in, who has no password
        #[arg(long, conflicts_with = "password_file")]
        federated: bool,
        #[arg(long)]
        administrator: bool,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Set the password to the first line of a file, and end every sign-in
    SetPassword {
        id: String,
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Keep a user from signing in, and take the tokens back
    Disable(Target),
    /// Let a user sign in again
    Enable(Target),
    /// Make a user an administrator
    Promote(Target),
    /// Make an administrator a usual user
    Demote(Target),
    /// List where a user is signed in
    Sessions(Target),
    /// End every sign-in of a user and take the tokens back
    RevokeSessions(Target),
    /// Take the second factors of a user away who has lost them, and end every sign-in
    RemoveFactors(Target),
    /// Forget what outside providers call a user, who is met anew there, and end every sign-in
    RemoveFederations(Target),
    /// Remove a user
    Delete(Target),
}

#[derive(Clone, Debug, Subcommand)]
pub enum GroupCommand {
    /// List the user groups
    List(All),
    /// Show a user group with its members
    Show(Target),
    /// Add a user group
    Create {
        name: String,
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Put users into a group
    Add(Members),
    /// Take users out of a group
    Remove(Members),
    /// Remove a user group
    Delete(Target),
}

#[derive(Clone, Debug, Subcommand)]
pub enum RoleCommand {
    /// List the roles and who has them
    List(All),
    /// Show a role
    Show(Target),
    /// Add a role
    Create {
        name: String,
        /// A permission of the role; can be repeated
        #[arg(long = "permission", value_name = "NAME")]
        permissions: Vec<String>,
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Give a role to user groups
    Assign(Members),
    /// Take a role from user groups
    Unassign(Members),
    /// Remove a role
    Delete(Target),
}

#[derive(Clone, Debug, Subcommand)]
pub enum DeviceGroupCommand {
    /// List the device groups by rank
    List(All),
    /// Show a device group
    Show(Target),
    /// Add a device group
    Create {
        name: String,
        /// A condition such as name:startsWith:srv or tag:equals:vip,finance; all of them have to hold
        #[arg(long = "where", value_name = "PROPERTY:OPERATOR:VALUES", required = true)]
        conditions: Vec<String>,
        /// The lower the earlier it is tried
        #[arg(long)]
        rank: Option<i64>,
        /// The id of a user group that reaches it; can be repeated
        #[arg(long = "user-group", value_name = "ID")]
        user_groups: Vec<String>,
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Change a device group; what is not named stays
    Update {
        /// The id; 0 is the group of devices that no rule matches
        id: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long = "where", value_name = "PROPERTY:OPERATOR:VALUES")]
        conditions: Vec<String>,
        #[arg(long)]
        rank: Option<i64>,
        #[arg(long = "user-group", value_name = "ID")]
        user_groups: Vec<String>,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Remove a device group
    Delete(Target),
}

#[derive(Clone, Debug, Subcommand)]
pub enum AppCommand {
    /// List the apps
    List(All),
    /// Show an app with its secrets and consents
    Show(Target),
    /// Register an app; its secret is told once
    Create {
        name: String,
        /// An application permission that it asks for; can be repeated
        #[arg(long = "permission", value_name = "NAME")]
        permissions: Vec<String>,
        /// A delegated permission that it asks for; can be repeated
        #[arg(long = "delegated", value_name = "NAME")]
        delegated: Vec<String>,
        /// Consent to what it asks for at once
        #[arg(long)]
        consent: bool,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Change what an app asks for, which grants nothing until the next consent
    SetManifest {
        id: String,
        #[arg(long = "permission", value_name = "NAME")]
        permissions: Vec<String>,
        #[arg(long = "delegated", value_name = "NAME")]
        delegated: Vec<String>,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Add a secret; it is told once
    AddSecret {
        id: String,
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Until when it works, such as 2030-01-31T00:00:00Z [default: until it is removed]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Remove a secret
    RemoveSecret {
        id: String,
        /// The id of the secret
        secret: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Let an app send users back to an address
    AddRedirectUri {
        id: String,
        uri: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Let an app prove itself by a certificate
    AddCertificate {
        id: String,
        /// A PEM file
        file: PathBuf,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Remove an app
    Delete(Target),
}

#[derive(Clone, Debug, Subcommand)]
pub enum GrantCommand {
    /// Grant an app what it asks for now
    Consent(Target),
    /// Take the consents for an app back
    Revoke(Target),
    /// Bound the grant of an app, a partner's too; what is not named is not bounded
    Scope {
        /// The id of the app
        id: String,
        /// The id of a device group; can be repeated
        #[arg(long = "device-group", value_name = "ID")]
        device_groups: Vec<i64>,
        /// The name of a response action; can be repeated
        #[arg(long = "action", value_name = "NAME")]
        actions: Vec<String>,
        /// Such as 10.0.0.0/8; can be repeated
        #[arg(long = "network", value_name = "NETWORK")]
        networks: Vec<String>,
        /// Such as 08:00-18:00 or monday,friday@08:00-18:00, in UTC; can be repeated
        #[arg(long = "hours", value_name = "HOURS")]
        hours: Vec<String>,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum PartnerAppCommand {
    /// List the apps of other tenants that were let in
    List(All),
    /// Show such an app with its consents and bounds
    Show(Target),
    /// Shut such an app out: its consents and sign-ins end
    Remove(Target),
}

#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// List the signing keys
    List(All),
    /// Sign with a new key from now on; the old ones go on verifying
    Rotate(All),
    /// Refuse every token that a key signed, from now on
    Revoke(Target),
    /// List the keys that sign commands for devices
    Commands(All),
    /// Sign commands for devices with a new key from now on; devices learn it by the old one
    RotateCommands {
        /// How long devices take what the old key signed; a day unless given
        #[arg(long, value_name = "SECONDS")]
        overlap_seconds: Option<u32>,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Write the audit log to a file, one record a line
    Export {
        file: PathBuf,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Tell, without a server, whether an exported audit log is whole and unchanged
    Verify {
        file: PathBuf,
        /// The hash that a record of it has to have: what was noted at an earlier export
        #[arg(long, value_name = "HASH")]
        has: Option<String>,
    },
}

const ROOT: [&str; 2] = ["api", "management"];

fn path(segments: &[&str]) -> String {
    path_of(&[&ROOT, segments].concat())
}

fn show(value: &Value) -> anyhow::Result<Outcome> {
    output::print(&format!("{value:#}\n"))?;
    Ok(Outcome::Done)
}

async fn get(connection: &ConnectionArgs, segments: &[&str]) -> anyhow::Result<Outcome> {
    show(&connection.client()?.get_json::<Value>(&path(segments)).await?)
}

async fn post(connection: &ConnectionArgs, segments: &[&str], body: Value) -> anyhow::Result<Outcome> {
    show(&connection.client()?.post_json::<Value>(&path(segments), &body).await?)
}

async fn patch(connection: &ConnectionArgs, segments: &[&str], body: Value) -> anyhow::Result<Outcome> {
    show(&connection.client()?.patch_json::<Value>(&path(segments), &body).await?)
}

async fn delete(connection: &ConnectionArgs, segments: &[&str]) -> anyhow::Result<Outcome> {
    show(&connection.client()?.delete_json::<Value>(&path(segments)).await?)
}

fn first_line(file: &PathBuf) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

pub async fn user(command: UserCommand) -> anyhow::Result<Outcome> {
    const USERS: &str = "users";
    let set = |at: Target, member: &'static str, value: bool| async move {
        let body = json!({ member: value });
        patch(&at.connection, &[USERS, &at.id], body).await
    };
    match command {
        UserCommand::List(at) => get(&at.connection, &[USERS]).await,
        UserCommand::Show(at) => get(&at.connection, &[USERS, &at.id]).await,
        UserCommand::Create { name, display_name, password_file, federated, administrator, connection } => {
            let password = password_file.as_ref().map(first_line).transpose()?;
            let body = json!({
                "userPrincipalName": name,
                "displayName": display_name,
                "password": password,
                "isFederated": federated,
                "isAdministrator": administrator,
            });
            post(&connection, &[USERS], body).await
        }
        UserCommand::SetPassword { id, password_file, connection } => {
            patch(&connection, &[USERS, &id], json!({ "password": first_line(&password_file)? })).await
        }
        UserCommand::Disable(at) => set(at, "isDisabled", true).await,
        UserCommand::Enable(at) => set(at, "isDisabled", false).await,
        UserCommand::Promote(at) => set(at, "isAdministrator", true).await,
        UserCommand::Demote(at) => set(at, "isAdministrator", false).await,
        UserCommand::Sessions(at) => get(&at.connection, &[USERS, &at.id, "sessions"]).await,
        UserCommand::RevokeSessions(at) => {
            post(&at.connection, &[USERS, &at.id, "revokeSessions"], json!({})).await
        }
        UserCommand::RemoveFactors(at) => {
            post(&at.connection, &[USERS, &at.id, "removeSecondFactors"], json!({})).await
        }
        UserCommand::RemoveFederations(at) => {
            post(&at.connection, &[USERS, &at.id, "removeFederations"], json!({})).await
        }
        UserCommand::Delete(at) => delete(&at.connection, &[USERS, &at.id]).await,
    }
}

pub async fn group(command: GroupCommand) -> anyhow::Result<Outcome> {
    const GROUPS: &str = "userGroups";
    let members = |at: Members, verb: &'static str| async move {
        post(&at.connection, &[GROUPS, &at.id, verb], json!({ "users": at.members })).await
    };
    match command {
        GroupCommand::List(at) => get(&at.connection, &[GROUPS]).await,
        GroupCommand::Show(at) => get(&at.connection, &[GROUPS, &at.id]).await,
        GroupCommand::Create { name, description, connection } => {
            post(&connection, &[GROUPS], json!({ "name": name, "description": description })).await
        }
        GroupCommand::Add(at) => members(at, "addMembers").await,
        GroupCommand::Remove(at) => members(at, "removeMembers").await,
        GroupCommand::Delete(at) => delete(&at.connection, &[GROUPS, &at.id]).await,
    }
}

pub async fn role(command: RoleCommand) -> anyhow::Result<Outcome> {
    const ROLES: &str = "roles";
    let assign = |at: Members, verb: &'static str| async move {
        post(&at.connection, &[ROLES, &at.id, verb], json!({ "userGroups": at.members })).await
    };
    match command {
        RoleCommand::List(at) => get(&at.connection, &[ROLES]).await,
        RoleCommand::Show(at) => get(&at.connection, &[ROLES, &at.id]).await,
        RoleCommand::Create { name, permissions, description, connection } => {
            let body = json!({ "name": name, "permissions": permissions, "description": description });
            post(&connection, &[ROLES], body).await
        }
        RoleCommand::Assign(at) => assign(at, "assign").await,
        RoleCommand::Unassign(at) => assign(at, "unassign").await,
        RoleCommand::Delete(at) => delete(&at.connection, &[ROLES, &at.id]).await,
    }
}

pub async fn device_group(command: DeviceGroupCommand) -> anyhow::Result<Outcome> {
    const GROUPS: &str = "deviceGroups";
    match command {
        DeviceGroupCommand::List(at) => get(&at.connection, &[GROUPS]).await,
        DeviceGroupCommand::Show(at) => get(&at.connection, &[GROUPS, &at.id]).await,
        DeviceGroupCommand::Create { name, conditions, rank, user_groups, description, connection } => {
            let body = json!({
                "name": name,
                "rule": rule(&conditions)?,
                "rank": rank,
                "userGroups": user_groups,
                "description": description,
            });
            post(&connection, &[GROUPS], body).await
        }
        DeviceGroupCommand::Update { id, name, conditions, rank, user_groups, connection } => {
            let mut body = Map::new();
            body.extend(name.map(|name| ("name".to_owned(), name.into())));
            body.extend(rank.map(|rank| ("rank".to_owned(), rank.into())));
            if !conditions.is_empty() {
                body.insert("rule".to_owned(), rule(&conditions)?);
            }
            if !user_groups.is_empty() {
                body.insert("userGroups".to_owned(), user_groups.into());
            }
            patch(&connection, &[GROUPS, &id], body.into()).await
        }
        DeviceGroupCommand::Delete(at) => delete(&at.connection, &[GROUPS, &at.id]).await,
    }
}

/// Conditions as the API takes them.
fn rule(conditions: &[String]) -> anyhow::Result<Value> {
    let condition = |text: &String| {
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(property), Some(operator), Some(values)) => {
                let values: Vec<&str> = values.split(',').collect();
                Ok(json!({ "property": property, "operator": operator, "values": values }))
            }
            _ => bail!("'{text}' is not a condition such as name:startsWith:srv"),
        }
    };
    conditions.iter().map(condition).collect::<anyhow::Result<Vec<_>>>().map(Value::from)
}

pub async fn app(command: AppCommand) -> anyhow::Result<Outcome> {
    const APPS: &str = "apps";
    match command {
        AppCommand::List(at) => get(&at.connection, &[APPS]).await,
        AppCommand::Show(at) => get(&at.connection, &[APPS, &at.id]).await,
        AppCommand::Create { name, permissions, delegated, consent, connection } => {
            let body = json!({
                "displayName": name,
                "permissions": permissions,
                "delegatedPermissions": delegated,
            });
            let client = connection.client()?;
            let made: Value = client.post_json(&path(&[APPS]), &body).await?;
            show(&made)?;
            if consent {
                let id = made["id"].as_str().context("the answer has no id")?;
                return post(&connection, &[APPS, id, "consent"], json!({})).await;
            }
            Ok(Outcome::Done)
        }
        AppCommand::SetManifest { id, permissions, delegated, connection } => {
            let body = json!({ "permissions": permissions, "delegatedPermissions": delegated });
            patch(&connection, &[APPS, &id], body).await
        }
        AppCommand::AddSecret { id, name, expires, connection } => {
            let body = json!({ "displayName": name, "expires": expires });
            post(&connection, &[APPS, &id, "addSecret"], body).await
        }
        AppCommand::RemoveSecret { id, secret, connection } => {
            post(&connection, &[APPS, &id, "removeSecret"], json!({ "id": secret })).await
        }
        AppCommand::AddRedirectUri { id, uri, connection } => {
            post(&connection, &[APPS, &id, "addRedirectUri"], json!({ "uri": uri })).await
        }
        AppCommand::AddCertificate { id, file, connection } => {
            let pem = std::fs::read_to_string(&file);
            let pem = pem.with_context(|| format!("cannot read {}", file.display()))?;
            post(&connection, &[APPS, &id, "addCertificate"], json!({ "certificate": pem })).await
        }
        AppCommand::Delete(at) => delete(&at.connection, &[APPS, &at.id]).await,
    }
}

pub async fn grant(command: GrantCommand) -> anyhow::Result<Outcome> {
    const APPS: &str = "apps";
    match command {
        GrantCommand::Consent(at) => post(&at.connection, &[APPS, &at.id, "consent"], json!({})).await,
        GrantCommand::Revoke(at) => post(&at.connection, &[APPS, &at.id, "revoke"], json!({})).await,
        GrantCommand::Scope { id, device_groups, actions, networks, hours, connection } => {
            let hours = hours.iter().map(|text| parse_hours(text)).collect::<anyhow::Result<Vec<_>>>()?;
            let body = json!({
                "deviceGroups": device_groups,
                "actions": actions,
                "networks": networks,
                "hours": hours,
            });
            let path = path(&[APPS, &id, "scope"]);
            show(&connection.client()?.put_json::<Value>(&path, &body).await?)
        }
    }
}

fn parse_hours(text: &str) -> anyhow::Result<Value> {
    let (days, times) = text.split_once('@').map_or(("", text), |(days, times)| (days, times));
    let (from, to) =
        times.split_once('-').with_context(|| format!("'{text}' is not a span such as 08:00-18:00"))?;
    let days: Vec<&str> = days.split(',').filter(|day| !day.is_empty()).collect();
    Ok(json!({ "days": days, "from": from, "to": to }))
}

pub async fn partner_app(command: PartnerAppCommand) -> anyhow::Result<Outcome> {
    const APPS: &str = "partnerApps";
    match command {
        PartnerAppCommand::List(at) => get(&at.connection, &[APPS]).await,
        PartnerAppCommand::Show(at) => get(&at.connection, &[APPS, &at.id]).await,
        PartnerAppCommand::Remove(at) => delete(&at.connection, &[APPS, &at.id]).await,
    }
}

pub async fn key(command: KeyCommand) -> anyhow::Result<Outcome> {
    match command {
        KeyCommand::List(at) => get(&at.connection, &["keys"]).await,
        KeyCommand::Rotate(at) => post(&at.connection, &["keys", "rotate"], json!({})).await,
        KeyCommand::Revoke(at) => post(&at.connection, &["keys", &at.id, "revoke"], json!({})).await,
        KeyCommand::Commands(at) => get(&at.connection, &["commandKeys"]).await,
        KeyCommand::RotateCommands { overlap_seconds, connection } => {
            let body = match overlap_seconds {
                Some(seconds) => json!({ "OverlapSeconds": seconds }),
                None => json!({}),
            };
            post(&connection, &["commandKeys", "rotate"], body).await
        }
    }
}

pub async fn audit(command: AuditCommand) -> anyhow::Result<Outcome> {
    match command {
        AuditCommand::Export { file, connection } => export(&connection.client()?, &file).await,
        AuditCommand::Verify { file, has } => verify(&file, has.as_deref()),
    }
}

#[derive(Deserialize)]
struct Records {
    value: Vec<AuditRecord>,
}

async fn export(client: &Client, file: &PathBuf) -> anyhow::Result<Outcome> {
    let cannot = || format!("cannot write {}", file.display());
    let mut out = std::io::BufWriter::new(File::create(file).with_context(cannot)?);
    let mut verifier = Verifier::default();
    loop {
        let path = format!("{}?after={}", path(&["auditLog"]), verifier.records());
        let records: Records = client.get_json(&path).await?;
        if records.value.is_empty() {
            break;
        }
        for record in &records.value {
            verifier.check(record).context("the audit log of the server is broken")?;
            serde_json::to_writer(&mut out, record).with_context(cannot)?;
            out.write_all(b"\n").with_context(cannot)?;
        }
    }
    out.flush().with_context(cannot)?;
    output::print(&format!("{} records; the hash of the last is {}\n", verifier.records(), verifier.head()))?;
    Ok(Outcome::Done)
}

fn verify(file: &PathBuf, has: Option<&str>) -> anyhow::Result<Outcome> {
    let cannot = || format!("cannot read {}", file.display());
    let mut lines = BufReader::new(File::open(file).with_context(cannot)?);
    let mut verifier = Verifier::default();
    let mut is_found = has.is_none_or(|hash| hash == verifier.head());
    loop {
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut lines, LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.with_context(cannot)? == 0 {
            break;
        }
        let record = serde_json::from_slice::<AuditRecord>(&line).ok();
        let at = verifier.records() + 1;
        let checked = match &record {
            Some(record) => verifier.check(record).map_err(|broken| broken.to_string()),
            None => Err(format!("line {at} is not a record")),
        };
        if let Err(broken) = checked {
            output::print(&format!("broken: {broken}\n"))?;
            return Ok(Outcome::Failed);
        }
        is_found |= has.is_some_and(|hash| hash == verifier.head());
    }
    if !is_found {
        output::print("broken: no record has the hash that was noted: the log is another or was cut off\n")?;
        return Ok(Outcome::Failed);
    }
    output::print(&format!(
        "{} records are whole; the hash of the last is {}\n",
        verifier.records(),
        verifier.head()
    ))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_and_hours_are_read() {
        let conditions = ["name:startsWith:srv,db".to_owned(), "tag:equals:a:b".to_owned()];
        let expected = json!([
            { "property": "name", "operator": "startsWith", "values": ["srv", "db"] },
            { "property": "tag", "operator": "equals", "values": ["a:b"] },
        ]);
        assert_eq!(rule(&conditions).unwrap(), expected);
        assert!(rule(&["name:srv".to_owned()]).is_err());
        let expected = json!({ "days": ["monday", "friday"], "from": "08:00", "to": "18:00" });
        assert_eq!(parse_hours("monday,friday@08:00-18:00").unwrap(), expected);
        assert_eq!(parse_hours("00:00-24:00").unwrap()["days"], json!([]));
        assert!(parse_hours("08:00").is_err());
    }
}
