//! The hunting tables, declared once: the lake makes its schemas, hunting resolves names, adapters check
//! rows and the reference pages are written from these declarations.
//!
//! Names and types are those of the compatible service's published schema (listing of 2024-2026).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

mod aad_sign_in_events_beta;
mod aad_spn_sign_in_events_beta;
mod agents_info;
mod ai_agents_info;
mod alert_evidence;
mod alert_info;
mod behavior_entities;
mod behavior_info;
mod campaign_info;
mod cloud_app_events;
mod cloud_audit_events;
mod cloud_dns_events;
mod cloud_policy_enforcement_events;
mod cloud_process_events;
mod cloud_storage_aggregated_events;
mod data_security_behaviors;
mod data_security_events;
mod device_baseline_compliance_assessment;
mod device_baseline_compliance_assessment_kb;
mod device_baseline_compliance_profiles;
mod device_events;
mod device_file_certificate_info;
mod device_file_events;
mod device_image_load_events;
mod device_info;
mod device_logon_events;
mod device_network_events;
mod device_network_info;
mod device_process_events;
mod device_registry_events;
mod device_tvm_browser_extensions;
mod device_tvm_browser_extensions_kb;
mod device_tvm_certificate_info;
mod device_tvm_hardware_firmware;
mod device_tvm_info_gathering;
mod device_tvm_info_gathering_kb;
mod device_tvm_secure_configuration_assessment;
mod device_tvm_secure_configuration_assessment_kb;
mod device_tvm_software_evidence_beta;
mod device_tvm_software_inventory;
mod device_tvm_software_vulnerabilities;
mod device_tvm_software_vulnerabilities_kb;
mod disruption_and_response_events;
mod email_attachment_info;
mod email_events;
mod email_post_delivery_events;
mod email_url_info;
mod entra_id_sign_in_events;
mod entra_id_spn_sign_in_events;
mod exposure_graph_edges;
mod exposure_graph_nodes;
mod file_malicious_content_info;
mod graph_api_audit_events;
mod identity_account_info;
mod identity_directory_events;
mod identity_events;
mod identity_info;
mod identity_logon_events;
mod identity_query_events;
mod message_events;
mod message_post_delivery_events;
mod message_url_info;
mod o_auth_app_info;
mod url_click_events;

/// Every declared table, by name.
pub static TABLES: &[&Table] = &[
    &aad_sign_in_events_beta::TABLE,
    &aad_spn_sign_in_events_beta::TABLE,
    &ai_agents_info::TABLE,
    &agents_info::TABLE,
    &alert_evidence::TABLE,
    &alert_info::TABLE,
    &behavior_entities::TABLE,
    &behavior_info::TABLE,
    &campaign_info::TABLE,
    &cloud_app_events::TABLE,
    &cloud_audit_events::TABLE,
    &cloud_dns_events::TABLE,
    &cloud_policy_enforcement_events::TABLE,
    &cloud_process_events::TABLE,
    &cloud_storage_aggregated_events::TABLE,
    &data_security_behaviors::TABLE,
    &data_security_events::TABLE,
    &device_baseline_compliance_assessment::TABLE,
    &device_baseline_compliance_assessment_kb::TABLE,
    &device_baseline_compliance_profiles::TABLE,
    &device_events::TABLE,
    &device_file_certificate_info::TABLE,
    &device_file_events::TABLE,
    &device_image_load_events::TABLE,
    &device_info::TABLE,
    &device_logon_events::TABLE,
    &device_network_events::TABLE,
    &device_network_info::TABLE,
    &device_process_events::TABLE,
    &device_registry_events::TABLE,
    &device_tvm_browser_extensions::TABLE,
    &device_tvm_browser_extensions_kb::TABLE,
    &device_tvm_certificate_info::TABLE,
    &device_tvm_hardware_firmware::TABLE,
    &device_tvm_info_gathering::TABLE,
    &device_tvm_info_gathering_kb::TABLE,
    &device_tvm_secure_configuration_assessment::TABLE,
    &device_tvm_secure_configuration_assessment_kb::TABLE,
    &device_tvm_software_evidence_beta::TABLE,
    &device_tvm_software_inventory::TABLE,
    &device_tvm_software_vulnerabilities::TABLE,
    &device_tvm_software_vulnerabilities_kb::TABLE,
    &disruption_and_response_events::TABLE,
    &email_attachment_info::TABLE,
    &email_events::TABLE,
    &email_post_delivery_events::TABLE,
    &email_url_info::TABLE,
    &entra_id_sign_in_events::TABLE,
    &entra_id_spn_sign_in_events::TABLE,
    &exposure_graph_edges::TABLE,
    &exposure_graph_nodes::TABLE,
    &file_malicious_content_info::TABLE,
    &graph_api_audit_events::TABLE,
    &identity_account_info::TABLE,
    &identity_directory_events::TABLE,
    &identity_events::TABLE,
    &identity_info::TABLE,
    &identity_logon_events::TABLE,
    &identity_query_events::TABLE,
    &message_events::TABLE,
    &message_post_delivery_events::TABLE,
    &message_url_info::TABLE,
    &o_auth_app_info::TABLE,
    &url_click_events::TABLE,
];

