//! What a row says about processes, files, addresses, registry values and users, as evidence of an alert.
//!
//! Values are those of the columns, so that hunting for them finds the row again.

use model::alert::{AlertEvidence, EntityType, RelatedUser};
use model::{Cell, Row, Ticks};

use crate::additional::Additional;

/// The evidence in a row: what it is about first, who did it after.
pub fn of(row: &Row, created: Ticks) -> Vec<AlertEvidence> {
    let reader = Reader { row, created };
    let additional = Additional::parse(row.text("AdditionalFields"));
    let found = [
        reader.subject_process(),
        reader.initiating_process(),
        reader.file(),
        reader.address(),
        reader.url("RemoteUrl"),
        reader.url("FileOriginUrl"),
        reader.queried_name(&additional),
        reader.registry(),
        reader.user(),
    ];
    found.into_iter().flatten().collect()
}

/// The account an alert is shown with.
pub fn related_user(row: &Row) -> Option<RelatedUser> {
    let account = account_columns(row)?;
    Some(RelatedUser { user_name: text(row, account.name)?, domain_name: text(row, account.domain) })
}

struct Reader<'a> {
    row: &'a Row,
    created: Ticks,
}

impl Reader<'_> {
    fn new_evidence(&self, kind: EntityType) -> AlertEvidence {
        AlertEvidence {
            evidence_creation_time: Some(self.created),
            detection_status: Some("Detected".to_owned()),
            ..AlertEvidence::new(kind)
        }
    }

    /// The process that was started, opened or injected into.
    fn subject_process(&self) -> Option<AlertEvidence> {
        let row = self.row;
        let id = number(row, "ProcessId")?;
        let started = row.table.name == "DeviceProcessEvents";
        let mut process = AlertEvidence {
            sha1: text(row, "SHA1"),
            sha256: text(row, "SHA256"),
            file_name: text(row, "FileName"),
            file_path: text(row, "FolderPath"),
            process_id: Some(id),
            process_command_line: text(row, "ProcessCommandLine"),
            process_creation_time: time(row, "ProcessCreationTime"),
            ..self.new_evidence(EntityType::Process)
        };
        if started {
            process.parent_process_id = number(row, "InitiatingProcessId");
            process.parent_process_creation_time = time(row, "InitiatingProcessCreationTime");
            process.parent_process_file_name = text(row, "InitiatingProcessFileName");
            process.parent_process_file_path = text(row, "InitiatingProcessFolderPath");
            self.add_account(&mut process);
        }
        Some(process)
    }

    /// The process that did it. A start names it as the parent of what was started.
    fn initiating_process(&self) -> Option<AlertEvidence> {
        let row = self.row;
        if row.table.name == "DeviceProcessEvents" {
            return None;
        }
        let file_name = text(row, "InitiatingProcessFileName");
        let process_id = number(row, "InitiatingProcessId");
        if file_name.is_none() && process_id.is_none() {
            return None;
        }
        Some(AlertEvidence {
            sha1: text(row, "InitiatingProcessSHA1"),
            sha256: text(row, "InitiatingProcessSHA256"),
            file_name,
            file_path: text(row, "InitiatingProcessFolderPath"),
            process_id,
            process_command_line: text(row, "InitiatingProcessCommandLine"),
            process_creation_time: time(row, "InitiatingProcessCreationTime"),
            parent_process_id: number(row, "InitiatingProcessParentId"),
            parent_process_creation_time: time(row, "InitiatingProcessParentCreationTime"),
            parent_process_file_name: text(row, "InitiatingProcessParentFileName"),
            account_name: text(row, "InitiatingProcessAccountName"),
            domain_name: text(row, "InitiatingProcessAccountDomain"),
            user_sid: text(row, "InitiatingProcessAccountSid"),
            aad_user_id: text(row, "InitiatingProcessAccountObjectId"),
            user_principal_name: text(row, "InitiatingProcessAccountUpn"),
            ..self.new_evidence(EntityType::Process)
        })
    }

    /// The file, image or driver; a file that runs is told by its process.
    fn file(&self) -> Option<AlertEvidence> {
        let row = self.row;
        if number(row, "ProcessId").is_some() {
            return None;
        }
        let (file_name, file_path) = (text(row, "FileName"), text(row, "FolderPath"));
        if file_name.is_none() && file_path.is_none() {
            return None;
        }
        let (sha1, sha256) = (text(row, "SHA1"), text(row, "SHA256"));
        Some(AlertEvidence { sha1, sha256, file_name, file_path, ..self.new_evidence(EntityType::File) })
    }

    fn address(&self) -> Option<AlertEvidence> {
        let ip_address = Some(text(self.row, "RemoteIP")?);
        Some(AlertEvidence { ip_address, ..self.new_evidence(EntityType::Ip) })
    }

    fn url(&self, column: &str) -> Option<AlertEvidence> {
        let url = Some(text(self.row, column)?);
        Some(AlertEvidence { url, ..self.new_evidence(EntityType::Url) })
    }

    fn queried_name(&self, additional: &Additional<'_>) -> Option<AlertEvidence> {
        let name = additional.text("DnsQueryString").or_else(|| additional.text("QueryName"))?;
        Some(AlertEvidence { url: Some(name.to_owned()), ..self.new_evidence(EntityType::Url) })
    }

    fn registry(&self) -> Option<AlertEvidence> {
        let row = self.row;
        let registry_key = text(row, "RegistryKey")?;
        let hive = registry_key.split('\\').next().unwrap_or_default().to_owned();
        Some(AlertEvidence {
            registry_hive: Some(hive),
            registry_key: Some(registry_key),
            registry_value_type: text(row, "RegistryValueType"),
            registry_value: text(row, "RegistryValueData"),
            ..self.new_evidence(EntityType::Registry)
        })
    }

    fn user(&self) -> Option<AlertEvidence> {
        let mut user = self.new_evidence(EntityType::User);
        self.add_account(&mut user);
        user.account_name.is_some().then_some(user)
    }

    fn add_account(&self, evidence: &mut AlertEvidence) {
        let Some(account) = account_columns(self.row) else { return };
        evidence.account_name = text(self.row, account.name);
        evidence.domain_name = text(self.row, account.domain);
        evidence.user_sid = text(self.row, account.sid);
        evidence.aad_user_id = text(self.row, account.object_id);
        evidence.user_principal_name = text(self.row, account.upn);
    }
}

