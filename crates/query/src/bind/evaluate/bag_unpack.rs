//! `bag_unpack(bag, prefix, conflict, ignored)`: a column for each key of a bag.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::functions_aggregate::expr_fn;
use kql::Span;
use kql::ast;
use model::Kind;

use super::super::expr::Input;
use super::super::{Bind, Binder, error, kind_of};
use crate::expand::{self, Expansion};
use crate::kernel::{Args, call, long_rows};
use crate::relation::Relation;
use crate::typed::Typed;
use crate::{convert, json};

/// Columns that bags may become.
const KEYS_MAX: usize = 2_000;

/// What to do with a key that names a column of the input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conflict {
    Error,
    KeepSource,
    ReplaceSource,
}

const CONFLICTS: &[(&str, Conflict)] = &[
    ("error", Conflict::Error),
    ("keep_source", Conflict::KeepSource),
    ("replace_source", Conflict::ReplaceSource),
];

impl Binder<'_> {
    pub(super) fn bag_unpack(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let args = &evaluate.call.args;
        let Some(first) = args.first().filter(|_| args.len() <= 4) else {
            return error(
                span,
                "bag_unpack() takes a column, a prefix, what to do with conflicts, and keys to ignore",
            );
        };
        let bag = self.expr_of("evaluate", &first.value, &mut Input::of(&input))?;
        if bag.kind != Kind::Dynamic {
            let message = format!("bag_unpack() takes a dynamic column, not a {}", bag.kind.name());
            return error(first.value.span, message);
        }
        let named = |name: &str, at: usize| {
            let by_name = args.iter().find(|arg| arg.name.as_ref().is_some_and(|ident| ident.name == name));
            by_name.or_else(|| args.get(at).filter(|arg| arg.name.is_none()))
        };
        let prefix = match named("OutputColumnPrefix", 1) {
            Some(arg) => self.text_of(&arg.value, "bag_unpack")?,
            None => String::new(),
        };
        let conflict = match named("columnsConflict", 2) {
            None => Conflict::Error,
            Some(arg) => {
                let text = self.text_of(&arg.value, "bag_unpack")?;
                match CONFLICTS.iter().find(|(name, _)| *name == text) {
                    Some((_, conflict)) => *conflict,
                    None => {
                        let message = "a conflict is one of error, keep_source and replace_source";
                        return error(arg.value.span, message);
                    }
                }
            }
        };
        let ignored = match named("ignoredProperties", 3) {
            Some(arg) => self.constant_texts(&arg.value)?,
            None => Vec::new(),
        };
        let is_bag =
            |name: &str| matches!(&first.value.kind, ast::ExprKind::Name(ident) if ident.name == name);
        let mut columns: Vec<(String, Typed)> =
            input.columns().into_iter().filter(|(name, _)| !is_bag(name)).collect();
        let before: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let keys = match &evaluate.schema {
            // What the bags hold need not be known when it was said what comes out.
            Some(schema) => {
                let declared = schema.columns.iter().filter_map(|column| {
                    let name = column.name.name.strip_prefix(prefix.as_str())?;
                    Some((name.to_owned(), kind_of(column.ty)))
                });
                declared.collect()
            }
            None => {
                self.is_open |= self.describes;
                self.keys_of(&input, bag.clone(), span)?
            }
        };
        for (key, kind) in keys {
            if ignored.contains(&key) {
                continue;
            }
            let name = format!("{prefix}{key}");
            let value = convert::path(bag.clone(), vec![Typed::text(&key)]);
            let value = if kind == Kind::Dynamic { value } else { convert::to_kind(value, kind) };
            match columns.iter_mut().find(|(present, _)| *present == name) {
                None => columns.push((name, value)),
                Some(_) if conflict == Conflict::KeepSource => {}
                Some(present) if conflict == Conflict::ReplaceSource => present.1 = value,
                Some(_) if evaluate.schema.is_some() && !before.contains(&name) => {}
                Some(_) => {
                    let message = format!(
                        "bag_unpack(): there is a column '{name}' already; give a prefix as the second argument"
                    );
                    return error(span, message);
                }
            }
        }
        let result = input.project(&mut self.names, columns)?;
        match &evaluate.schema {
            Some(schema) => self.as_declared(result, &before, schema),
            None => Ok(result),
        }
    }

    /// The keys of the bags and the kinds of their values, sorted, read before the query runs.
    fn keys_of(&mut self, input: &Relation, bag: Typed, span: Span) -> Bind<Vec<(String, Kind)>> {
        let expansion = Expansion { bags_as_arrays: true, limit: KEYS_MAX };
        let is_bag = call("is_bag", Kind::Bool, is_bag_rows, vec![bag.clone()]).expr;
        let pairs = Relation { hidden: Vec::new(), ..input.clone() }.filter(is_bag)?.project(
            &mut self.names,
            vec![("pair".to_owned(), expand::elements(bag, Kind::Dynamic, expansion))],
        )?;
        let Some(field) = pairs.fields.first().map(|field| field.field.clone()) else {
            return Ok(Vec::new());
        };
        let column = datafusion::common::Column::new_unqualified(&field);
        let plan = pairs.builder().unnest_column(column)?.build()?;
        let pairs = Relation { plan, ..pairs };
        let pair = Typed::column(&field, Kind::Dynamic);
        let key = convert::to_text(convert::path(pair.clone(), vec![Typed::long(0)]));
        let value = convert::path(pair, vec![Typed::long(1)]);
        let form = call("json_form", Kind::Long, form_rows, vec![value]);
        let (least, greatest) = (self.names.next(), self.names.next());
        let aggregates = vec![
            (expr_fn::min(form.expr.clone()), least.clone()),
            (expr_fn::max(form.expr), greatest.clone()),
        ];
        let results = vec![
            ("least".to_owned(), Typed::column(&least, Kind::Long)),
            ("greatest".to_owned(), Typed::column(&greatest, Kind::Long)),
        ];
        let keys = self.aggregated(pairs, vec![("key".to_owned(), key)], aggregates, results)?;
        let exprs: Vec<_> = keys.fields.iter().map(|field| field.typed().expr).collect();
        let plan = keys.builder().project(exprs)?.build()?;
        let rows = self.read_now(Relation { plan, ..keys }, KEYS_MAX + 1)?;
        let mut found: Vec<(String, Kind)> = rows.iter().flat_map(keys_in).collect();
        if found.len() > KEYS_MAX {
            return error(span, format!("bag_unpack(): the bags have more than {KEYS_MAX} keys"));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }
}

