//! `parse_csv(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::array_of_texts;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static PARSE_CSV: Function = Function {
    name: "parse_csv",
    summary: "The fields of the first record of a CSV text, as an array of strings.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print parse_csv('a,"b,c",d')"#, result: r#"["a","b,c","d"]"# },
        Example { query: r#"print parse_csv('"say ""hi""",')"#, result: r#"["say \"hi\"",""]"# },
    ],
    lower: |_, args| Ok(call("parse_csv", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(array_of_texts(fields(texts.text(row))))))
}

fn fields(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            '"' if is_quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() => is_quoted = true,
            ',' if !is_quoted => fields.push(String::new()),
            '\r' | '\n' if !is_quoted => break,
            c => field.push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn records() {
        for (text, expected) in [
            ("", vec![""]),
            ("a,b\r\nc,d", vec!["a", "b"]),
            ("aa,\"b,b\",\"line1\nline2\"", vec!["aa", "b,b", "line1\nline2"]),
            ("a\"b,c", vec!["a\"b", "c"]),
            ("\"open,", vec!["open,"]),
            (",", vec!["", ""]),
        ] {
            assert_eq!(fields(text), expected, "{text}");
        }
    }
}
