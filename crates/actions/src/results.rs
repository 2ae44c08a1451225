//! What comes of actions: packages and the links to them; and the library that live responses draw from.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::stream;
use model::library_file::LibraryFile;
use model::machine_action::{ActionKind, ActionStatus, CommandStatus};
use model::{ActionId, TenantId, Ticks};
use sensor_proto::{LiveCommand, Order, digest_hex};
use store::{DownloadLink, PackageRow};
use tokio::fs;

use crate::ActionError;
use crate::channel::random_text;
use crate::contents::NotKept;
use crate::service::{Actions, TenantActions, not_found};

const NAME_CHARS_MAX: usize = 255;
/// Packages that are removed in one go.
const OLD_MAX: u32 = 100;
const FILES_MAX: usize = 10_000;
/// How often contents are looked for that nothing names.
const SWEEP_SECONDS: i64 = 600;

/// A file for the library.
#[derive(Clone, Debug)]
pub struct NewFile {
    pub name: String,
    pub content: Bytes,
    pub description: Option<String>,
    pub has_parameters: bool,
    pub parameters_description: Option<String>,
    pub may_replace: bool,
    pub by: String,
}

/// One command of a live response, as a caller asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedCommand {
    PutFile { file_name: String },
    RunScript { script_name: String, arguments: String },
    GetFile { path: String },
}

/// Where a link leads.
#[derive(Debug)]
pub struct Followed {
    pub tenant: TenantId,
    pub package: PackageRow,
    pub file: fs::File,
}

impl Actions {
    /// The package that a link leads to. None when it has expired or was never there.
    pub async fn follow_link(&self, token: &str) -> Result<Option<Followed>, ActionError> {
        let link = self.inner.store.download_link(&digest_hex(token.as_bytes())).await?;
        let Some(link) = link.filter(|link| link.expires > self.inner.clock.now()) else { return Ok(None) };
        let package = self.inner.store.tenant(link.tenant).package(link.action, link.index).await?;
        let Some(package) = package else { return Ok(None) };
        let file = self.inner.packages.open(link.tenant, &package.sha256).await?;
        Ok(Some(Followed { tenant: link.tenant, package, file }))
    }

    /// Removes the packages that were kept long enough.
    pub(crate) async fn remove_old_packages(&self) -> Result<(), ActionError> {
        let life = i64::try_from(self.inner.limits.package_life.as_secs()).unwrap_or(i64::MAX);
        let before = self.inner.clock.now().plus_seconds(life.saturating_neg());
        for (tenant, package) in self.inner.store.old_packages(before, OLD_MAX).await? {
            let _removing = self.inner.packages.removing().await;
            if self.inner.store.tenant(tenant).remove_package(&package).await? {
                self.inner.packages.remove(tenant, &package.sha256).await;
            }
        }
        Ok(())
    }
}

impl TenantActions {
    /// A token by which the package of an action can be read for a while.
    pub async fn link(&self, id: ActionId, index: Option<u32>) -> Result<String, ActionError> {
        let action = self.store.action(id).await?.ok_or_else(|| not_found(id))?;
        let missing = || ActionError::NotFound { what: "The result of machine action", id: id.to_string() };
        let is_ready = match index {
            None => {
                action.kind == ActionKind::CollectInvestigationPackage
                    && action.status == ActionStatus::Succeeded
            }
            Some(index) => action
                .commands
                .get(index as usize)
                .is_some_and(|command| command.command_status != CommandStatus::Created),
        };
        let package = if is_ready { self.store.package(id, index).await? } else { None };
        package.ok_or_else(missing)?;
        let token = random_text()?;
        let seconds = i64::try_from(self.inner.limits.link_life.as_secs()).unwrap_or(i64::MAX);
        let link = DownloadLink {
            hash: digest_hex(token.as_bytes()),
            tenant: self.id(),
            action: id,
            index,
            expires: self.now().plus_seconds(seconds),
        };
        self.store.add_link(&link).await?;
        Ok(token)
    }

    pub async fn library(&self) -> Result<Vec<LibraryFile>, ActionError> {
        Ok(self.store.library_files().await?.into_iter().map(|(file, _)| file).collect())
    }

