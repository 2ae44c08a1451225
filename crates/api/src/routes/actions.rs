//! Actions on machines: asked for, looked at, cancelled.

use actions::{Plan, Request};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use model::Permission::{
    MachineCollectForensics, MachineIsolate, MachineLiveResponse, MachineOffboard, MachineRead,
    MachineRestrictExecution, MachineScan, MachineStopAndQuarantine,
};
use model::machine::Machine;
use model::machine_action::{ActionKind, MachineAction};
use model::{ActionId, Permission};
use sensor_proto::{IsolationMode, Order, ScanMode};
use serde_json::{Value, json};
use store::MACHINE_ACTION_TYPE;

use super::Access::{Needs, NeedsOneOf};
use super::Routes;
use super::machines::machine;
use crate::body::{JsonObject, MaybeJson};
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;
use crate::list::{self, ListRequest};

pub(super) const SET: &str = "MachineActions";
const LINKS: Limit = Limit::of_caller(2, 120);
const COMMENT_BYTES_MAX: usize = 4 << 10;
const ID_BYTES_MAX: usize = 256;
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const DEADLINE_SECONDS: std::ops::RangeInclusive<i64> = 10..=259_200;
/// What packages of devices may have, as the order says it.
const PACKAGE_BYTES_MAX: u64 = 64 << 20;

/// The permissions of which each action needs one.
pub(super) const ACTING: &[Permission] = &[
    MachineCollectForensics,
    MachineIsolate,
    MachineRestrictExecution,
    MachineScan,
    MachineOffboard,
    MachineStopAndQuarantine,
    MachineLiveResponse,
];

/// What apps and what users need to read the package of an action.
const FETCHING: &[Permission] = &[MachineRead, MachineCollectForensics];

/// A method of a machine that is an action.
struct Verb {
    path: &'static str,
    kind: ActionKind,
    summary: &'static str,
    /// A body that it takes, as an example.
    takes: &'static str,
}

const COMMENT: &str = r#"{"Comment":"contain the host"}"#;

/// All but live response, whose body is of another form.
static VERBS: &[Verb] = &[
    Verb {
        path: "/api/machines/{id}/isolate",
        kind: ActionKind::Isolate,
        summary: "Isolates a machine from the network.",
        takes: r#"{"Comment":"contain the host","IsolationType":"Full"}"#,
    },
    Verb {
        path: "/api/machines/{id}/unisolate",
        kind: ActionKind::Unisolate,
        summary: "Releases a machine from isolation.",
        takes: COMMENT,
    },
    Verb {
        path: "/api/machines/{id}/restrictCodeExecution",
        kind: ActionKind::RestrictCodeExecution,
        summary: "Restricts which programs run on a machine.",
        takes: COMMENT,
    },
    Verb {
        path: "/api/machines/{id}/unrestrictCodeExecution",
        kind: ActionKind::UnrestrictCodeExecution,
        summary: "Lifts the restriction of programs.",
        takes: COMMENT,
    },
    Verb {
        path: "/api/machines/{id}/runAntiVirusScan",
        kind: ActionKind::RunAntiVirusScan,
        summary: "Scans a machine.",
        takes: r#"{"Comment":"look","ScanType":"Quick"}"#,
    },
    Verb {
        path: "/api/machines/{id}/offboard",
        kind: ActionKind::Offboard,
        summary: "Offboards a machine: its sensor stops for good.",
        takes: COMMENT,
    },
    Verb {
        path: "/api/machines/{id}/stopAndQuarantineFile",
        kind: ActionKind::StopAndQuarantineFile,
        summary: "Stops a file on a machine and puts it away.",
        takes: r#"{"Comment":"malware","Sha1":"3395856ce81f2b7382dee72602f798b642f14140"}"#,
    },
    Verb {
        path: "/api/machines/{id}/collectInvestigationPackage",
        kind: ActionKind::CollectInvestigationPackage,
        summary: "Collects a package for an investigation from a machine.",
        takes: COMMENT,
    },
];

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/machineactions", Needs(MachineRead), list)
        .summary("Lists actions.")
        .lists(&MACHINE_ACTION_TYPE);
    routes
        .get("/api/machineactions/$count", Needs(MachineRead), count)
        .summary("Counts actions.")
        .counts(&MACHINE_ACTION_TYPE);
    routes
        .get("/api/machineactions/{id}", Needs(MachineRead), read)
        .summary("Reads an action.")
        .gives(&MACHINE_ACTION_TYPE);
    routes
        .post("/api/machineactions/{id}/cancel", NeedsOneOf(ACTING), cancel)
        .summary("Cancels an action; it takes the permission to ask for it.")
        .takes(COMMENT)
        .gives(&MACHINE_ACTION_TYPE);
    routes
        .get("/api/machineactions/{id}/getPackageUri", NeedsOneOf(FETCHING), package_uri)
        .summary("Makes a link to the package that an action collected; it takes Machine.CollectForensics of users.")
        .answers(LINK)
        .limit(LINKS)
        .audited();
    routes
        .get("/api/machineactions/{id}/receipts", Needs(MachineRead), receipts)
        .summary("Lists what the device said about an action, as it signed it.");
    for verb in VERBS {
        let handler = move |ctx: Ctx, param: Param, uri: Uri, headers: HeaderMap, body: JsonObject| {
            act(verb, ctx, param, uri, headers, body)
        };
        let route = routes.post(verb.path, Needs(permission_of(verb.kind)), handler);
        route.summary(verb.summary).action(verb.kind.name()).takes(verb.takes).gives(&MACHINE_ACTION_TYPE);
    }
}

