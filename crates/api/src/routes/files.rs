//! Files: what is known of them by their hashes.

use axum::http::Uri;
use axum::response::Response;
use model::Permission::{AlertRead, FileRead, MachineRead};
use model::Ticks;
use odata::{EntityType, Kind, Property};
use profiles::{File, Known, Reader, file_id};
use serde::Serialize;
use store::AlertScope;

use super::Access::Needs;
use super::Routes;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::{list, related};

const TOP_NAMES: usize = 10;
/// An id with more digits is a SHA-256.
const SHA1_DIGITS: usize = 40;

pub(super) static FILE_TYPE: EntityType = EntityType {
    name: "file",
    properties: &[
        Property::new("sha1", Kind::String).filterable().sortable(),
        Property::new("sha256", Kind::String).filterable().sortable(),
        Property::new("md5", Kind::String).filterable().sortable(),
        Property::new("globalPrevalence", Kind::Int64).filterable().sortable(),
        Property::new("globalFirstObserved", Kind::DateTime).filterable().sortable(),
        Property::new("globalLastObserved", Kind::DateTime).filterable().sortable(),
        Property::new("size", Kind::Int64).filterable().sortable(),
        Property::new("fileType", Kind::String).filterable().sortable(),
        Property::new("isPeFile", Kind::Bool).filterable().sortable(),
        Property::new("filePublisher", Kind::String).filterable().sortable(),
        Property::new("fileProductName", Kind::String).filterable().sortable(),
        Property::new("signer", Kind::String).filterable().sortable(),
        Property::new("issuer", Kind::String).filterable().sortable(),
        Property::new("signerHash", Kind::String).filterable().sortable(),
        Property::new("isValidCertificate", Kind::Bool).filterable().sortable(),
        Property::new("determinationType", Kind::String).filterable().sortable(),
        Property::new("determinationValue", Kind::String).filterable().sortable(),
    ],
    expands: &[],
};

static STATS_TYPE: EntityType = EntityType {
    name: "file statistics",
    properties: &[
        Property::new("sha1", Kind::String),
        Property::new("organizationPrevalence", Kind::Int64),
        Property::new("orgFirstSeen", Kind::DateTime),
        Property::new("orgLastSeen", Kind::DateTime),
        Property::new("globalPrevalence", Kind::Int64),
        Property::new("globallyPrevalence", Kind::Int64),
        Property::new("globalFirstObserved", Kind::DateTime),
        Property::new("globalLastObserved", Kind::DateTime),
        Property::new("topFileNames", Kind::Strings),
    ],
    expands: &[],
};

/// A file, on the wire. The world is this organisation: nothing else is known.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileBody {
    sha1: Option<String>,
    sha256: Option<String>,
    md5: Option<String>,
    global_prevalence: Option<u64>,
    global_first_observed: Option<Ticks>,
    global_last_observed: Option<Ticks>,
    size: Option<i64>,
    file_type: Option<String>,
    is_pe_file: Option<bool>,
    file_publisher: Option<String>,
    file_product_name: Option<String>,
    signer: Option<String>,
    issuer: Option<String>,
    signer_hash: Option<String>,
    is_valid_certificate: Option<bool>,
    determination_type: &'static str,
    determination_value: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    sha1: Option<String>,
    organization_prevalence: u64,
    org_first_seen: Option<Ticks>,
    org_last_seen: Option<Ticks>,
    global_prevalence: u64,
    /// The same; the documentation spells it both ways.
    globally_prevalence: u64,
    global_first_observed: Option<Ticks>,
    global_last_observed: Option<Ticks>,
    top_file_names: Vec<String>,
}

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/files/{id}", Needs(FileRead), read)
        .summary("Reads a file by its SHA-1 or SHA-256.")
        .gives(&FILE_TYPE);
    routes
        .get("/api/files/{id}/stats", Needs(FileRead), stats)
        .summary("Counts the devices that had a file.")
        .gives(&STATS_TYPE);
    related::routes(
        routes,
        &related::Paths {
            alerts: "/api/files/{id}/alerts",
            alert_count: "/api/files/{id}/alerts/$count",
            machines: "/api/files/{id}/machines",
            machine_count: "/api/files/{id}/machines/$count",
            of: related::Of::File,
            needs: (AlertRead, MachineRead),
        },
    );
}

async fn read(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let hash = hash(&id)?;
    let known = Reader::new(ctx.store()).file(&hash).await?;
    let (id, known) = known.ok_or_else(|| ApiError::resource_not_found("File", &id))?;
    list::single(&ctx, "Files", &FILE_TYPE, &uri, &body(&id, &known))
}

