//! One line of auditd: what it is part of, and its fields.

use std::borrow::Cow;

use model::Ticks;

use super::codes;
use crate::values::plain;
use crate::{Refusal, syslog_line};

/// What comes before `type=`, such as a header of syslog, is no longer than this.
const PREFIX_BYTES_MAX: usize = 512;
/// Splits what the kernel wrote from what auditd resolved.
const ENRICHED: char = '\x1d';
/// What agents that join lines write behind a command, in which quotes stand as they are.
const BEHIND_COMMAND: &str = " redactors=";

/// The event that a line is part of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    pub node: Cow<'a, str>,
    pub seconds: i64,
    pub millis: u16,
    pub serial: u64,
}

#[derive(Debug)]
pub(super) struct Line<'a> {
    pub key: Key<'a>,
    /// Such as `SYSCALL`.
    pub kind: Cow<'a, str>,
    /// The fields, unread.
    pub rest: Cow<'a, str>,
}

/// A line that was read.
#[derive(Debug)]
pub(super) enum Read<'a> {
    Line(Line<'a>),
    /// Not of auditd, but what stands beside it in such files.
    Other(String),
}

impl Key<'_> {
    pub fn time(&self) -> Option<Ticks> {
        let millis = self.seconds.checked_mul(1000)?.checked_add(self.millis.into())?;
        Some(Ticks::from_unix_nanos(millis.checked_mul(1_000_000)?))
    }
}

pub(super) fn read(line: &[u8]) -> Result<Read<'_>, Refusal> {
    match String::from_utf8_lossy(line) {
        Cow::Borrowed(text) => read_text(text),
        Cow::Owned(text) => read_text(&text).map(Read::into_owned),
    }
}

fn read_text(text: &str) -> Result<Read<'_>, Refusal> {
    let header = || syslog_line::read(text.as_bytes());
    let not_audit = Refusal::NotAnEvent { missing: "type=KIND msg=audit(SECONDS.MILLISECONDS:SERIAL):" };
    let Some(at) = type_at(text) else {
        if let Some(header) = header() {
            return Ok(Read::Other(format!("Syslog/{}", plain(header.program))));
        }
        // What ausearch puts between events.
        let is_separator = text.starts_with("----") || text.starts_with("time->");
        return if is_separator { Ok(Read::Other("auditd/separator".to_owned())) } else { Err(not_audit) };
    };
    let named = field_of_prefix(&text[..at]);
    let node = named.or_else(|| header().map(|header| header.host)).unwrap_or_default();
    let (kind, after) = text[at + "type=".len()..].split_once(' ').ok_or(not_audit)?;
    let after = after.trim_start().trim_start_matches("msg=");
    let stamp = after.strip_prefix("audit(").and_then(|rest| rest.split_once(')'));
    let read = stamp.and_then(|(stamp, rest)| {
        let (seconds, millis, serial) = read_stamp(stamp)?;
        Some((Key { node: node.into(), seconds, millis, serial }, rest))
    });
    let Some((mut key, rest)) = read.filter(|(key, _)| key.time().is_some()) else {
        return Err(Refusal::bad_value("msg", "a time and a serial as audit(SECONDS.MILLISECONDS:SERIAL)"));
    };
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    if kind.starts_with("AUOMS_") && key.node.is_empty() {
        key.node = node_inside(rest).unwrap_or_default().into();
    }
    Ok(Read::Line(Line { key, kind: codes::kind_name(kind), rest: rest.into() }))
}

impl Read<'_> {
    fn into_owned(self) -> Read<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Read::Line(Line { key: Key { node, seconds, millis, serial }, kind, rest }) => Read::Line(Line {
                key: Key { node: own(node), seconds, millis, serial },
                kind: own(kind),
                rest: own(rest),
            }),
            Read::Other(kind) => Read::Other(kind),
        }
    }
}

/// Where the word `type=` begins.
fn type_at(text: &str) -> Option<usize> {
    let mut found = text.match_indices("type=").map(|(at, _)| at).take_while(|at| *at <= PREFIX_BYTES_MAX);
    found.find(|at| *at == 0 || text.as_bytes()[at - 1] == b' ')
}

/// Agents that join the lines of an event name the device inside.
fn node_inside(rest: &str) -> Option<&str> {
    let at = rest.find(" node=")?;
    rest[at + " node=".len()..].split(' ').next().filter(|node| !node.is_empty())
}

fn field_of_prefix(prefix: &str) -> Option<&str> {
    prefix.split(' ').find_map(|word| word.strip_prefix("node=")).filter(|node| !node.is_empty())
}

