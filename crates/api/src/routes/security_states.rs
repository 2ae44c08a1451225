//! What of machines needs a look, by the path of the preview of 2018.

use axum::http::Uri;
use axum::response::Response;
use model::DeviceId;
use model::Permission::MachineRead;
use model::machine::{HealthStatus, Machine};
use odata::{EntityType, Kind, Property};
use serde::Serialize;
use store::Page;

use super::Access::Needs;
use super::Routes;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::list::ListRequest;

static SECURITY_STATE_TYPE: EntityType = EntityType {
    name: "machine security state",
    properties: &[
        Property::new("id", Kind::String),
        Property::new("build", Kind::Int64),
        Property::new("revision", Kind::Int64),
        Property::new("architecture", Kind::String),
        Property::new("osVersion", Kind::String),
        Property::new("propertiesRequireAttention", Kind::Strings),
    ],
    expands: &[],
};

/// The state of a machine, on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityState {
    id: DeviceId,
    build: Option<i64>,
    /// No event says it.
    revision: Option<i64>,
    architecture: Option<String>,
    os_version: Option<String>,
    properties_require_attention: Vec<&'static str>,
}

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/testwdatppreview/machinesecuritystates", Needs(MachineRead), list)
        .summary("Lists what of machines needs a look, by the path of the preview of 2018.")
        .lists(&SECURITY_STATE_TYPE);
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &SECURITY_STATE_TYPE, &uri)?;
    let page = ctx.store().list_machines(&list.query, list.page()).await;
    let page = page.map(|page| Page {
        items: page.items.into_iter().map(state).collect::<Vec<_>>(),
        next: page.next,
        count: page.count,
    });
    list.answer(&ctx, "MachineSecurityStates", page)
}

fn state(machine: Machine) -> SecurityState {
    let mut attention = Vec::new();
    if machine.health_status != HealthStatus::Active {
        attention.push("healthStatus");
    }
    if machine.onboarding_status != "Onboarded" {
        attention.push("onboardingStatus");
    }
    SecurityState {
        id: machine.id,
        build: machine.os_build,
        revision: None,
        architecture: machine.os_architecture,
        os_version: machine.version.or(machine.os_version),
        properties_require_attention: attention,
    }
}
