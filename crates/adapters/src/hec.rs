//! Bodies of the HTTP Event Collector: objects around events, one behind the other with or without blanks
//! between, or lines without any.

use std::borrow::Cow;
use std::ops::ControlFlow;

use model::Ticks;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lines;
use crate::shipped::{Fault, Reader, Said};

/// What stands around an event. Members that say where it would be indexed are read and mean nothing here.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
    #[serde(borrow)]
    host: Option<Text<'a>>,
    #[serde(borrow)]
    sourcetype: Option<Text<'a>>,
}

/// Text that is borrowed where it has no escapes; an optional `Cow` would always be copied.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Reads objects; one that is malformed is the fault of the whole body.
pub(crate) fn read_events(
    body: &[u8],
    said: &Said<'_>,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<ControlFlow<()>, Fault> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut stream = serde_json::Deserializer::from_slice(body).into_iter::<Envelope<'_>>();
    let mut event = 0;
    loop {
        let malformed = |reason: String| Fault::Malformed { event, reason };
        let rest = body.get(stream.byte_offset()..).unwrap_or_default().trim_ascii_start();
        match rest.first() {
            None if event == 0 => return Err(Fault::NoData),
            None => return Ok(ControlFlow::Continue(())),
            Some(b'{') => {}
            Some(_) => return Err(malformed("it is not an object".to_owned())),
        }
        let envelope = match stream.next() {
            Some(Ok(envelope)) => envelope,
            Some(Err(error)) => return Err(malformed(error.to_string())),
            None => return Ok(ControlFlow::Continue(())),
        };
        if envelope.fields.is_some_and(|fields| !fields.get().starts_with('{')) {
            return Err(Fault::BadFields { event });
        }
        let time = envelope.time.map(|time| {
            seconds(time.get().trim_matches('"'))
                .ok_or_else(|| malformed("'time' takes seconds since 1970".to_owned()))
        });
        let said = Said {
            device: given(envelope.host, &said.device),
            time: time.transpose()?.or(said.time),
            kind: given(envelope.sourcetype, &said.kind),
        };
        let content = envelope.event.ok_or(Fault::EventMissing { event })?.get();
        let content = if content.starts_with('"') {
            serde_json::from_str::<Text<'_>>(content).map_err(|error| malformed(error.to_string()))?.0
        } else {
            content.into()
        };
        if content.trim().is_empty() {
            return Err(Fault::EventBlank { event });
        }
        if reader.take(content.as_bytes(), &said).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        event += 1;
    }
}

/// Reads lines.
pub(crate) fn read_raw(
    body: &[u8],
    said: &Said<'_>,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<ControlFlow<()>, Fault> {
    let mut lines = lines::split(body).peekable();
    lines.peek().ok_or(Fault::NoData)?;
    Ok(lines.try_for_each(|(_, line)| reader.take(line, said)))
}

/// What the envelope says, unless it is blank.
fn given<'a>(text: Option<Text<'a>>, otherwise: &'a str) -> Cow<'a, str> {
    text.map(|text| text.0).filter(|text| !text.trim().is_empty()).unwrap_or(otherwise.into())
}

/// Seconds since 1970 with a fraction; numbers too large for that are milliseconds, as some senders write.
pub fn seconds(text: &str) -> Option<Ticks> {
    const SECONDS_MAX: i64 = i64::MAX / 1_000_000_000;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_decimal(whole) || !is_decimal(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    if whole >= SECONDS_MAX {
        return Ticks::from_unix_millis(whole).filter(|time| time.unix_nanos().is_some());
    }
    let nanos: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(Ticks::from_unix_nanos(whole * 1_000_000_000 + nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_with_a_fraction() {
        for (text, expected) in [
            ("1714979289", Some("2024-05-06T07:08:09Z")),
            ("1714979289.5", Some("2024-05-06T07:08:09.5Z")),
            ("1714979289.1234567891", Some("2024-05-06T07:08:09.1234567Z")),
            ("1714979289123", Some("2024-05-06T07:08:09.123Z")),
            ("0", Some("1970-01-01T00:00:00Z")),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1e9", None),
            ("now", None),
            ("99999999999999999999", None),
            ("9999999999999999", None),
        ] {
            assert_eq!(seconds(text), expected.map(|time| Ticks::parse(time).unwrap()), "{text}");
        }
    }
}