/// The scalar types of the query language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Bool,
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    Real,
    Decimal,
    /// 100 ns ticks since 0001-01-01 UTC.
    DateTime,
    /// 100 ns ticks.
    TimeSpan,
    Guid,
    String,
    /// JSON.
    Dynamic,
}

impl Kind {
    /// Whether values of the kind are text: the type `string`, and what is kept as its text.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::String | Kind::Guid | Kind::Dynamic)
    }

    /// Whether a missing value is empty text rather than null.
    pub fn is_never_null(self) -> bool {
        matches!(self, Kind::String | Kind::Guid)
    }

    /// The name in the query language: `string`, `datetime`, ...
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Long => "long",
            Kind::Real => "real",
            Kind::Decimal => "decimal",
            Kind::DateTime => "datetime",
            Kind::TimeSpan => "timespan",
            Kind::Guid => "guid",
            Kind::String => "string",
            Kind::Dynamic => "dynamic",
        }
    }

    /// The name in the `Schema` of a hunting answer, which spells types the .NET way.
    pub fn wire_name(self) -> &'static str {
        match self {
            Kind::Bool => "Boolean",
            Kind::Int => "Int32",
            Kind::Long => "Int64",
            Kind::Real => "Double",
            Kind::Decimal => "Decimal",
            Kind::DateTime => "DateTime",
            Kind::TimeSpan => "TimeSpan",
            Kind::Guid => "Guid",
            Kind::String => "String",
            Kind::Dynamic => "Object",
        }
    }

    /// Reads a type name of the query language, its aliases included.
    pub fn parse(name: &str) -> Option<Kind> {
        Some(match name {
            "bool" | "boolean" => Kind::Bool,
            "int" | "int32" => Kind::Int,
            "long" | "int64" => Kind::Long,
            "real" | "double" => Kind::Real,
            "decimal" => Kind::Decimal,
            "datetime" | "date" => Kind::DateTime,
            "timespan" | "time" => Kind::TimeSpan,
            "guid" | "uuid" | "uniqueid" => Kind::Guid,
            "string" => Kind::String,
            "dynamic" => Kind::Dynamic,
            _ => return None,
        })
    }
}

/// One column of a table.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub summary: &'static str,
    /// Can be asked for by name and is not shown otherwise, as the compatible service's table has no such
    /// column.
    pub is_extension: bool,
}

const fn col(name: &'static str, kind: Kind, summary: &'static str) -> Column {
    Column { name, kind, summary, is_extension: false }
}

/// A column of ours that the compatible service's table does not have.
const fn extension(name: &'static str, kind: Kind, summary: &'static str) -> Column {
    Column { name, kind, summary, is_extension: true }
}

/// One hunting table.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub summary: &'static str,
    pub columns: &'static [Column],
    index: Index,
}

