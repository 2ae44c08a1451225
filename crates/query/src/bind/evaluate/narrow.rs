//! `narrow()`: a row for each column of each row.

use kql::Span;
use kql::ast;
use model::Kind;

use super::super::{Bind, Binder, error};
use crate::convert;
use crate::expand::{self, Expansion};
use crate::relation::Relation;
use crate::typed::Typed;

impl Binder<'_> {
    pub(super) fn narrow(&mut self, input: Relation, evaluate: &ast::Evaluate, span: Span) -> Bind<Relation> {
        if !evaluate.call.args.is_empty() {
            return error(span, "narrow() takes no arguments");
        }
        let pairs =
            input.fields.iter().flat_map(|field| [Typed::text(&field.name), convert::to_text(field.typed())]);
        let bag = self.bag(pairs.collect(), span)?;
        let expansion = Expansion { bags_as_arrays: true, limit: usize::MAX };
        let columns = vec![
            ("Row".to_owned(), expand::row_ids()),
            ("pair".to_owned(), expand::elements(bag, Kind::Dynamic, expansion)),
        ];
        let input = Relation { hidden: Vec::new(), ..input };
        let rows = input.project(&mut self.names, columns)?;
        let [row, pair] = rows.fields.as_slice() else { return error(span, "narrow() found no columns") };
        let (row, pair) = (row.typed(), pair.field.clone());
        let column = datafusion::common::Column::new_unqualified(&pair);
        let plan = rows.builder().unnest_column(column)?.build()?;
        let rows = Relation { plan, ..rows };
        let part = |at: i64| {
            let pair = Typed::column(&pair, Kind::Dynamic);
            convert::to_text(convert::path(pair, vec![Typed::long(at)]))
        };
        let columns =
            vec![("Row".to_owned(), row), ("Column".to_owned(), part(0)), ("Value".to_owned(), part(1))];
        Ok(rows.project(&mut self.names, columns)?)
    }
}
