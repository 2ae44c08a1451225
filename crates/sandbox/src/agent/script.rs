//! The little language of live-response scripts on simulated devices: one command a line.
//!
//! | command | does |
//! | --- | --- |
//! | `# ...` | nothing |
//! | `echo TEXT` | writes the text |
//! | `info` | writes name, system, address and user of the device |
//! | `processes` | lists what runs from boot |
//! | `started [WORD]` | lists the programs started lately, those with the word in their command line |
//! | `connections [WORD]` | lists the connections of late |
//! | `files [WORD]` | lists the files known on the device |
//! | `hash PATH` | writes the digests of a file |
//! | `wait SECONDS` | lets up to 10 seconds of the device's time pass |
//! | `exit CODE` | ends the script |
//!
//! `$1` to `$9` stand for the arguments and `$*` for all of them. Anything else is an error and ends the script with 1.

use std::time::Duration;

use crate::disk::{number, text};
use crate::host::Host;

const LINES_MAX: usize = 1_000;
const OUTPUT_BYTES_MAX: usize = 1 << 20;
const WAIT_MAX: f64 = 10.0;
const COMMANDS: &str = "echo, info, processes, started, connections, files, hash, wait, exit";

pub(super) struct Script<'a> {
    text: &'a str,
    arguments: Vec<&'a str>,
}

/// What came of a script.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ran {
    pub exit_code: i64,
    pub output: String,
    pub errors: String,
    pub pause: Duration,
}

impl<'a> Script<'a> {
    pub fn new(text: &'a str, arguments: &'a str) -> Script<'a> {
        Script { text, arguments: arguments.split_whitespace().collect() }
    }

    pub fn run(&self, host: &Host) -> Ran {
        let mut ran = Ran::default();
        for (at, line) in self.text.lines().enumerate() {
            if at >= LINES_MAX {
                ran.fail(at, &format!("a script has at most {LINES_MAX} lines"));
                break;
            }
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let line = self.filled(line);
            let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line.as_str(), ""));
            if !ran.step(at, command, rest.trim(), host) {
                break;
            }
            if ran.output.len() > OUTPUT_BYTES_MAX {
                ran.fail(at, "the output is too long");
                break;
            }
        }
        ran
    }

    fn filled(&self, line: &str) -> String {
        let mut filled = String::new();
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            match (char, chars.peek().copied()) {
                ('$', Some('*')) => {
                    chars.next();
                    filled.push_str(&self.arguments.join(" "));
                }
                ('$', Some(digit @ '1'..='9')) => {
                    chars.next();
                    let at = digit as usize - '1' as usize;
                    filled.push_str(self.arguments.get(at).copied().unwrap_or_default());
                }
                _ => filled.push(char),
            }
        }
        filled
    }
}

impl Ran {
    /// Says whether the script goes on.
    fn step(&mut self, at: usize, command: &str, rest: &str, host: &Host) -> bool {
        match command.to_lowercase().as_str() {
            "echo" => self.write(rest),
            "info" => self.write(&format!(
                "name={} system={:?} address={} user={} simulated=true",
                host.fqdn, host.os, host.ip, host.user
            )),
            "processes" => {
                for process in host.boot.values() {
                    self.write(&format!(
                        "{}\t{}\t{}",
                        process.pid,
                        process.image.file_name(),
                        process.command
                    ));
                }
            }
            "started" => self.list(host, "DeviceProcessEvents", &["ProcessCommandLine", "AccountName"], rest),
            "connections" => {
                self.list(
                    host,
                    "DeviceNetworkEvents",
                    &["RemoteIP", "RemoteUrl", "InitiatingProcessFileName"],
                    rest,
                );
            }
            "files" => {
                for path in host.memory.files.keys().filter(|path| has(path, rest)) {
                    self.write(path);
                }
            }
            "hash" => {
                let found = host.memory.files.iter().find(|(path, _)| path.eq_ignore_ascii_case(rest));
                match found {
                    Some((path, file)) => {
                        self.write(&format!(
                            "{path}\tsha1={}\tsha256={}\tbytes={}",
                            file.sha1, file.sha256, file.size
                        ));
                    }
                    None => return self.fail(at, &format!("there is no file '{rest}'")),
                }
            }
            "wait" => match rest.parse::<f64>() {
                Ok(seconds) if (0.0..=WAIT_MAX).contains(&seconds) => {
                    let total = self.pause.as_secs_f64() + seconds;
                    self.pause = Duration::from_secs_f64(total.min(6.0 * WAIT_MAX));
                }
                _ => return self.fail(at, &format!("'wait' takes 0 to {WAIT_MAX} seconds")),
            },
            "exit" => {
                match rest.parse::<i64>() {
                    Ok(code) => self.exit_code = code,
                    Err(_) => return self.fail(at, "'exit' takes a number"),
                }
                return false;
            }
            other => {
                let other: String = other.chars().take(60).collect();
                return self.fail(
                    at,
                    &format!("'{other}' is not a command of simulated devices; they know {COMMANDS}"),
                );
            }
        }
        true
    }