fn keys_in(batch: &RecordBatch) -> Vec<(String, Kind)> {
    let keys = batch.column(0).as_string_view();
    let (least, greatest) =
        (batch.column(1).as_primitive::<Int64Type>(), batch.column(2).as_primitive::<Int64Type>());
    let kind = |row: usize| match (least.is_valid(row), least.value(row), greatest.value(row)) {
        // Nothing but nulls.
        (false, _, _) => Kind::String,
        (_, a, b) if a == b => FORMS.get(a as usize).copied().unwrap_or(Kind::Dynamic),
        // Whole numbers among reals.
        (_, 1, 2) => Kind::Real,
        _ => Kind::Dynamic,
    };
    (0..batch.num_rows()).map(|row| (keys.value(row).to_owned(), kind(row))).collect()
}

/// What a JSON value is held as, by the number of its form.
const FORMS: &[Kind] = &[Kind::Bool, Kind::Long, Kind::Real, Kind::DateTime, Kind::String, Kind::Dynamic];

fn form_rows(args: &Args) -> datafusion::error::Result<datafusion::arrow::array::ArrayRef> {
    let texts = args.texts(0)?;
    Ok(long_rows(args.rows, |row| form(texts.get(row)?)))
}

fn form(json: &str) -> Option<i64> {
    Some(match json.as_bytes().first()? {
        b'n' => return None,
        b't' | b'f' => 0,
        b'[' | b'{' => 5,
        b'"' if is_time(json) => 3,
        b'"' => 4,
        _ if json.parse::<i64>().is_ok() => 1,
        _ => 2,
    })
}

/// A time as times inside dynamic values are written.
fn is_time(json: &str) -> bool {
    let bytes = json.as_bytes();
    let is_written = bytes.len() >= 22 && bytes.get(11) == Some(&b'T') && json.ends_with("Z\"");
    is_written && kql::literals::parse_datetime(json.trim_matches('"')).is_some()
}

fn is_bag_rows(args: &Args) -> datafusion::error::Result<datafusion::arrow::array::ArrayRef> {
    let texts = args.texts(0)?;
    let is_bag =
        |row| texts.get(row).is_some_and(|text| json::find(text, &[]).is_some_and(|t| t.starts_with('{')));
    Ok(crate::kernel::bool_rows(args.rows, |row| Some(is_bag(row))))
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn forms_of_values() {
        for (json, expected) in [
            ("true", Some(0)),
            ("5", Some(1)),
            ("5.0", Some(2)),
            ("\"2024-05-06T10:00:00.0000000Z\"", Some(3)),
            ("\"2024-05-06\"", Some(4)),
            ("[1]", Some(5)),
            ("null", None),
        ] {
            assert_eq!(form(json), expected, "{json}");
        }
    }
}
