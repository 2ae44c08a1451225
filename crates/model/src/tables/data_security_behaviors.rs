//! DataSecurityBehaviors: Data security behaviours.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DataSecurityBehaviors",
    summary: "Data security behaviours.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("BehaviorId", Kind::String, "Identifier: behavior."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("StartTime", Kind::DateTime, "Time: start."),
        col("EndTime", Kind::DateTime, "Time: end."),
        col("AttackTechniques", Kind::String, "MITRE techniques."),
        col("Categories", Kind::String, "Categories, JSON array."),
        col("ActionCategory", Kind::String, "Action category."),
        col("Description", Kind::String, "Description."),
        col("ServiceSource", Kind::String, "Product that raised it."),
        col("DetectionSource", Kind::String, "Detection technology that found it."),
        col("ActivityCount", Kind::Int, "Number of activity."),
        col("IsAnomalous", Kind::Bool, "Whether it is anomalous."),
        col("IsContentHidden", Kind::Bool, "Whether it is content hidden."),
        col("AccountUpn", Kind::String, "UPN of the account."),
        col("AccountEmail", Kind::String, "Account email."),
        col("Application", Kind::String, "Application behind the action."),
        col("DeviceInfo", Kind::Dynamic, "Device info."),
        col("SensitivityLabelInfo", Kind::Dynamic, "Sensitivity label info."),
        col("SensitiveInfoTypesInfo", Kind::Dynamic, "Sensitive info types info."),
        col("UrlDomainInfo", Kind::Dynamic, "URL domain info."),
        col("SharepointSiteInfo", Kind::Dynamic, "Sharepoint site info."),
        col("RecipientEmailInfo", Kind::Dynamic, "Recipient email info."),
        col("RemovableMediaInfo", Kind::Dynamic, "Removable media info."),
        col("PrinterName", Kind::Dynamic, "Name: printer."),
        col("PriorityContentMatchInfo", Kind::Dynamic, "Priority content match info."),
    ],
    index: Index::new(),
};
