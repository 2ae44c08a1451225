//! CampaignInfo: Mail campaigns.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "CampaignInfo",
    summary: "Mail campaigns.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("CampaignName", Kind::String, "Name: campaign."),
        col("CampaignId", Kind::String, "Identifier: campaign."),
        col("CampaignType", Kind::String, "Campaign type."),
        col("CampaignSubtype", Kind::String, "Campaign subtype."),
        col("NetworkMessageId", Kind::String, "Message identifier in the mail service."),
        col("RecipientEmailAddress", Kind::String, "Recipient after list expansion."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
