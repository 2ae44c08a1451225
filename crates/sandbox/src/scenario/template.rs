//! Texts with fields: `C:\Users\{user}\{rand:6}.exe`.

use serde::Deserialize;

use crate::dice::Dice;
use crate::digest;

/// A text whose fields are filled in when a step happens.
///
/// `{name}` is a variable of the run, `{rand:6}` random lower-case letters and digits, `{hex:8}` hexadecimal
/// digits, `{num:1-20}` a whole number, `{pid:name}` the id of a process started earlier, `{encoded:name}`
/// a variable as PowerShell's `-EncodedCommand` takes it. `{{` and `}}` stand for the braces themselves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Variable(String),
    Random(usize),
    Hex(usize),
    Number(i64, i64),
    Pid(String),
    Encoded(String),
}

/// What fields are filled from.
pub(crate) trait Scope {
    fn variable(&self, name: &str) -> Option<&str>;
    fn pid(&self, process: &str) -> Option<i64>;
    fn dice(&mut self) -> &mut Dice;
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let field = rest.split_once('}').filter(|_| brace == "{");
            let (field, after) = field.ok_or_else(|| format!("a single '{brace}' in '{text}'"))?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(
                Piece::parse(field).ok_or_else(|| format!("'{{{field}}}' is not a field of '{text}'"))?,
            );
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Template(pieces))
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Fills in the fields. Names are checked when scenarios are read; an unknown one leaves nothing.
    pub fn fill(&self, scope: &mut dyn Scope) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Variable(name) => out.push_str(scope.variable(name).unwrap_or_default()),
                Piece::Random(count) => {
                    out.push_str(&scope.dice().letters("abcdefghijklmnopqrstuvwxyz0123456789", *count));
                }
                Piece::Hex(count) => out.push_str(&scope.dice().hex(*count)),
                Piece::Number(low, high) => out.push_str(&scope.dice().between(*low, *high).to_string()),
                Piece::Pid(process) => {
                    out.push_str(&scope.pid(process).map(|pid| pid.to_string()).unwrap_or_default());
                }
                Piece::Encoded(name) => {
                    out.push_str(&digest::encoded_command(scope.variable(name).unwrap_or_default()));
                }
            }
        }
        out
    }
}

impl Piece {
    fn parse(field: &str) -> Option<Piece> {
        let name = |text: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
            (!text.is_empty() && text.bytes().all(allowed)).then(|| text.to_owned())
        };
        let count = |text: &str| text.parse().ok().filter(|count| (1..=256).contains(count));
        Some(match field.split_once(':') {
            None => Piece::Variable(name(field)?),
            Some(("rand", argument)) => Piece::Random(count(argument)?),
            Some(("hex", argument)) => Piece::Hex(count(argument)?),
            Some(("num", argument)) => {
                let (low, high) = argument.split_once('-')?;
                let (low, high) = (low.parse().ok()?, high.parse().ok()?);
                (low <= high).then_some(Piece::Number(low, high))?
            }
            Some(("pid", argument)) => Piece::Pid(name(argument)?),
            Some(("encoded", argument)) => Piece::Encoded(name(argument)?),
            Some(_) => return None,
        })
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Template, String> {
        Template::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Dice);

    impl Scope for Fixed {
        fn variable(&self, name: &str) -> Option<&str> {
            (name == "user").then_some("ann")
        }

        fn pid(&self, process: &str) -> Option<i64> {
            (process == "word").then_some(4242)
        }

        fn dice(&mut self) -> &mut Dice {
            &mut self.0
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let template = Template::parse(text).unwrap();
        assert_eq!(template.fill(&mut Fixed(Dice::new(1, 2, 3))), expected);
    }

    #[test]
    fn fields_are_filled_in() {
        check(r"C:\Users\{user}\a.txt", r"C:\Users\ann\a.txt");
        check("{pid:word}{num:7-7}", "42427");
        check("{encoded:user}", "YQBuAG4A");
        check("if ($a) {{ b }}", "if ($a) { b }");
        let filled = Template::parse("{rand:6}-{hex:4}").unwrap().fill(&mut Fixed(Dice::new(1, 2, 3)));
        assert_eq!(filled.len(), 11);
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["{user", "user}", "{rand:x}", "{rand:0}", "{what:1}", "{}", "{num:5-1}", "{a b}"] {
            let message = Template::parse(text).unwrap_err();
            assert!(message.contains(text), "{message}");
        }
    }
}