async fn stats(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let since = related::look_back(&ctx, &uri)?;
    let hash = hash(&id)?;
    let known = Reader::new(ctx.store()).file(&hash).await?;
    let (id, known) = known.ok_or_else(|| ApiError::resource_not_found("File", &id))?;
    let all = known.profile.devices.device_count(None);
    let (first, last) = (Ticks(known.span.first), Ticks(known.span.last));
    let stats = Stats {
        sha1: (id.len() == SHA1_DIGITS).then_some(id),
        organization_prevalence: known.profile.devices.device_count(Some(since)),
        org_first_seen: Some(first),
        org_last_seen: Some(last),
        global_prevalence: all,
        globally_prevalence: all,
        global_first_observed: Some(first),
        global_last_observed: Some(last),
        top_file_names: known.profile.top_names(TOP_NAMES).into_iter().map(str::to_owned).collect(),
    };
    list::single(&ctx, "microsoft.windowsDefenderATP.api.InOrgFileStats", &STATS_TYPE, &uri, &stats)
}

/// The file of evidence that has one of these hashes, as far as it is known.
pub(super) async fn file_of(
    ctx: &Ctx,
    sha1: Option<&str>,
    sha256: Option<&str>,
) -> Result<Option<FileBody>, ApiError> {
    ctx.whole_tenant()?;
    let (sha1, sha256) = (sha1.and_then(file_id), sha256.and_then(file_id));
    let Some(hash) = sha1.clone().or_else(|| sha256.clone()) else { return Ok(None) };
    Ok(Some(match Reader::new(ctx.store()).file(&hash).await? {
        Some((id, known)) => body(&id, &known),
        None => FileBody { sha1, sha256, ..FileBody::default() },
    }))
}

fn body(id: &str, known: &Known<File>) -> FileBody {
    let file = &known.profile;
    let certificate = file.certificate.as_ref().map(|latest| &latest.value);
    let is_sha1 = id.len() == SHA1_DIGITS;
    FileBody {
        sha1: is_sha1.then(|| id.to_owned()),
        sha256: file.sha256.clone().or_else(|| (!is_sha1).then(|| id.to_owned())),
        md5: file.md5.clone(),
        global_prevalence: Some(file.devices.device_count(None)),
        global_first_observed: Some(Ticks(known.span.first)),
        global_last_observed: Some(Ticks(known.span.last)),
        size: file.size,
        file_publisher: file.publisher.clone(),
        file_product_name: file.product.clone(),
        signer: certificate.map(|certificate| certificate.signer.clone()),
        issuer: certificate.map(|certificate| certificate.issuer.clone()),
        signer_hash: certificate.map(|certificate| certificate.signer_hash.clone()),
        is_valid_certificate: certificate.and_then(|certificate| certificate.is_trusted),
        ..FileBody::default()
    }
}

impl Default for FileBody {
    /// A file of which nothing is known.
    fn default() -> FileBody {
        FileBody {
            sha1: None,
            sha256: None,
            md5: None,
            global_prevalence: None,
            global_first_observed: None,
            global_last_observed: None,
            size: None,
            file_type: None,
            is_pe_file: None,
            file_publisher: None,
            file_product_name: None,
            signer: None,
            issuer: None,
            signer_hash: None,
            is_valid_certificate: None,
            determination_type: "Unknown",
            determination_value: None,
        }
    }
}

fn hash(id: &str) -> Result<String, ApiError> {
    let wrong = || {
        let message = "A file is named by the 40 digits of its SHA-1 or the 64 of its SHA-256.";
        ApiError::new(code::INVALID_HASH, message)
    };
    file_id(id.trim()).ok_or_else(wrong)
}

/// The alerts of a file, and the devices that had it.
pub(crate) async fn relation(ctx: &Ctx, id: &str) -> Result<related::Relation, ApiError> {
    let hash = hash(id)?;
    let known = Reader::new(ctx.store()).file(&hash).await?;
    let mut devices = Vec::new();
    if let Some((_, known)) = &known {
        devices.extend(known.profile.devices.devices().map(|seen| seen.device()));
    }
    if devices.len() >= profiles::DEVICES_MAX {
        let column = if hash.len() == SHA1_DIGITS { "SHA1" } else { "SHA256" };
        devices = related::devices_with(ctx, &[column, &format!("InitiatingProcess{column}")], &hash).await?;
    }
    Ok(related::Relation { scope: AlertScope::File(hash), devices, is_known: known.is_some() })
}
