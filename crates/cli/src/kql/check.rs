//! `bartizan kql check`: which queries are accepted, and what columns they give.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use model::Kind;
use query::{EmptyTables, MemoryTables, QueryError};

use super::records::{Checked, Columns, NamedType, checks};
use super::tally::{Tally, percent, share};
use super::{Bench, FileArgs, events, kind_of_reason, reason};
use crate::{Outcome, output};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// Also run each query over the events in these files, folders and archives, as if it were the time of the latest;
    /// fail when one ends in an error of the engine
    #[arg(long, value_name = "PATH", num_args = 1..)]
    events: Vec<PathBuf>,
    /// Take only each so manyth record
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    each: usize,
}

/// How many records agree, and in what.
#[derive(Default)]
struct Totals {
    records: usize,
    agree: usize,
    /// Of those that should be accepted.
    valid: usize,
    planned: usize,
    columns_agree: usize,
    /// Of those that should be refused.
    invalid: usize,
    refused: usize,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let file = checks(&args.file.read()?)?;
    if file.tables.is_some() && !args.events.is_empty() {
        bail!("a file with tables of its own cannot run over events");
    }
    let bench = Bench::new(file.tables.map_or_else(EmptyTables::declared, EmptyTables::of))?;
    let (mut totals, mut tally) = (Totals::default(), Tally::default());
    let queries: Vec<&Checked> = file.queries.iter().step_by(args.each.max(1)).collect();
    for checked in &queries {
        let exception = check(&bench, checked, &mut totals).await;
        totals.records += 1;
        match exception {
            None => totals.agree += 1,
            Some((reason, detail)) => {
                let text = format!("{}\n{detail}\n{}\n", checked.origin, checked.query);
                tally.add(reason, text);
            }
        }
    }
    let summary = format!(
        "{}\n  agree in all            {}\n  valid: planned          {}\n  valid: columns agree    {}\n  \
         invalid: refused        {}\n{}",
        args.file.file.display(),
        share(totals.agree, totals.records),
        share(totals.planned, totals.valid),
        share(totals.columns_agree, totals.valid),
        share(totals.refused, totals.invalid),
        tally.table(args.file.verbose),
    );
    output::print(&summary)?;
    if !args.events.is_empty() && !run_all(&args, &queries).await? {
        return Ok(Outcome::Failed);
    }
    Ok(args.file.outcome(percent(totals.agree, totals.records)))
}

/// Runs the queries that should be accepted over recorded events; whether none ended in an error of the engine.
async fn run_all(args: &Args, queries: &[&Checked]) -> anyhow::Result<bool> {
    let (rows, latest) = events::rows_of(&args.events)?;
    let bench = Bench::over(Arc::new(MemoryTables::of(&rows, latest)?), latest)?;
    let mut tally = Tally::default();
    let (mut ran, mut with_rows, mut failed, mut slowest) = (0, 0, 0, Duration::ZERO);
    for checked in queries.iter().filter(|checked| checked.accepted) {
        let started = Instant::now();
        let answer = bench.engine.run(&checked.query, bench.tables.clone(), bench.now).await;
        slowest = slowest.max(started.elapsed());
        match answer {
            Ok(answer) => {
                ran += 1;
                with_rows += usize::from(answer.stats.rows > 0);
            }
            Err(error) => {
                failed += usize::from(matches!(error, QueryError::Engine(_)));
                let text =
                    format!("{}\n{}\n{}\n", checked.origin, reason(&checked.query, &error), checked.query);
                tally.add(format!("no answer: {}", kind_of_reason(&error)), text);
            }
        }
    }
    let all = queries.iter().filter(|checked| checked.accepted).count();
    output::print(&format!(
        "  ran over {} rows       {}\n  gave rows               {with_rows}\n  errors of the engine    {failed}\n  \
         slowest                 {:.1} s\n{}",
        rows.len(),
        share(ran, all),
        slowest.as_secs_f64(),
        tally.table(args.file.verbose),
    ))?;
    Ok(failed == 0)
}

