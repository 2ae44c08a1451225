//! The entity `indicator`: a value to match, and what to do on a match.
//!
//! Source of names and shapes: the compatible API's indicator resource type.

use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::time::Ticks;

/// A value to match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Indicator {
    /// A number as text.
    pub id: String,
    pub indicator_value: String,
    pub indicator_type: IndicatorType,
    pub action: IndicatorAction,
    pub application: Option<String>,
    /// The name of who submitted it first.
    pub source: String,
    pub source_type: SourceType,
    /// The app's id or the user's principal name.
    pub created_by: String,
    pub created_by_display_name: Option<String>,
    pub created_by_source: Option<String>,
    pub last_updated_by: Option<String>,
    #[serde(rename = "creationTimeDateTimeUtc")]
    pub creation_time: Ticks,
    pub expiration_time: Option<Ticks>,
    pub last_update_time: Ticks,
    pub severity: Option<Severity>,
    pub title: String,
    pub description: String,
    pub recommended_actions: Option<String>,
    /// Empty for every device.
    pub rbac_group_names: Vec<String>,
    pub rbac_group_ids: Vec<String>,
    pub generate_alert: bool,
    pub educate_url: Option<String>,
    pub external_id: Option<String>,
}

impl Indicator {
    /// The id of the STIX object that it came in, if it did: `indicator--` and a UUID.
    pub fn object_id(&self) -> Option<&str> {
        self.external_id.as_deref().filter(|id| is_object_id(id))
    }
}

/// Whether a text is an id of an indicator of STIX: hexadecimal digits in groups, as they are written there.
pub fn is_object_id(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("indicator--") else { return false };
    uuid.len() == 36
        && uuid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
        })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IndicatorType {
    FileSha1,
    FileSha256,
    FileMd5,
    CertificateThumbprint,
    IpAddress,
    DomainName,
    Url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndicatorAction {
    Warn,
    Block,
    Audit,
    Alert,
    AlertAndBlock,
    BlockAndRemediate,
    Allowed,
}

/// Who made an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceType {
    User,
    AadApp,
}

impl IndicatorType {
    pub const ALL: [IndicatorType; 7] = [
        IndicatorType::FileSha1,
        IndicatorType::FileSha256,
        IndicatorType::FileMd5,
        IndicatorType::CertificateThumbprint,
        IndicatorType::IpAddress,
        IndicatorType::DomainName,
        IndicatorType::Url,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            IndicatorType::FileSha1 => "FileSha1",
            IndicatorType::FileSha256 => "FileSha256",
            IndicatorType::FileMd5 => "FileMd5",
            IndicatorType::CertificateThumbprint => "CertificateThumbprint",
            IndicatorType::IpAddress => "IpAddress",
            IndicatorType::DomainName => "DomainName",
            IndicatorType::Url => "Url",
        }
    }
}
