//! Simulated processes, and how events describe them.

use model::{Cell, Row, Ticks};
use serde_json::{Value, json};

use crate::account::Account;
use crate::digest;
use crate::scenario::{Os, Program};

/// A process that runs when the simulation begins, so no event tells of its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootProcess {
    pub device_id: String,
    pub process_id: i64,
    pub created: Ticks,
    pub path: String,
}

#[derive(Debug)]
pub(crate) struct Process {
    pub pid: i64,
    /// Tells processes apart that had the same id one after the other.
    pub unique_id: String,
    pub image: Image,
    pub command: String,
    pub cwd: Option<String>,
    pub created: Ticks,
    pub account: Account,
    pub os: Os,
    pub parent: Option<Parent>,
}

/// What a process remembers of the one that started it.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub pid: i64,
    pub file_name: String,
    pub created: Ticks,
}

/// A file that is run or loaded.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub path: String,
    pub program: Program,
    sha1: String,
    sha256: String,
    md5: String,
    size: i64,
}

impl Image {
    /// Files of the same name and version are the same file, unless told what they hold.
    pub fn new(path: String, program: Option<&Program>, content: Option<&str>) -> Image {
        let name = file_name(&path).to_lowercase();
        let program = program.cloned().unwrap_or_default();
        let key = match content {
            Some(content) => format!("content {content}"),
            None => format!("{name} {}", program.version.as_deref().unwrap_or_default()),
        };
        Image {
            path,
            program,
            sha1: digest::hex("sha1", &key, 40),
            sha256: digest::hex("sha256", &key, 64),
            md5: digest::hex("md5", &key, 32),
            size: 18_432 + digest::number("size", &key, 3_000_000) as i64,
        }
    }

    pub fn file_name(&self) -> &str {
        file_name(&self.path)
    }

    fn version_info(&self) -> [(&'static str, Option<&str>); 6] {
        let Program { company, product, description, version, original, file, .. } = &self.program;
        let original = original.as_deref().or(company.as_ref().map(|_| file.as_str()));
        [
            ("VersionInfoCompanyName", company.as_deref()),
            ("VersionInfoProductName", product.as_deref()),
            ("VersionInfoProductVersion", version.as_deref()),
            ("VersionInfoInternalFileName", original),
            ("VersionInfoOriginalFileName", original),
            ("VersionInfoFileDescription", description.as_deref()),
        ]
    }

    /// Fills in the columns of the file acted on.
    pub fn fill(&self, row: &mut Row) {
        row.set("FileName", self.file_name());
        row.set("FolderPath", self.path.as_str());
        row.set("SHA1", self.sha1.as_str());
        row.set("SHA256", self.sha256.as_str());
        row.set("MD5", self.md5.as_str());
        row.set("FileSize", self.size);
    }
}

impl Process {
    pub fn as_parent(&self) -> Parent {
        Parent { pid: self.pid, file_name: self.image.file_name().to_owned(), created: self.created }
    }

    /// Fills in the columns of a created process.
    pub fn fill_created(&self, row: &mut Row) {
        self.image.fill(row);
        for (column, value) in self.image.version_info() {
            row.set(&format!("Process{column}"), value);
        }
        self.fill_target(row);
        row.set("ProcessIntegrityLevel", self.account.integrity);
        row.set("ProcessUniqueId", self.unique_id.as_str());
        row.set("AccountUpn", self.account.upn.as_deref());
        if self.os == Os::Windows {
            row.set("CreatedProcessSessionId", self.account.session);
            row.set("IsProcessRemoteSession", false);
        } else {
            row.set("AdditionalFields", self.posix_facts().to_string());
        }
    }

    /// Fills in the columns of a process acted on, as both process and other events have them.
    pub fn fill_target(&self, row: &mut Row) {
        row.set("ProcessId", self.pid);
        row.set("ProcessCommandLine", self.command.as_str());
        row.set("ProcessCreationTime", self.created);
        row.set("ProcessTokenElevation", self.account.elevation);
        row.set("AccountDomain", self.account.domain.as_str());
        row.set("AccountName", self.account.name.as_str());
        row.set("AccountSid", self.account.sid.as_deref());
        row.set("LogonId", self.account.logon_id);
    }

    fn posix_facts(&self) -> Value {
        let Account { name, domain, .. } = &self.account;
        let id = self.account.posix_id.unwrap_or_default();
        let user = json!({
            "Name": name,
            "DomainName": domain,
            "LogonId": 0,
            "PosixUserId": id,
            "PrimaryPosixGroup": { "Name": name, "PosixGroupId": id },
        });
        let mut facts = json!({
            "ProcessPosixEffectiveUser": user,
            "ProcessPosixRealUser": user,
            "ProcessPosixProcessGroupId": self.pid,
            "ProcessPosixSessionId": self.parent.as_ref().map_or(self.pid, |parent| parent.pid),
        });
        if let Some(cwd) = &self.cwd {
            facts["ProcessCurrentWorkingDirectory"] = Value::from(cwd.as_str());
        }
        facts
    }

    /// Fills in the columns of the process behind an event, as far as the table has them.
    pub fn fill_initiating(&self, row: &mut Row) {
        let path = match self.os {
            Os::Windows => self.image.path.to_lowercase(),
            Os::Linux => self.image.path.clone(),
        };
        let is_signed = self.image.program.company.is_some();
        let signer = self.image.program.signer.as_deref().unwrap_or("OsVendor");
        let (signer, signature) = match (self.os, is_signed) {
            (Os::Windows, true) => (signer, "Valid"),
            (Os::Windows, false) => ("Unknown", "Unsigned"),
            (Os::Linux, _) => ("Unknown", "Unknown"),
        };
        let is_windows = self.os == Os::Windows;
        let mut set = |name: &str, cell: Cell| {
            let column = format!("InitiatingProcess{name}");
            if row.table.position(&column).is_some() {
                row.set(&column, cell);
            }
        };
        set("Id", self.pid.into());
        set("UniqueId", self.unique_id.as_str().into());
        set("CreationTime", self.created.into());
        set("FileName", self.image.file_name().into());
        set("FolderPath", path.into());
        set("CommandLine", self.command.as_str().into());
        set("FileSize", self.image.size.into());
        set("SHA1", self.image.sha1.as_str().into());
        set("SHA256", self.image.sha256.as_str().into());
        set("MD5", self.image.md5.as_str().into());
        for (column, value) in self.image.version_info() {
            set(column, value.into());
        }
        set("AccountDomain", self.account.domain.as_str().into());
        set("AccountName", self.account.name.as_str().into());
        set("AccountSid", self.account.sid.as_deref().into());
        set("AccountUpn", self.account.upn.as_deref().into());
        set("LogonId", self.account.logon_id.into());
        set("IntegrityLevel", self.account.integrity.into());
        set("TokenElevation", self.account.elevation.into());
        set("SignerType", signer.into());
        set("SignatureStatus", signature.into());
        set("SessionId", is_windows.then_some(self.account.session).into());
        if let Some(parent) = &self.parent {
            set("ParentId", parent.pid.into());
            set("ParentFileName", parent.file_name.as_str().into());
            set("ParentCreationTime", parent.created.into());
        }
        if is_windows && row.table.position("IsInitiatingProcessRemoteSession").is_some() {
            row.set("IsInitiatingProcessRemoteSession", false);
        }
    }
}

/// The last part of a path of either kind.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}