/// Plans one query. What does not agree comes with its reason and the particulars.
async fn check(bench: &Bench, checked: &Checked, totals: &mut Totals) -> Option<(String, String)> {
    let described = bench.engine.describe(&checked.query, bench.tables.clone(), bench.now).await;
    if checked.accepted {
        totals.valid += 1;
    } else {
        totals.invalid += 1;
    }
    match (described, checked.accepted) {
        (Err(_), false) => {
            totals.refused += 1;
            None
        }
        (Ok(_), false) => Some(("accepted, and should not be".to_owned(), checked.why.clone())),
        (Err(error), true) => {
            Some((format!("refused: {}", kind_of_reason(&error)), reason(&checked.query, &error)))
        }
        (Ok(columns), true) => {
            totals.planned += 1;
            let columns: Vec<NamedType> = columns
                .into_iter()
                .map(|(name, kind): (String, Kind)| (name, kind.name().to_owned()))
                .collect();
            match difference(&columns, &checked.columns) {
                None => {
                    totals.columns_agree += 1;
                    None
                }
                some => some,
            }
        }
    }
}

/// How the columns differ from the expected ones: in kind, and in particular.
fn difference(columns: &[NamedType], expected: &Columns) -> Option<(String, String)> {
    let particulars = |expected: &[NamedType]| {
        let shown = |columns: &[NamedType]| {
            columns.iter().map(|(name, ty)| format!("{name}:{ty}")).collect::<Vec<_>>().join(", ")
        };
        format!("expected {}\ngives    {}", shown(expected), shown(columns))
    };
    match expected {
        Columns::Unknown => None,
        Columns::Count(count) => (columns.len() != *count)
            .then(|| ("columns: number".to_owned(), format!("expected {count}, gives {}", columns.len()))),
        Columns::Known(expected) => {
            let names = columns.iter().map(|(name, _)| name).eq(expected.iter().map(|(name, _)| name));
            let same_type = |((_, a), (_, b)): (&NamedType, &NamedType)| a == b || b == "unknown";
            let types = columns.iter().zip(expected).all(same_type);
            match (names, types) {
                (true, true) => None,
                (true, false) => Some(("columns: types".to_owned(), particulars(expected))),
                (false, _) => Some(("columns: names".to_owned(), particulars(expected))),
            }
        }
        Columns::Among(expected) => {
            let is_there = |(name, ty): &NamedType| {
                ty == "unknown" || columns.iter().any(|(other, kind)| other == name && kind == ty)
            };
            (!expected.iter().all(is_there))
                .then(|| ("columns: some are missing".to_owned(), particulars(expected)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(columns: &[(&str, &str)]) -> Vec<NamedType> {
        columns.iter().map(|(name, ty)| ((*name).to_owned(), (*ty).to_owned())).collect()
    }

    #[test]
    fn columns_are_compared_in_name_type_and_order() {
        let columns = named(&[("a", "long"), ("b", "string")]);
        let kind = |expected: Columns| difference(&columns, &expected).map(|(kind, _)| kind);
        assert_eq!(kind(Columns::Known(columns.clone())), None);
        assert_eq!(kind(Columns::Known(named(&[("a", "long"), ("b", "unknown")]))), None);
        let types = named(&[("a", "int"), ("b", "string")]);
        assert_eq!(kind(Columns::Known(types)).as_deref(), Some("columns: types"));
        for names in [named(&[("b", "string"), ("a", "long")]), named(&[("a", "long")])] {
            assert_eq!(kind(Columns::Known(names)).as_deref(), Some("columns: names"));
        }
        assert_eq!(kind(Columns::Count(2)), None);
        assert_eq!(kind(Columns::Count(3)).as_deref(), Some("columns: number"));
        assert_eq!(kind(Columns::Among(named(&[("b", "string")]))), None);
        assert!(kind(Columns::Among(named(&[("c", "string")]))).is_some());
    }
}
