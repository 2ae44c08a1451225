//! `bartizan kql examples`: documented queries and whether they give the documented rows.

use clap::ValueEnum;
use query::EmptyTables;
use serde_json::{Map, Value};

use super::compare::rows_agree;
use super::records::{Documented, documented};
use super::tally::{Tally, percent, share};
use super::{Bench, FileArgs, kind_of_reason, reason};
use crate::{Outcome, output};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// Which examples count for the reasons and for --at-least
    #[arg(long, value_enum, default_value_t = Scope::Hunting)]
    scope: Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Scope {
    /// Comparable, and with nothing in them that hunting queries do not use.
    Hunting,
    /// The whole documented result is there and is the same each time.
    Comparable,
    All,
}

impl Scope {
    fn of(example: &Documented) -> Scope {
        match (example.is_comparable(), example.used_in_hunting_queries) {
            (true, true) => Scope::Hunting,
            (true, false) => Scope::Comparable,
            (false, _) => Scope::All,
        }
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let examples = documented(&args.file.read()?)?;
    let bench = Bench::new(EmptyTables::declared())?;
    let mut outcomes: Vec<(Scope, bool)> = Vec::with_capacity(examples.len());
    let mut tally = Tally::default();
    for example in &examples {
        let scope = Scope::of(example);
        let exception = compare(&bench, example).await;
        outcomes.push((scope, exception.is_none()));
        if let Some((reason, detail)) = exception.filter(|_| scope <= args.scope) {
            let text = format!("{} {}\n{detail}\n{}\n", example.id, example.source_path, example.query);
            tally.add(reason, text);
        }
    }
    let within = |scope: Scope| {
        let counted = outcomes.iter().filter(|(of, _)| *of <= scope);
        counted.fold((0, 0), |(agree, all), (_, agrees)| (agree + usize::from(*agrees), all + 1))
    };
    let mut summary = format!("{}\n", args.file.file.display());
    for (scope, name) in [
        (Scope::Hunting, "comparable, used in hunting"),
        (Scope::Comparable, "comparable"),
        (Scope::All, "all"),
    ] {
        let (agree, all) = within(scope);
        summary.push_str(&format!("  {name:<28} {}\n", share(agree, all)));
    }
    summary.push_str(&tally.table(args.file.verbose));
    output::print(&summary)?;
    let (agree, all) = within(args.scope);
    Ok(args.file.outcome(percent(agree, all)))
}

async fn compare(bench: &Bench, example: &Documented) -> Option<(String, String)> {
    let answer = match bench.engine.run(&example.query, bench.tables.clone(), bench.now).await {
        Ok(answer) => answer,
        Err(error) => {
            return Some((format!("refused: {}", kind_of_reason(&error)), reason(&example.query, &error)));
        }
    };
    let names: Vec<&str> = answer.columns.iter().map(|(name, _)| name.as_str()).collect();
    if names != example.expected_columns {
        let detail = format!("expected {:?}\ngives    {names:?}", example.expected_columns);
        return Some(("columns: names".to_owned(), detail));
    }
    let kinds: Vec<&str> = answer.columns.iter().map(|(_, kind)| kind.name()).collect();
    if let Some(types) = example.types.as_ref().filter(|types| kinds != **types && example.columns_agree) {
        return Some(("columns: types".to_owned(), format!("expected {types:?}\ngives    {kinds:?}")));
    }
    let mut json = Vec::new();
    answer.write_results(&mut json);
    let rows: Vec<Map<String, Value>> = match serde_json::from_slice(&json) {
        Ok(rows) => rows,
        Err(error) => return Some(("the result is no JSON".to_owned(), error.to_string())),
    };
    let rows: Vec<Vec<Value>> =
        rows.into_iter().map(|row| row.into_iter().map(|(_, v)| v).collect()).collect();
    let columns: Vec<_> = answer.columns.iter().map(|(_, kind)| *kind).collect();
    if rows_agree(&columns, &rows, &example.expected_rows, example.order_fixed) {
        return None;
    }
    let shown = |rows: Vec<String>| rows.join("\n  ");
    let gives = shown(rows.iter().map(|row| Value::from(row.clone()).to_string()).collect());
    let expected = shown(example.expected_rows.iter().map(|row| format!("{row:?}")).collect());
    Some(("rows".to_owned(), format!("expected\n  {expected}\ngives\n  {gives}")))
}