    fn list(&mut self, host: &Host, table: &str, columns: &[&str], word: &str) {
        let mut lines = Vec::new();
        for row in host.memory.rows.iter().filter(|row| row.table.name == table) {
            let cells: Vec<&str> =
                columns.iter().map(|column| text(row, column).unwrap_or_default()).collect();
            let line = cells.join("\t");
            if has(&line, word) {
                let id = number(row, "ProcessId").or_else(|| number(row, "RemotePort")).unwrap_or_default();
                lines.push(format!("{id}\t{line}"));
            }
        }
        for line in lines {
            self.write(&line);
        }
    }

    fn write(&mut self, line: &str) {
        self.output.push_str(line);
        self.output.push('\n');
    }

    fn fail(&mut self, at: usize, reason: &str) -> bool {
        self.errors.push_str(&format!("line {}: {reason}\n", at + 1));
        self.exit_code = 1;
        false
    }
}

/// The error that a failed script is told by.
pub(super) fn told(ran: &Ran) -> String {
    match ran.errors.lines().next() {
        Some(line) => line.to_owned(),
        None => format!("The script ended with {}.", ran.exit_code),
    }
}

fn has(text: &str, word: &str) -> bool {
    text.to_lowercase().contains(&word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use model::Ticks;

    use super::*;
    use crate::{Fleet, FleetConfig};

    fn run(text: &str, arguments: &str) -> Ran {
        let start = Ticks::parse("2026-03-03T07:00:00Z").unwrap();
        let mut fleet = Fleet::new(FleetConfig { start, devices: 3, ..FleetConfig::new(1, start) }).unwrap();
        let device = fleet.devices().next().unwrap().device_id;
        fleet.join(&device);
        fleet.next_batch(start.plus_seconds(3_600));
        Script::new(text, arguments).run(fleet.host(&device).unwrap())
    }

    #[track_caller]
    fn check(text: &str, arguments: &str, exit_code: i64, output: &str, errors: &str) {
        let ran = run(text, arguments);
        assert_eq!(
            (ran.exit_code, ran.output.as_str(), ran.errors.as_str()),
            (exit_code, output, errors),
            "{text}"
        );
    }

    #[test]
    fn lines_are_carried_out_one_after_the_other() {
        check("# nothing\n\n echo a  b \nECHO $1-$2-$3 $*", "x y", 0, "a  b\nx-y- x y\n", "");
        check("echo a\nexit 7\necho b", "", 7, "a\n", "");
        check("exit", "", 1, "", "line 1: 'exit' takes a number\n");
        check("hash C:\\none", "", 1, "", "line 1: there is no file 'C:\\none'\n");
        check("wait 99", "", 1, "", "line 1: 'wait' takes 0 to 10 seconds\n");
        let commands = COMMANDS;
        let known =
            format!("line 2: 'write-output' is not a command of simulated devices; they know {commands}\n");
        check("echo a\nWrite-Output 1\necho b", "", 1, "a\n", &known);
        assert!(run(&"wait 10\n".repeat(50), "").pause <= Duration::from_secs(60));
        assert_eq!(run(&"echo a\n".repeat(1_001), "").exit_code, 1);
    }

    #[test]
    fn the_device_is_told_of() {
        let ran = run("info\nprocesses\nstarted\nconnections\nfiles", "");
        assert_eq!(ran.exit_code, 0, "{}", ran.errors);
        assert!(
            ran.output.contains("simulated=true") && ran.output.contains("bartizan-sensor"),
            "{}",
            ran.output
        );
        let path = run("files", "").output.lines().next().unwrap().to_owned();
        let hashed = run(&format!("hash {path}"), "").output;
        assert!(hashed.contains("sha1="), "{hashed}");
    }
}