/// An answer with a link, as an example.
pub(super) const LINK: &str = r#"{"@odata.context":"","value":"https://bartizan.example/downloads/..."}"#;

/// What it takes to ask for an action of a type.
pub(crate) fn permission_of(kind: ActionKind) -> Permission {
    match kind {
        ActionKind::Isolate | ActionKind::Unisolate => MachineIsolate,
        ActionKind::RestrictCodeExecution | ActionKind::UnrestrictCodeExecution => MachineRestrictExecution,
        ActionKind::RunAntiVirusScan => MachineScan,
        ActionKind::Offboard => MachineOffboard,
        ActionKind::StopAndQuarantineFile => MachineStopAndQuarantine,
        ActionKind::CollectInvestigationPackage => MachineCollectForensics,
        ActionKind::LiveResponse => MachineLiveResponse,
    }
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &MACHINE_ACTION_TYPE, &uri)?;
    let page = ctx.store().list_actions(&list.query, list.page()).await;
    list.answer(&ctx, SET, page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&MACHINE_ACTION_TYPE, &uri)?;
    Ok(list::count(ctx.store().action_count(query.filter.as_ref()).await?))
}

async fn read(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let action = action(&ctx, &id).await?;
    list::single(&ctx, SET, &MACHINE_ACTION_TYPE, &uri, &action)
}

async fn cancel(ctx: Ctx, Param(id): Param, uri: Uri, body: MaybeJson) -> Result<Response, ApiError> {
    let MaybeJson(mut body) = body;
    let comment = comment_of(&mut body, false)?;
    let known = action(&ctx, &id).await?;
    let ctx = ctx.demand(permission_of(known.kind), Some(known.kind.name())).await?;
    // The devices of this permission can be others than those of the first.
    let known = action(&ctx, &id).await?;
    let action = ctx.actions().cancel(known.id, &ctx.author(), &comment).await?;
    list::single(&ctx, SET, &MACHINE_ACTION_TYPE, &uri, &action)
}

async fn package_uri(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let needed = if ctx.is_app() { MachineRead } else { MachineCollectForensics };
    let ctx = ctx.demand(needed, None).await?;
    let action = action(&ctx, &id).await?;
    link(&ctx, action.id, None).await
}