struct AccountColumns {
    name: &'static str,
    domain: &'static str,
    sid: &'static str,
    object_id: &'static str,
    upn: &'static str,
}

static ACCOUNT: AccountColumns = AccountColumns {
    name: "AccountName",
    domain: "AccountDomain",
    sid: "AccountSid",
    object_id: "AccountObjectId",
    upn: "AccountUpn",
};

static INITIATING_ACCOUNT: AccountColumns = AccountColumns {
    name: "InitiatingProcessAccountName",
    domain: "InitiatingProcessAccountDomain",
    sid: "InitiatingProcessAccountSid",
    object_id: "InitiatingProcessAccountObjectId",
    upn: "InitiatingProcessAccountUpn",
};

fn account_columns(row: &Row) -> Option<&'static AccountColumns> {
    [&ACCOUNT, &INITIATING_ACCOUNT].into_iter().find(|account| !row.text(account.name).is_empty())
}

fn text(row: &Row, column: &str) -> Option<String> {
    let text = row.text(column);
    (!text.is_empty()).then(|| text.to_owned())
}

fn number(row: &Row, column: &str) -> Option<i64> {
    match row.get(column) {
        Cell::Long(number) => Some(*number),
        _ => None,
    }
}

fn time(row: &Row, column: &str) -> Option<Ticks> {
    match row.get(column) {
        Cell::Time(time) => Some(*time),
        _ => None,
    }
}
