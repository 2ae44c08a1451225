//! Events of the Open Cybersecurity Schema Framework, versions 1.x: one JSON object a line, whose `class_uid` and
//! `activity_id` say what happened.
//!
//! Members of members become fields with points in their names, such as `process.file.path`, so that rules move
//! them to columns like the fields of any event, and what no column holds is kept under these names.

use memchr::memmem;
use model::{Ticks, tables};

use crate::draft::Draft;
use crate::event::{Event, integer};
use crate::format::{Format, Framing};
use crate::json::{Json, Object, get};
use crate::mapper::report_id;
use crate::{Mapped, Mapper, Refusal, lines};

mod rules;

pub(crate) static FORMAT: Format = Format {
    name: "ocsf",
    route: "/api/ingest/ocsf",
    summary: "Takes events of the Open Cybersecurity Schema Framework, one JSON object a line.",
    framing: Framing::Lines,
    is_likely,
    count: lines::count,
    read: |mapper, input, give| lines::read(input.body, |line| read(mapper, line, input.device), give),
};

/// Members below this stay together, and so do those behind very many fields or a very long name.
const DEPTH_MAX: usize = 12;
const FIELDS_MAX: usize = 1_024;
const PATH_BYTES_MAX: usize = 256;

fn is_likely(head: &[u8]) -> bool {
    let first = lines::split(head).next();
    first.is_some_and(|(_, line)| {
        matches!(line.first(), Some(b'{' | b'[')) && memmem::find(head, b"\"class_uid\"").is_some()
    })
}

fn read(mapper: &mut Mapper, line: &[u8], device: &str) -> Result<Mapped, Refusal> {
    lines::check_length(line)?;
    let json = Json::parse(line).map_err(|reason| Refusal::NotJson { reason })?;
    let Json::Object(object) = json else {
        return Err(Refusal::NotAnEvent { missing: "a JSON object" });
    };
    map(mapper, object, line, device, None)
}

/// Whether an object is an event of this format.
pub(crate) fn matches(object: &Object<'_>) -> bool {
    get(object, "class_uid").is_some()
}

/// Makes a row of an event. `device` and `otherwise` are its device and time for the case that it has none.
pub(crate) fn map(
    mapper: &mut Mapper,
    object: Object<'_>,
    source: &[u8],
    device: &str,
    otherwise: Option<Ticks>,
) -> Result<Mapped, Refusal> {
    let number = |name| get(&object, name).and_then(integer);
    let class = number("class_uid").filter(|class| *class >= 0);
    let class = class.ok_or(Refusal::NotAnEvent { missing: "class_uid, the number of a class" })?;
    // The type of an event joins the two numbers.
    let activity =
        number("activity_id").or_else(|| number("type_uid").map(|kind| kind % 100)).unwrap_or_default();
    let rule = rules::find(class, activity);
    let Some((rule, table)) = rule.and_then(|rule| Some((rule, tables::find(rule.table)?))) else {
        return Ok(Mapped::Unmapped { kind: format!("OCSF/{class} activity {activity}") });
    };
    let time = time(&object, otherwise)?;
    let mut event = Event { event_id: class, channel: "OCSF".into(), ..Event::default() };
    flatten(&mut event, "", object, DEPTH_MAX);
    event.provider = event.get("metadata.product.name").unwrap_or_default().to_owned().into();
    let named = ["device.hostname", "device.name"].iter().find_map(|name| event.get(name));
    let device = named.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(device).to_lowercase();
    if device.is_empty() {
        return Err(Refusal::bad_value("device.hostname", "the name of the device, and is missing"));
    }
    let mut draft = Draft::new(table, &event, time, &device);
    draft.action(rule.action);
    rule.moves.iter().for_each(|block| draft.fill(block));
    (rule.refine)(&mut draft);
    draft.complete_initiating(&[], &mapper.cache);
    (rule.relate)(&mut draft, &mut mapper.cache);
    Ok(Mapped::Row(Box::new(draft.finish(report_id(None, source)))))
}

/// `time` in milliseconds since 1970, or `time_dt` as text.
fn time(object: &Object<'_>, otherwise: Option<Ticks>) -> Result<Ticks, Refusal> {
    let valid = |time: &Ticks| time.unix_nanos().is_some();
    let expected = "milliseconds since 1970, up to 2262";
    match (get(object, "time"), get(object, "time_dt")) {
        (Some(Json::Int(millis)), _) => {
            let time = Ticks::from_unix_millis(*millis).filter(valid);
            time.ok_or_else(|| Refusal::bad_value("time", expected))
        }
        (None | Some(Json::Null), Some(Json::Text(text))) => {
            let time = Ticks::parse(text).filter(valid);
            time.ok_or_else(|| Refusal::bad_time("time_dt", Some(text)))
        }
        (None | Some(Json::Null), _) => {
            otherwise.ok_or_else(|| Refusal::bad_value("time", "milliseconds since 1970, and is missing"))
        }
        (Some(_), _) => Err(Refusal::bad_value("time", expected)),
    }
}

fn flatten<'a>(event: &mut Event<'a>, path: &str, object: Object<'a>, depth: usize) {
    for (key, value) in object {
        let name = if path.is_empty() { key } else { format!("{path}.{key}").into() };
        match value {
            Json::Object(members)
                if depth > 0 && name.len() <= PATH_BYTES_MAX && event.fields.len() < FIELDS_MAX =>
            {
                flatten(event, &name, members, depth - 1);
            }
            value => event.push(name, value),
        }
    }
}