/// `1492037289.295:58`.
fn read_stamp(stamp: &str) -> Option<(i64, u16, u64)> {
    let (time, serial) = stamp.split_once(':')?;
    let (seconds, millis) = time.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || millis.len() != 3 || !is_number(millis) || !is_number(serial) {
        return None;
    }
    Some((seconds.parse().ok()?, millis.parse().ok()?, serial.parse().ok()?))
}

/// One field as it was written, with the marks of "none" left out.
#[derive(Debug, PartialEq)]
pub(super) struct Field<'a> {
    pub name: Cow<'a, str>,
    pub value: &'a str,
    /// In quotes, so as it is; an untrusted value that is not may be in hexadecimal.
    pub is_quoted: bool,
}

/// Reads the fields of a line, those inside of `msg='...'` too.
pub(super) fn fields(rest: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    read_fields(rest, false, &mut fields);
    fields
}

fn read_fields<'a>(mut rest: &'a str, is_inside: bool, fields: &mut Vec<Field<'a>>) {
    // Looked for once: a line may have very many fields.
    let command_left = rest.rfind(BEHIND_COMMAND).map(|at| rest.len() - at);
    let is_end = |c: char| c == ' ' || c == ENRICHED;
    let mut before = "";
    loop {
        rest = rest.trim_start_matches(|c| is_end(c) || matches!(c, ',' | '('));
        if rest.is_empty() {
            break;
        }
        if let Some(inside) = rest.strip_prefix('{') {
            // What a security module denied: `{ read write }`.
            let (list, after) = inside.split_once('}').unwrap_or((inside, ""));
            fields.push(Field { name: "permissions".into(), value: list.trim(), is_quoted: true });
            rest = after;
            continue;
        }
        let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let Some(equals) = word.find('=').filter(|at| *at > 0) else {
            // LOGIN wrote `old auid=1 new auid=2` once, and AVC still writes `denied` like this.
            if matches!(word, "denied" | "granted") {
                fields.push(Field { name: "result".into(), value: word, is_quoted: true });
            }
            before = word;
            rest = &rest[word.len()..];
            continue;
        };
        let name = match (std::mem::take(&mut before), &word[..equals]) {
            (age @ ("old" | "new"), name) => Cow::Owned(format!("{age}-{name}")),
            (_, name) => Cow::Borrowed(name),
        };
        let value = &rest[equals + 1..];
        let is_command = matches!(&*name, "cmdline" | "proctitle");
        rest = match command_left.filter(|left| is_command && value.len() >= *left) {
            Some(_) => read_command(name, value, fields),
            None => read_value(name, value, is_inside, fields),
        };
    }
}

/// Reads a command up to what agents write behind it; answers with that.
fn read_command<'a>(name: Cow<'a, str>, text: &'a str, fields: &mut Vec<Field<'a>>) -> &'a str {
    let (value, after) = text.split_at(text.find(BEHIND_COMMAND).unwrap_or(text.len()));
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    fields.push(Field { name, value: inside.unwrap_or(value), is_quoted: true });
    after
}

