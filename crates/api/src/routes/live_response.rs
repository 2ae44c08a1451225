//! Live response: commands that a machine carries out one after the other, and what came of each.

use actions::AskedCommand;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use model::Permission;
use model::Permission::{MachineLiveResponse, MachineRead};
use model::role::CHANGING_LIVE_RESPONSE;
use sensor_proto::{LiveCommand, Order};
use serde_json::Value;
use store::MACHINE_ACTION_TYPE;

use super::Access::{Needs, NeedsOneOf};
use super::Routes;
use super::actions::{LINK, action, link, missing, request, submit};
use super::machines::machine;
use crate::body::JsonObject;
use crate::ctx::{Arguments, Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;

/// What apps and what users need to read the result of a command.
const FETCHING: &[Permission] = &[MachineRead, MachineLiveResponse];
const RUNS: Limit = Limit::of_caller(10, 600);
const COMMANDS_MAX: usize = 32;
const VALUE_BYTES_MAX: usize = 4 << 10;
const RESULT_BYTES_MAX: u64 = 32 << 20;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/api/machines/{id}/runliveresponse", Needs(MachineLiveResponse), run)
        .summary("Runs the commands of a live response on a machine.")
        .takes(r#"{"Comment":"triage","Commands":[{"type":"GetFile","params":[{"key":"Path","value":"C:\\a.txt"}]}]}"#)
        .gives(&MACHINE_ACTION_TYPE)
        .limit(RUNS)
        .action("LiveResponse");
    routes
        .get(
            "/api/machineactions/{id}/GetLiveResponseResultDownloadLink()",
            NeedsOneOf(FETCHING),
            result_link,
        )
        .summary("Makes a link to the result of one command of a live response; it takes Machine.LiveResponse of users.")
        .answers(LINK)
        .audited();
}

async fn run(
    ctx: Ctx,
    Param(id): Param,
    uri: Uri,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    machine(&ctx, &id).await?;
    let order = order(&ctx, &mut body).await?;
    let ctx = allowed(ctx, &order).await?;
    let machine = machine(&ctx, &id).await?;
    let request = request(&ctx, order, &headers, &mut body, false)?;
    submit(&ctx, &machine, &request, &uri).await
}

async fn result_link(ctx: Ctx, Param(id): Param, arguments: Arguments) -> Result<Response, ApiError> {
    let needed = if ctx.is_app() { MachineRead } else { MachineLiveResponse };
    let ctx = ctx.demand(needed, None).await?;
    let action = action(&ctx, &id).await?;
    let index = arguments.get("index").and_then(|index| index.trim().parse::<u32>().ok());
    let message = "The function takes the number of the command: (index=0).";
    let index = index.ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))?;
    link(&ctx, action.id, Some(index)).await
}

/// The order that a body describes, with what the library holds for it.
pub(super) async fn order(ctx: &Ctx, body: &mut JsonObject) -> Result<Order, ApiError> {
    let commands = match body.take("Commands")? {
        Some(Value::Array(commands)) if !commands.is_empty() && commands.len() <= COMMANDS_MAX => commands,
        None => return Err(missing("Commands")),
        Some(_) => return Err(invalid(format!("'Commands' takes a list of 1 to {COMMANDS_MAX} commands."))),
    };
    let commands = commands.into_iter().enumerate().map(|(at, command)| read_command(at, command));
    let commands = ctx.actions().live_commands(commands.collect::<Result<_, _>>()?).await?;
    Ok(Order::LiveResponse { commands, result_bytes_max: RESULT_BYTES_MAX })
}

/// Fails unless the caller may do what the commands do: users need more than the role to fetch files for those that
/// change something.
pub(super) async fn allowed(ctx: Ctx, order: &Order) -> Result<Ctx, ApiError> {
    if changes_something(order) { ctx.demand_role(CHANGING_LIVE_RESPONSE).await } else { Ok(ctx) }
}

pub(crate) fn changes_something(order: &Order) -> bool {
    let Order::LiveResponse { commands, .. } = order else { return false };
    commands.iter().any(|command| !matches!(command, LiveCommand::GetFile { .. }))
}

fn read_command(at: usize, command: Value) -> Result<AskedCommand, ApiError> {
    let mut command = JsonObject::from_value(command)
        .ok_or_else(|| invalid(format!("Command {at} has to be an object with 'type' and 'params'.")))?;
    let kind = command.take_text("type")?.unwrap_or_default();
    let mut params = Vec::new();
    for param in command.take("params")?.and_then(|params| params.as_array().cloned()).unwrap_or_default() {
        let form = || {
            invalid(format!("Each of 'params' of command {at} has to be an object with 'key' and 'value'."))
        };
        let mut param = JsonObject::from_value(param).ok_or_else(form)?;
        let (key, value) = (param.take_text("key")?, param.take_text("value")?);
        let (key, value) = key.zip(value).ok_or_else(form)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(invalid(format!("'{key}' of command {at} is longer than {VALUE_BYTES_MAX} bytes.")));
        }
        params.push((key, value));
    }
    let mut take = |name: &str| {
        let found = params.iter().position(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|at| params.swap_remove(at).1)
    };
    let mut need = |name: &str| {
        let found = take(name).filter(|value| !value.trim().is_empty());
        found.ok_or_else(|| invalid(format!("Command {at} ({kind}) needs the parameter '{name}'.")))
    };
    let asked = match kind.trim().to_lowercase().as_str() {
        "putfile" => AskedCommand::PutFile { file_name: need("FileName")? },
        "runscript" => {
            let script_name = need("ScriptName")?;
            AskedCommand::RunScript { script_name, arguments: take("Args").unwrap_or_default() }
        }
        "getfile" => AskedCommand::GetFile { path: need("Path")? },
        _ => {
            let kind: String = kind.chars().take(60).collect();
            return Err(invalid(format!(
                "'{kind}' is not the type of a command; valid: PutFile, RunScript, GetFile."
            )));
        }
    };
    match params.first() {
        None => Ok(asked),
        Some((key, _)) => {
            let key: String = key.chars().take(60).collect();
            Err(invalid(format!("Command {at} ({kind}) does not take the parameter '{key}'.")))
        }
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(code::INVALID_INPUT, message)
}
