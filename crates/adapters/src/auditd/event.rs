//! The lines of one event put together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::codes::{self, Address};
use super::line::{Field, Line, fields};
use crate::Refusal;
use crate::event::Event;
use crate::json::Json;
use crate::values::{number, plain};

/// Fields of an event without the arguments and files, which are lists.
const FIELDS_MAX: usize = 256;
/// Values of one field that differ between records.
const COPIES_MAX: usize = 4;
const PATHS_MAX: usize = 256;

/// Fields that others than the kernel decide on: in hexadecimal where quotes would not hold them.
const UNTRUSTED: [&str; 14] = [
    "acct",
    "cmd",
    "comm",
    "cwd",
    "data",
    "dir",
    "exe",
    "file",
    "grp",
    "key",
    "name",
    "ocomm",
    "path",
    "proctitle",
];

/// What is known of an event besides its fields.
#[derive(Debug, Default)]
pub(super) struct Facts<'e> {
    /// Of the records, in their order.
    pub kinds: Vec<&'e str>,
    pub syscall: Option<Cow<'e, str>>,
    pub files: Vec<File<'e>>,
    pub arguments: Vec<String>,
    pub address: Option<Address>,
}

/// What a PATH record says of a file.
#[derive(Debug, Default)]
pub(super) struct File<'e> {
    pub name: Option<Cow<'e, str>>,
    /// Such as `CREATE`.
    pub role: &'e str,
    pub fields: Vec<(Cow<'e, str>, Json<'e>)>,
    item: i64,
}

pub(super) fn read<'e>(lines: &'e [Line<'_>]) -> Result<(Event<'e>, Facts<'e>), Refusal> {
    let mut facts = Facts::default();
    let serial = lines.first().map(|line| line.key.serial);
    let mut event = Event {
        provider: "auditd".into(),
        // The record that decides what the event is gives the number.
        event_id: -1,
        record_id: serial.and_then(|serial| i64::try_from(serial).ok()),
        ..Event::default()
    };
    let mut arguments = Arguments::default();
    for line in lines {
        facts.kinds.push(&line.kind);
        let fields = fields(&line.rest);
        match &*line.kind {
            "EXECVE" => fields.iter().for_each(|field| arguments.add(field)),
            "PATH" => facts.files.push(file(fields)),
            kind => {
                if kind == "SOCKADDR" {
                    facts.address = address(&fields).or(facts.address);
                }
                fields.into_iter().try_for_each(|field| add(&mut event, kind, field))?;
            }
        }
        if facts.files.len() > PATHS_MAX {
            return Err(Refusal::bad_value("PATH", "at most 256 records in an event"));
        }
    }
    facts.files.sort_by_key(|file| file.item);
    facts.arguments = arguments.join();
    facts.syscall = syscall(&event);
    Ok((event, facts))
}

/// The name that auditd resolved, or the one of the number.
fn syscall<'e>(event: &Event<'e>) -> Option<Cow<'e, str>> {
    let call = event.get("SYSCALL").or_else(|| event.get("syscall"))?;
    let Some(number) = number(call) else { return Some(Cow::Owned(plain(call).into_owned())) };
    let name = event.get("arch").and_then(|arch| codes::syscall_name(arch, number));
    Some(name.map_or_else(|| Cow::Owned(number.to_string()), Cow::Borrowed))
}

/// Adds a field. Records repeat what others say; what they say differently is kept under a name with their
/// kind.
fn add<'e>(event: &mut Event<'e>, kind: &str, field: Field<'e>) -> Result<(), Refusal> {
    let value = decoded(&field);
    let mut name = field.name;
    let mut copies = 0;
    while let Some(held) = event.get(&name) {
        if held == value {
            return Ok(());
        }
        copies += 1;
        if copies == COPIES_MAX {
            return Err(Refusal::bad_value("msg", "an event of at most 4 values a field"));
        }
        let plain = name.rsplit('.').next().unwrap_or_default();
        name = Cow::Owned(if copies == 1 {
            format!("{kind}.{plain}")
        } else {
            format!("{kind}.{copies}.{plain}")
        });
    }
    if event.fields.len() == FIELDS_MAX {
        return Err(Refusal::bad_value("msg", "an event of at most 256 fields"));
    }
    event.push(name, Json::Text(value));
    Ok(())
}

