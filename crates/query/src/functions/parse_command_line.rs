//! `parse_command_line(command, parser)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{constant_text, exactly};
use super::arrays::array_of_texts;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static PARSE_COMMAND_LINE: Function = Function {
    name: "parse_command_line",
    summary: "The arguments of a command line as an array, by the rules of Windows. Null when it is empty.",
    params: &[Param::one("command", Accepts::Any), Param::one("parser", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print parse_command_line('cmd.exe /c "my file.bat" x', "windows")"#,
            result: r#"["cmd.exe","/c","my file.bat","x"]"#,
        },
        Example { query: r#"print isnull(parse_command_line("", "windows"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [command, parser] = exactly(args)?;
        let name = constant_text(&parser, "parser")?;
        if !name.eq_ignore_ascii_case("windows") {
            return Err(format!("'{name}' is not a parser of command lines; valid is windows"));
        }
        Ok(call("parse_command_line", Kind::Dynamic, rows, vec![convert::to_text(command)]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let commands = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let command = commands.text(row);
        (!command.trim().is_empty()).then(|| array_of_texts(parse(command)))
    }))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// The arguments of a command line as `CommandLineToArgvW` gives them.
fn parse(command: &str) -> Vec<String> {
    let (program, mut rest) = program(command.trim_start_matches(is_blank));
    let mut arguments = vec![program];
    loop {
        rest = rest.trim_start_matches(is_blank);
        if rest.is_empty() {
            return arguments;
        }
        let (argument, behind) = argument(rest);
        arguments.push(argument);
        rest = behind;
    }
}

/// The program: up to the second quote when it starts with one, else up to a blank. Backslashes are themselves.
fn program(command: &str) -> (String, &str) {
    if let Some(quoted) = command.strip_prefix('"') {
        let (program, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
        return (program.to_owned(), rest);
    }
    let end = command.find(is_blank).unwrap_or(command.len());
    (command[..end].to_owned(), &command[end..])
}

/// One argument. Before a quote, two backslashes are one; an odd one makes the quote a character. Two quotes
/// inside quotes are one.
fn argument(text: &str) -> (String, &str) {
    let mut argument = String::new();
    let (mut is_quoted, mut at) = (false, 0);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '\\' => {
                let count = text[at..].bytes().take_while(|byte| *byte == b'\\').count();
                at += count;
                if !text[at..].starts_with('"') {
                    argument.extend(std::iter::repeat_n('\\', count));
                    continue;
                }
                argument.extend(std::iter::repeat_n('\\', count / 2));
                if count % 2 == 1 {
                    argument.push('"');
                    at += 1;
                }
            }
            '"' if is_quoted && text[at + 1..].starts_with('"') => {
                argument.push('"');
                at += 2;
            }
            '"' => {
                is_quoted = !is_quoted;
                at += 1;
            }
            c if is_blank(c) && !is_quoted => break,
            c => {
                argument.push(c);
                at += c.len_utf8();
            }
        }
    }
    (argument, &text[at..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn command_lines() {
        for (command, expected) in [
            (r#"echo "hello world!""#, vec!["echo", "hello world!"]),
            (r#""C:\Program Files\a.exe" -x  y"#, vec![r"C:\Program Files\a.exe", "-x", "y"]),
            (r#"C:\a\b.exe C:\c\"#, vec![r"C:\a\b.exe", r"C:\c\"]),
            (r#"a a\\\"b"#, vec!["a", r#"a\"b"#]),
            (r#"a a\\"b c"d"#, vec!["a", r"a\b cd"]),
            (r#"a "b\"c""#, vec!["a", r#"b"c"#]),
            (r#"a "" b"#, vec!["a", "", "b"]),
            (r#"a "b""c""#, vec!["a", r#"b"c"#]),
            (r#"a b"c"d"#, vec!["a", "bcd"]),
            (r#"a "open end"#, vec!["a", "open end"]),
            ("a\tb", vec!["a", "b"]),
            ("ä ö", vec!["ä", "ö"]),
        ] {
            assert_eq!(parse(command), expected, "{command}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(command in r#"[a\\" é]{0,20}"#) {
            let _ = parse(&command);
        }
    }
}