/// The answer with a link to what an action made.
pub(super) async fn link(ctx: &Ctx, id: ActionId, index: Option<u32>) -> Result<Response, ApiError> {
    let token = ctx.actions().link(id, index).await?;
    let url = format!("{}/downloads/{token}", ctx.config().base_url);
    list::value(ctx, "Edm.String", &Value::from(url))
}

async fn receipts(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let action = action(&ctx, &id).await?;
    let key = ctx.store().device_key(&action.machine_id).await?;
    let receipts = ctx.store().receipts(action.id).await?;
    let receipts = receipts.iter().map(|receipt| {
        let signed: Value = serde_json::from_str(&receipt.signed).unwrap_or_default();
        json!({ "machineId": receipt.device, "received": receipt.received, "signed": signed })
    });
    let receipts: Vec<Value> = receipts.collect();
    list::json(&json!({ "publicKey": key.map(|key| key.public_key), "value": receipts }))
}

async fn act(
    verb: &'static Verb,
    ctx: Ctx,
    Param(id): Param,
    uri: Uri,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let machine = machine(&ctx, &id).await?;
    let order = order(verb.kind, &mut body)?;
    let request = request(&ctx, order, &headers, &mut body, true)?;
    submit(&ctx, &machine, &request, &uri).await
}

/// Asks for an action, or says what asking would do.
pub(super) async fn submit(
    ctx: &Ctx,
    machine: &Machine,
    request: &Request,
    uri: &Uri,
) -> Result<Response, ApiError> {
    if is_dry_run(uri)? {
        let plan = ctx.actions().plan(machine, request).await?;
        return list::json(&dry_run(machine, request, &plan));
    }
    let (action, is_repeat) = ctx.actions().submit(machine, request).await?;
    let mut response = list::created(ctx, SET, &action)?;
    if is_repeat || action.kind == ActionKind::Offboard {
        *response.status_mut() = axum::http::StatusCode::OK;
    }
    Ok(response)
}

fn dry_run(machine: &Machine, request: &Request, plan: &Plan) -> Value {
    json!({
        "dryRun": true,
        "type": request.order.action(),
        "machineId": machine.id,
        "computerDnsName": machine.computer_dns_name,
        "needsApproval": plan.needs_approval,
        "expires": plan.expires,
        "openActions": plan.open,
    })
}

pub(super) fn is_dry_run(uri: &Uri) -> Result<bool, ApiError> {
    let given = list::options(uri).find(|(_, name, _)| name.eq_ignore_ascii_case("dryRun"));
    match given.map(|(_, _, value)| value.to_lowercase()).as_deref() {
        None | Some("false") => Ok(false),
        Some("true" | "") => Ok(true),
        Some(_) => Err(ApiError::new(code::INVALID_INPUT, "'dryRun' takes true or false.")),
    }
}

/// The action of that id, in any letter case.
pub(super) async fn action(ctx: &Ctx, id: &str) -> Result<MachineAction, ApiError> {
    let missing = || ApiError::resource_not_found("Machine action", id);
    let id: ActionId = id.parse().map_err(|_| missing())?;
    ctx.store().action(id).await?.ok_or_else(missing)
}

/// The order that a body describes, but for live response.
pub(super) fn order(kind: ActionKind, body: &mut JsonObject) -> Result<Order, ApiError> {
    Ok(match kind {
        ActionKind::Isolate => {
            let modes = [("Full", IsolationMode::Full), ("Selective", IsolationMode::Selective)];
            Order::Isolate { mode: choice(body, "IsolationType", &modes)?.unwrap_or(IsolationMode::Full) }
        }
        ActionKind::Unisolate => Order::Release,
        ActionKind::RestrictCodeExecution => Order::Restrict,
        ActionKind::UnrestrictCodeExecution => Order::Unrestrict,
        ActionKind::RunAntiVirusScan => {
            let modes = [("Quick", ScanMode::Quick), ("Full", ScanMode::Full)];
            let mode = choice(body, "ScanType", &modes)?;
            Order::Scan { mode: mode.ok_or_else(|| missing("ScanType"))? }
        }
        ActionKind::Offboard => Order::Offboard,
        ActionKind::StopAndQuarantineFile => {
            let sha1 = body.take_text("Sha1")?.ok_or_else(|| missing("Sha1"))?.trim().to_lowercase();
            if sha1.len() != 40 || !sha1.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let message = "'Sha1' takes the 40 hexadecimal digits of a SHA-1.";
                return Err(ApiError::new(code::INVALID_HASH, message));
            }
            Order::StopAndQuarantine { sha1 }
        }
        ActionKind::CollectInvestigationPackage => Order::CollectPackage { bytes_max: PACKAGE_BYTES_MAX },
        ActionKind::LiveResponse => {
            return Err(ApiError::internal("a live response has a body of another form"));
        }
    })
}

