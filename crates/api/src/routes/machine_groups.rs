//! Device groups as the preview of 2018 listed them: without their rules.

use axum::http::Uri;
use axum::response::Response;
use model::Permission::MachineRead;
use model::access::{UNASSIGNED_GROUP, UNASSIGNED_GROUP_NAME};
use odata::{EntityType, Kind, Property};
use serde::Serialize;

use super::Access::Needs;
use super::Routes;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::list::memory;

static MACHINE_GROUP_TYPE: EntityType = EntityType {
    name: "machine group",
    properties: &[
        Property::new("id", Kind::Int64).filterable().sortable(),
        Property::new("name", Kind::String).filterable().sortable(),
        Property::new("description", Kind::String).filterable().sortable(),
        Property::new("ungrouped", Kind::Bool).filterable().sortable(),
    ],
    expands: &[],
};

/// A group, on the wire.
#[derive(Serialize)]
struct MachineGroup {
    id: i64,
    name: String,
    description: String,
    ungrouped: bool,
}

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/testwdatppreview/machinegroups", Needs(MachineRead), list)
        .summary(
            "Lists device groups by the path of the preview of 2018; `id` is the `rbacGroupId` of machines.",
        )
        .lists(&MACHINE_GROUP_TYPE);
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let unassigned = MachineGroup {
        id: UNASSIGNED_GROUP,
        name: UNASSIGNED_GROUP_NAME.to_owned(),
        description: String::new(),
        ungrouped: true,
    };
    let groups = ctx.store().device_groups().await?.into_iter().map(|group| MachineGroup {
        id: group.id,
        name: group.name,
        description: group.description,
        ungrouped: false,
    });
    let groups = groups.chain([unassigned]).filter(|group| ctx.store().reach().includes(group.id));
    memory::answer(&ctx, "MachineGroups", &MACHINE_GROUP_TYPE, &uri, groups.collect())
}