/// Reads a value; answers with what follows it.
fn read_value<'a>(
    name: Cow<'a, str>,
    text: &'a str,
    is_inside: bool,
    fields: &mut Vec<Field<'a>>,
) -> &'a str {
    let mut push = |value: &'a str, is_quoted: bool| {
        if !matches!(value, "" | "?" | "(null)" | "(none)") || is_quoted && value != "?" {
            fields.push(Field { name: name.clone(), value, is_quoted });
        }
    };
    if let Some(inside) = text.strip_prefix('"') {
        let (value, after) = inside.split_once('"').unwrap_or((inside, ""));
        push(value, true);
        return after;
    }
    if let Some(inside) = text.strip_prefix('{') {
        let (value, after) = inside.split_once('}').unwrap_or((inside, ""));
        push(value.trim(), true);
        return after;
    }
    if let Some(inside) = text.strip_prefix('\'').filter(|_| !is_inside) {
        // The message of a program, with fields of its own; it may hold the mark itself.
        let (value, after) = inside.rsplit_once('\'').unwrap_or((inside, ""));
        read_fields(value, true, fields);
        return after;
    }
    let end = text.find([' ', ENRICHED]).unwrap_or(text.len());
    // The mark in between is lost where lines were copied as text.
    let end = if text.starts_with("(null)") { "(null)".len() } else { end };
    let value = text[..end].trim_end_matches(',');
    let is_open = value.contains('(');
    push(if is_open { value } else { value.trim_end_matches(')') }, false);
    &text[end..]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Expect) {
        let text = match read(line.as_bytes()) {
            Ok(Read::Line(Line { key, kind, rest })) => {
                let stamp = format!("{}.{:03}:{}", key.seconds, key.millis, key.serial);
                let fields = fields(&rest);
                let fields = fields.iter().map(|field| {
                    let mark = if field.is_quoted { "\"" } else { "" };
                    format!("\n  {} = {mark}{}{mark}", field.name, field.value)
                });
                format!("{kind} of {:?} at {stamp}{}", key.node, fields.collect::<String>())
            }
            Ok(Read::Other(kind)) => format!("other: {kind}"),
            Err(refusal) => format!("{}: {refusal}", refusal.code()),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn lines_name_their_event_in_several_ways() {
        check("type=EOE msg=audit(1714975689.001:7):", expect![[r#"EOE of "" at 1714975689.001:7"#]]);
        check(
            "node=db-1.example.org type=CWD msg=audit(1714975689.001:7): cwd=\"/\"",
            expect![[r#"
                CWD of "db-1.example.org" at 1714975689.001:7
                  cwd = "/""#]],
        );
        check(
            "May  6 06:08:09 web-1 audispd: node=web-1.example.org type=1307 msg=audit(1714975689.001:7):  cwd=2F74206D70",
            expect![[r#"
                CWD of "web-1.example.org" at 1714975689.001:7
                  cwd = 2F74206D70"#]],
        );
        check(
            "May  6 06:08:09 web-1 kernel: [ 12.5] audit: type=1400 audit(1714975689.001:7): apparmor=\"DENIED\" operation=\"ptrace\"",
            expect![[r#"
                AVC of "web-1" at 1714975689.001:7
                  apparmor = "DENIED"
                  operation = "ptrace""#]],
        );
        check("May  6 06:08:09 web-1 sshd[7]: session opened", expect!["other: Syslog/sshd"]);
        check("----", expect!["other: auditd/separator"]);
    }

    #[test]
    fn fields_are_read_out_of_all_their_forms() {
        check(
            "type=AVC msg=audit(1714975689.001:7): avc:  denied  { read write } for  pid=7 comm=\"a b\" key=(null)\u{1d}UID=\"root\" SADDR={ saddr_fam=inet laddr=192.0.2.1 }",
            expect![[r#"
                AVC of "" at 1714975689.001:7
                  result = "denied"
                  permissions = "read write"
                  pid = 7
                  comm = "a b"
                  UID = "root"
                  SADDR = "saddr_fam=inet laddr=192.0.2.1""#]],
        );
        check(
            "type=USER_START msg=audit(1714975689.001:7): user pid=7 msg='PAM: session open acct=root : exe=\"/usr/sbin/crond\" (hostname=?, addr=192.0.2.1, terminal=cron res=success)'",
            expect![[r#"
                USER_START of "" at 1714975689.001:7
                  pid = 7
                  acct = root
                  exe = "/usr/sbin/crond"
                  addr = 192.0.2.1
                  terminal = cron
                  res = success"#]],
        );
        check(
            "type=LOGIN msg=audit(1714975689.001:7): login pid=7 old auid=4294967295 new auid=0",
            expect![[r#"
                LOGIN of "" at 1714975689.001:7
                  pid = 7
                  old-auid = 4294967295
                  new-auid = 0"#]],
        );
    }

    #[test]
    fn a_command_that_was_joined_keeps_its_quotes() {
        check(
            r#"type=AUOMS_EXECVE audit(1714975689.001:7): node=web-1 cmdline="sh -c "a=1 b"" redactors= proctitle=a -b=c redactors= pid=7"#,
            expect![[r#"
                AUOMS_EXECVE of "web-1" at 1714975689.001:7
                  node = web-1
                  cmdline = "sh -c "a=1 b""
                  proctitle = "a -b=c"
                  pid = 7"#]],
        );
    }

    #[test]
    fn what_names_no_event_is_refused() {
        check(
            "",
            expect![
                "NotAnEvent: the line is not an event: it takes type=KIND msg=audit(SECONDS.MILLISECONDS:SERIAL):"
            ],
        );
        check(
            "type=UNKNOWN[1329] msg=?",
            expect!["InvalidValue: 'msg' takes a time and a serial as audit(SECONDS.MILLISECONDS:SERIAL)"],
        );
        check(
            "type=CWD msg=audit(05/06/2024 07:08:09.123:7) : cwd=/",
            expect!["InvalidValue: 'msg' takes a time and a serial as audit(SECONDS.MILLISECONDS:SERIAL)"],
        );
        check(
            "type=CWD msg=audit(99999999999999999.123:7): cwd=\"/\"",
            expect!["InvalidValue: 'msg' takes a time and a serial as audit(SECONDS.MILLISECONDS:SERIAL)"],
        );
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line: Vec<u8>, text in "(type=[A-Z]{0,3} )?(msg=audit\\(1\\.001:1\\): )?[ -~\u{1d}é]{0,60}") {
            let _ = read(&line);
            if let Ok(Read::Line(line)) = read(text.as_bytes()) {
                let _ = fields(&line.rest);
            }
        }
    }
}