/// A value as it was before it was written.
fn decoded<'e>(field: &Field<'e>) -> Cow<'e, str> {
    if field.is_quoted || !UNTRUSTED.contains(&&*field.name) {
        return Cow::Borrowed(field.value);
    }
    let Some(bytes) = codes::hex(field.value) else { return Cow::Borrowed(field.value) };
    match &*field.name {
        // A list of arguments with zeros between them.
        "proctitle" => Cow::Owned(joined_by(&bytes, 0, ' ')),
        "key" => Cow::Owned(joined_by(&bytes, 1, ',')),
        "data" | "cmd" => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        // What fits into quotes is not written in hexadecimal: such a value is a word like `dead`.
        _ if bytes.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e)) => Cow::Borrowed(field.value),
        _ => String::from_utf8(bytes).map_or(Cow::Borrowed(field.value), Cow::Owned),
    }
}

fn joined_by(bytes: &[u8], separator: u8, with: char) -> String {
    let parts = bytes.split(|byte| *byte == separator).map(String::from_utf8_lossy);
    let mut out = String::with_capacity(bytes.len());
    for part in parts {
        out.push_str(&part);
        out.push(with);
    }
    out.truncate(out.trim_end_matches(with).len());
    out
}

fn address(fields: &[Field<'_>]) -> Option<Address> {
    let field = fields.iter().find(|field| field.name == "saddr")?;
    codes::address(&codes::hex(field.value)?)
}

fn file(fields: Vec<Field<'_>>) -> File<'_> {
    let mut file = File::default();
    for field in fields {
        match &*field.name {
            "item" => file.item = number(field.value).unwrap_or_default(),
            "name" => {
                let name = decoded(&field);
                file.fields.push((field.name, Json::Text(name.clone())));
                file.name = Some(name);
            }
            name => {
                // Before Linux 3.15 it was called by the other name.
                if matches!(name, "nametype" | "objtype") {
                    file.role = field.value;
                }
                if file.fields.len() < FIELDS_MAX {
                    file.fields.push((field.name, Json::Text(field.value.into())));
                }
            }
        }
    }
    file
}

/// Arguments of a program: `a0="ls"`, in hexadecimal without the quotes, and long ones in parts, `a1[0]=...`.
#[derive(Debug, Default)]
struct Arguments {
    /// By index, and by part.
    parts: BTreeMap<(u32, u32), Vec<u8>>,
}

impl Arguments {
    fn add(&mut self, field: &Field<'_>) {
        let Some((index, part)) = Arguments::place(&field.name) else { return };
        let decoded = (!field.is_quoted).then(|| codes::hex(field.value)).flatten();
        let bytes = decoded.unwrap_or_else(|| field.value.as_bytes().to_vec());
        self.parts.insert((index, part), bytes);
    }

    /// `a1` and `a1[2]`; nothing for `argc` and `a1_len`.
    fn place(name: &str) -> Option<(u32, u32)> {
        let rest = name.strip_prefix('a')?;
        match rest.split_once('[') {
            Some((index, part)) => Some((index.parse().ok()?, part.strip_suffix(']')?.parse().ok()?)),
            None => Some((rest.parse().ok()?, 0)),
        }
    }

    fn join(self) -> Vec<String> {
        let mut arguments: Vec<(u32, Vec<u8>)> = Vec::new();
        for ((index, _), mut bytes) in self.parts {
            match arguments.last_mut() {
                Some((last, held)) if *last == index => held.append(&mut bytes),
                _ => arguments.push((index, bytes)),
            }
        }
        arguments.into_iter().map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }
}

/// Arguments as one would type them: those with blanks or quotes in quotes.
pub(super) fn command_line(arguments: &[String]) -> String {
    let mut line = String::new();
    for argument in arguments {
        if !line.is_empty() {
            line.push(' ');
        }
        let is_plain = !argument.is_empty() && !argument.contains([' ', '\t', '\n', '"']);
        if is_plain {
            line.push_str(argument);
        } else {
            line.push('"');
            line.push_str(&argument.replace('\\', "\\\\").replace('"', "\\\""));
            line.push('"');
        }
    }
    line
}