/// What a body and the headers say besides the order.
pub(super) fn request(
    ctx: &Ctx,
    order: Order,
    headers: &HeaderMap,
    body: &mut JsonObject,
    needs_comment: bool,
) -> Result<Request, ApiError> {
    let deadline_seconds = match body.take("DeadlineSeconds")? {
        None => None,
        Some(value) => {
            let seconds = value.as_i64().filter(|seconds| DEADLINE_SECONDS.contains(seconds));
            let message = format!(
                "'DeadlineSeconds' takes a whole number from {} to {}.",
                DEADLINE_SECONDS.start(),
                DEADLINE_SECONDS.end()
            );
            Some(seconds.ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))?)
        }
    };
    Ok(Request {
        order,
        comment: comment_of(body, needs_comment)?,
        title: short_text(body, "Title")?,
        requestor: ctx.author(),
        actor: ctx.actor(),
        source: "PublicApi".to_owned(),
        external_id: short_text(body, "ExternalId")?,
        idempotency_key: idempotency_key(ctx, headers)?,
        deadline_seconds,
    })
}

/// The key is one of the caller's: others' are others.
fn idempotency_key(ctx: &Ctx, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(given) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = given.to_str().ok().map(str::trim).filter(|key| (1..=ID_BYTES_MAX).contains(&key.len()));
    let message = format!("The header Idempotency-Key takes 1 to {ID_BYTES_MAX} visible characters.");
    let key = key.ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))?;
    Ok(Some(format!("{} {key}", ctx.actor_in_app())))
}

pub(super) fn comment_of(body: &mut JsonObject, is_required: bool) -> Result<String, ApiError> {
    let comment = body.take_text("Comment")?.unwrap_or_default();
    if comment.trim().is_empty() && is_required {
        return Err(missing("Comment"));
    }
    if comment.len() > COMMENT_BYTES_MAX {
        let message = format!("'Comment' is longer than {COMMENT_BYTES_MAX} bytes.");
        return Err(ApiError::new(code::INVALID_INPUT, message));
    }
    Ok(comment)
}

fn short_text(body: &mut JsonObject, name: &str) -> Result<Option<String>, ApiError> {
    match body.take_text(name)? {
        Some(text) if text.len() > ID_BYTES_MAX => {
            Err(ApiError::new(code::INVALID_INPUT, format!("'{name}' is longer than {ID_BYTES_MAX} bytes.")))
        }
        text => Ok(text.filter(|text| !text.trim().is_empty())),
    }
}

fn choice<T: Copy>(body: &mut JsonObject, name: &str, valid: &[(&str, T)]) -> Result<Option<T>, ApiError> {
    let Some(given) = body.take_text(name)? else { return Ok(None) };
    let found = valid.iter().find(|(member, _)| member.eq_ignore_ascii_case(given.trim()));
    found.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let given: String = given.chars().take(60).collect();
        let names: Vec<&str> = valid.iter().map(|(member, _)| *member).collect();
        let message = format!("'{given}' is not a value of {name}; valid: {}.", names.join(", "));
        ApiError::new(code::INVALID_INPUT, message)
    })
}

pub(super) fn missing(name: &str) -> ApiError {
    ApiError::new(code::MISSING_PARAMETER, format!("The body has no '{name}', which is required."))
}