    pub async fn add_file(&self, new: NewFile) -> Result<LibraryFile, ActionError> {
        let name = new.name.trim();
        let is_name = !name.is_empty()
            && name.chars().count() <= NAME_CHARS_MAX
            && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':'))
            && !matches!(name, "." | "..");
        if !is_name {
            let message = format!(
                "The name of the file takes 1 to {NAME_CHARS_MAX} characters without '/', '\\', ':' and control characters."
            );
            return Err(ActionError::Invalid(message));
        }
        let bytes = new.content.len() as u64;
        if bytes > self.inner.limits.library_file_bytes {
            let bytes_max = self.inner.limits.library_file_bytes;
            return Err(ActionError::TooLarge { what: "the file", bytes_max });
        }
        let known = self.store.library_files().await?;
        let same = known.iter().find(|(file, _)| file.file_name.to_lowercase() == name.to_lowercase());
        if same.is_some() && !new.may_replace {
            return Err(ActionError::Invalid(format!(
                "The library has a file {name}; set OverrideIfExists to put this one in its place."
            )));
        }
        let others: u64 = known
            .iter()
            .filter(|(file, _)| file.file_name.to_lowercase() != name.to_lowercase())
            .map(|(_, bytes)| bytes)
            .sum();
        if known.len() >= FILES_MAX || others + bytes > self.inner.limits.library_bytes_tenant {
            return Err(ActionError::Invalid("The library is full; delete files from it first.".to_owned()));
        }
        let sha256 = digest_hex(&new.content);
        let parts = stream::iter([Ok::<_, std::io::Error>(new.content.clone())]);
        let not_kept = |source| ActionError::Io { doing: "keep a file of the library", source };
        let staged = self.inner.library.stage(self.id(), &sha256, bytes, parts).await;
        let staged = staged.map_err(|error| match error {
            NotKept::Io(source) => not_kept(source),
            other => ActionError::Invalid(format!("The file cannot be kept: {other:?}.")),
        })?;
        let now = self.now();
        let file = LibraryFile {
            file_name: same.map_or_else(|| name.to_owned(), |(file, _)| file.file_name.clone()),
            sha256,
            description: new.description,
            creation_time: same.map_or(now, |(file, _)| file.creation_time),
            last_updated_time: now,
            created_by: new.by,
            has_parameters: new.has_parameters,
            parameters_description: new.parameters_description,
        };
        let naming = self.inner.library.naming().await;
        self.inner.library.place(staged).await.map_err(not_kept)?;
        if !self.store.put_library_file(&file, bytes, new.may_replace).await? {
            return Err(ActionError::Invalid(format!("The library has a file {name}.")));
        }
        drop(naming);
        if let Some((before, _)) = same {
            self.drop_content(&before.sha256).await?;
        }
        Ok(file)
    }

    pub async fn delete_file(&self, name: &str) -> Result<(), ActionError> {
        let missing = || ActionError::NotFound { what: "Library file", id: name.chars().take(255).collect() };
        let (file, _) = self.store.library_file(name).await?.ok_or_else(missing)?;
        if !self.store.delete_library_file(name).await? {
            return Err(missing());
        }
        self.drop_content(&file.sha256).await
    }

    /// The commands of a live response, with what the library holds for them.
    pub async fn live_commands(&self, asked: Vec<AskedCommand>) -> Result<Vec<LiveCommand>, ActionError> {
        let mut commands = Vec::with_capacity(asked.len());
        for command in asked {
            commands.push(match command {
                AskedCommand::PutFile { file_name } => {
                    let (file, bytes) = self.file_of(&file_name).await?;
                    LiveCommand::PutFile { file_name: file.file_name, sha256: file.sha256, bytes }
                }
                AskedCommand::RunScript { script_name, arguments } => {
                    let (file, bytes) = self.file_of(&script_name).await?;
                    LiveCommand::RunScript {
                        script_name: file.file_name,
                        arguments,
                        sha256: file.sha256,
                        bytes,
                    }
                }
                AskedCommand::GetFile { path } => LiveCommand::GetFile { path },
            });
        }
        Ok(commands)
    }

    async fn file_of(&self, name: &str) -> Result<(LibraryFile, u64), ActionError> {
        let shown: String = name.chars().take(255).collect();
        let found = self.store.library_file(name).await?;
        found.ok_or_else(|| ActionError::Invalid(format!("The library has no file '{shown}'.")))
    }

    /// Removes content that no file of the library has any more. What an open order or a job names stays until the
    /// next sweep that finds it unused.
    async fn drop_content(&self, sha256: &str) -> Result<(), ActionError> {
        let _removing = self.inner.library.removing().await;
        if !self.store.is_library_content(sha256).await? {
            self.inner.library.remove(self.id(), sha256).await;
        }
        Ok(())
    }

    /// Fails when the library does not hold any more what an order names. To be asked while holding
    /// `Contents::naming` until the order is written.
    pub(crate) async fn check_contents(&self, order: &Order) -> Result<(), ActionError> {
        let Order::LiveResponse { commands, .. } = order else { return Ok(()) };
        for command in commands {
            let (name, sha256) = match command {
                LiveCommand::PutFile { file_name, sha256, .. } => (file_name, sha256),
                LiveCommand::RunScript { script_name, sha256, .. } => (script_name, sha256),
                LiveCommand::GetFile { .. } => continue,
            };
            if !self.inner.library.has(self.id(), sha256).await {
                let message = format!("The library does not hold the file '{name}' any more as it was.");
                return Err(ActionError::Invalid(message));
            }
        }
        Ok(())
    }
}

impl Actions {
    /// Removes contents that nothing names, once in a while: what an order was the last to name, and what was left
    /// when the server was killed.
    pub(crate) async fn sweep(&self) -> Result<(), ActionError> {
        let now = self.inner.clock.now();
        let last = self.inner.swept.load(Ordering::Relaxed);
        if Ticks(last).plus_seconds(SWEEP_SECONDS) > now {
            return Ok(());
        }
        self.inner.swept.store(now.0, Ordering::Relaxed);
        let doing = |source| ActionError::Io { doing: "list what is kept", source };
        for (tenant, sha256) in self.inner.library.kept().await.map_err(doing)? {
            self.tenant(tenant).drop_content(&sha256).await?;
        }
        for (tenant, sha256) in self.inner.packages.kept().await.map_err(doing)? {
            let _removing = self.inner.packages.removing().await;
            if !self.inner.store.tenant(tenant).is_package_content(&sha256).await? {
                self.inner.packages.remove(tenant, &sha256).await;
            }
        }
        Ok(())
    }
}
