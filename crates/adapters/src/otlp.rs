//! Log records of the OpenTelemetry protocol, in either encoding. Both are read as they stand, without a tree of
//! the whole request, so that small records cannot make a small body large.

use std::ops::ControlFlow;

use model::Ticks;

use crate::json::Json;
use crate::lines;
use crate::shipped::{Reader, Said};
use crate::{Fault, Refusal};

mod json;
mod protobuf;

pub(crate) use json::read as read_json;
pub(crate) use protobuf::read as read_protobuf;

/// Attributes of a resource that say something of its records.
const HOST: &str = "host.name";
const SOURCE_TYPE: &str = "com.splunk.sourcetype";
const SERVICE: &str = "service.name";

/// What the attributes of a resource say.
#[derive(Default)]
struct Resource {
    host: Option<String>,
    source_type: Option<String>,
    service: Option<String>,
}

impl Resource {
    fn attribute(&mut self, key: &str, value: &Json<'_>) {
        let place = match key {
            HOST => &mut self.host,
            SOURCE_TYPE => &mut self.source_type,
            SERVICE => &mut self.service,
            _ => return,
        };
        if let Json::Text(text) = value
            && !text.trim().is_empty()
        {
            *place = Some(text.clone().into_owned());
        }
    }

    fn said<'a>(&'a self, said: &'a Said<'_>) -> Said<'a> {
        let device = self.host.as_deref().unwrap_or(&said.device).into();
        let kind = self.source_type.as_deref().or(self.service.as_deref()).unwrap_or(&said.kind).into();
        Said { device, kind, time: said.time }
    }
}

/// Nanoseconds since 1970: when it happened, or else when it was seen; zero is unknown.
fn time(at: u64, observed: u64) -> Option<Ticks> {
    let nanos = [at, observed].into_iter().find(|nanos| *nanos > 0)?;
    i64::try_from(nanos).ok().map(Ticks::from_unix_nanos)
}

/// Takes a body that is not text, whose tree `read` makes if its bytes are not too many.
fn take_tree<'a>(
    reader: &mut Reader<'_, '_, '_>,
    source: &'a [u8],
    said: &Said<'_>,
    read: impl FnOnce(&'a [u8]) -> Result<Json<'a>, Refusal>,
) -> ControlFlow<()> {
    match lines::check_length(source).and_then(|()| read(source)) {
        Ok(json) => reader.take_json(json, source, said),
        Err(refusal) => reader.refuse(refusal),
    }
}

fn malformed(reader: &Reader<'_, '_, '_>, reason: impl ToString) -> Fault {
    Fault::Malformed { event: reader.taken(), reason: reason.to_string() }
}
