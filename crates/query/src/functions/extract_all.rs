//! `extract_all(regex, [groups], text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use regex::Regex;

use super::arguments::constant_regex;
use super::arrays::{array_of, array_of_texts, elements, push_quoted};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::{json, regexes};

/// Groups a regular expression may have here.
const GROUPS_MAX: usize = 16;

pub(super) static EXTRACT_ALL: Function = Function {
    name: "extract_all",
    summary: "All that the groups of a regular expression match, as an array; of several groups, an array \
              of arrays.",
    params: &[Param::one("regex", Accepts::Text), Param::rest("[groups], text", Accepts::Any, 1, 2)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print extract_all(@"(\d+)", "a1 b22")"#, result: r#"["1","22"]"# },
        Example {
            query: r#"print extract_all(@"(\w)=(\d)", "a=1 b=2")"#,
            result: r#"[["a","1"],["b","2"]]"#,
        },
        Example {
            query: r#"print extract_all(@"(?P<k>\w)=(\d)", dynamic([2, "k"]), "a=1")"#,
            result: r#"[["1","a"]]"#,
        },
        Example { query: r#"print isnull(extract_all("(x)", "none"))"#, result: "true" },
    ],
    lower: |_, args| {
        let mut args = args.into_iter();
        let regex = args.next().ok_or("a regular expression is missing")?;
        let groups = regexes::get(constant_regex(&regex)?).map_or(0, |regex| regex.captures_len() - 1);
        if !(1..=GROUPS_MAX).contains(&groups) {
            return Err(format!("the regular expression must have 1 to {GROUPS_MAX} groups in brackets"));
        }
        let mut taken = vec![regex];
        let count = args.len();
        for (at, arg) in args.enumerate() {
            let accepts = if at + 1 == count { Accepts::Text } else { Accepts::Dynamic };
            let kind = arg.kind;
            let arg = accepts.take(arg).ok_or_else(|| {
                format!("takes a regular expression, an array of groups and a text, not a {}", kind.name())
            })?;
            taken.push(arg);
        }
        Ok(call("extract_all", Kind::Dynamic, rows, taken))
    },
};

pub(super) static EXTRACTALL: Function =
    Function { name: "extractall", summary: "Old name of extract_all.", ..EXTRACT_ALL };

fn rows(args: &Args) -> Result<ArrayRef> {
    let (patterns, texts) = (args.texts(0)?, args.texts(args.len() - 1)?);
    let Some(regex) = patterns.constant().and_then(|pattern| regexes::get(pattern).ok()) else {
        return Ok(text_rows(args.rows, |_| None::<&str>));
    };
    let every: Vec<usize> = (1..regex.captures_len()).collect();
    let chosen = if args.len() > 2 { Some(args.texts(1)?) } else { None };
    Ok(text_rows(args.rows, |row| match &chosen {
        Some(chosen) => all(&regex, &positions(&regex, chosen.get(row))?, texts.text(row)),
        None => all(&regex, &every, texts.text(row)),
    }))
}

/// The groups that an array of names and numbers asks for.
fn positions(regex: &Regex, chosen: Option<&str>) -> Option<Vec<usize>> {
    let position = |group: &str| {
        if group.starts_with('"') {
            let wanted = json::to_text(group);
            return regex.capture_names().position(|name| name == Some(wanted.as_str()));
        }
        group.parse().ok().filter(|at| *at < regex.captures_len())
    };
    elements(chosen)?.into_iter().map(position).collect()
}

fn all(regex: &Regex, groups: &[usize], text: &str) -> Option<String> {
    let matches: Vec<String> = regex
        .captures_iter(text)
        .map(|found| {
            let group = |at: &usize| found.get(*at).map_or("", |part| part.as_str());
            if let [only] = groups {
                let mut quoted = String::new();
                push_quoted(&mut quoted, group(only));
                return quoted;
            }
            array_of_texts(groups.iter().map(group))
        })
        .collect();
    (!matches.is_empty()).then(|| array_of(matches))
}