/// Column positions by name, built at the first look-up. Rows are made by looking up many names each.
#[derive(Debug)]
pub struct Index(OnceLock<HashMap<&'static str, usize, BuildHasherDefault<NameHasher>>>);

/// A quick hash. The names in the index are declared here, so nobody can choose them to collide.
#[derive(Debug, Default)]
pub struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let (words, rest) = bytes.as_chunks();
        let last = rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
        let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain([last]);
        self.0 = words.fold(self.0, |state, word| (state ^ word).wrapping_mul(ODD).rotate_left(29));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Index {
    const fn new() -> Index {
        Index(OnceLock::new())
    }
}

impl Table {
    /// A table that is not of the product: its names and columns come from outside, such as from a file of
    /// queries to check. It is kept until the program ends, so this is for programs that make a few.
    pub fn foreign(name: &str, columns: &[(String, Kind)]) -> &'static Table {
        let kept = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        let columns: Vec<Column> = columns.iter().map(|(name, kind)| col(kept(name), *kind, "")).collect();
        let table = Table { name: kept(name), summary: "", columns: columns.leak(), index: Index::new() };
        Box::leak(Box::new(table))
    }

    /// The position of a column, by its exact name.
    pub fn position(&'static self, column: &str) -> Option<usize> {
        let positions = self
            .index
            .0
            .get_or_init(|| self.columns.iter().enumerate().map(|(at, c)| (c.name, at)).collect());
        positions.get(column).copied()
    }

    /// The column that says when the row happened; every table but the knowledge-base ones has it.
    pub fn time_column(&'static self) -> Option<usize> {
        self.position("Timestamp")
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.name == other.name
    }
}

impl Eq for Table {}

/// Finds a table by its exact name.
pub fn find(name: &str) -> Option<&'static Table> {
    TABLES.iter().copied().find(|table| table.name == name)
}

/// Names of 2019 that documented scripts still use, and the tables they mean now.
pub static TABLE_ALIASES: &[(&str, &str)] = &[
    ("FileCreationEvents", "DeviceFileEvents"),
    ("ImageLoadEvents", "DeviceImageLoadEvents"),
    ("LogonEvents", "DeviceLogonEvents"),
    ("MachineInfo", "DeviceInfo"),
    ("MachineNetworkInfo", "DeviceNetworkInfo"),
    ("MiscEvents", "DeviceEvents"),
    ("NetworkCommunicationEvents", "DeviceNetworkEvents"),
    ("ProcessCreationEvents", "DeviceProcessEvents"),
    ("RegistryEvents", "DeviceRegistryEvents"),
];

/// Column names of 2018 and 2019, and the columns they mean now, in any table that has the new one.
pub static COLUMN_ALIASES: &[(&str, &str)] = &[
    ("ComputerName", "DeviceName"),
    ("EventTime", "Timestamp"),
    ("FileOriginIp", "FileOriginIP"),
    ("InitiatingProcessMd5", "InitiatingProcessMD5"),
    ("InitiatingProcessParentName", "InitiatingProcessParentFileName"),
    ("InitiatingProcessSha1", "InitiatingProcessSHA1"),
    ("InitiatingProcessSha256", "InitiatingProcessSHA256"),
    ("MachineId", "DeviceId"),
    ("RemoteComputerName", "RemoteDeviceName"),
    ("TimeGenerated", "Timestamp"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sorted() {
        assert!(TABLES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for table in TABLES {
            let names: std::collections::HashSet<_> = table.columns.iter().map(|c| c.name).collect();
            assert_eq!(names.len(), table.columns.len(), "{}", table.name);
        }
    }

    #[test]
    fn aliases_point_at_declared_tables() {
        for (old, new) in TABLE_ALIASES {
            assert!(find(old).is_none(), "{old} is a table of its own");
            assert!(find(new).is_some(), "{new}");
        }
    }

    #[test]
    fn a_column_is_found_by_its_exact_name_only() {
        let table = find("DeviceProcessEvents").unwrap();
        assert_eq!(table.columns[table.position("DeviceId").unwrap()].name, "DeviceId");
        assert_eq!(table.position("deviceid"), None);
    }
}
