//! `reduce by text with threshold = 0.1, characters = "X"`: the patterns that texts have.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use kql::ast::{self, ExprKind, Literal};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, error};
use crate::patterns::{Reduced, reduce};
use crate::relation::Relation;
use crate::typed::Typed;
use crate::{constant, convert};

const THRESHOLD: f64 = 0.1;

impl Binder<'_> {
    pub(super) fn reduce(&mut self, input: Relation, operator: &ast::Reduce) -> Bind<Relation> {
        if let Some(param) = operator.params.iter().find(|param| param.name.name == "kind") {
            return error(param.name.span, "'reduce' operator: has no kinds here");
        }
        let text = self.expr_of("reduce", &operator.by, &mut Input::of(&input))?;
        let text = convert::to_text(text);
        let (mut threshold, mut separators) = (THRESHOLD, String::new());
        for property in &operator.properties {
            match property.name.name.as_str() {
                "threshold" => {
                    let number = constant::fold(convert::to_real(self.constant(&property.value)?))?;
                    match number.literal() {
                        Some(ScalarValue::Float64(Some(number))) if (0.0..=1.0).contains(number) => {
                            threshold = *number
                        }
                        _ => {
                            return error(
                                property.value.span,
                                "'reduce' operator: the threshold is from 0 to 1",
                            );
                        }
                    }
                }
                "characters" => match &property.value.kind {
                    ExprKind::Literal(Literal::String { value, .. }) => separators = value.clone(),
                    _ => return error(property.value.span, "'reduce' operator: characters are a string"),
                },
                name => {
                    return error(property.name.span, format!("'reduce' operator: has no property '{name}'"));
                }
            }
        }
        // Equal texts are counted first.
        let count = self.names.next();
        let counted = datafusion::functions_aggregate::expr_fn::count(datafusion::logical_expr::lit(1i64));
        let texts = self.aggregated(
            Relation { hidden: Vec::new(), ..input },
            vec![("text".to_owned(), text)],
            vec![(counted, count.clone())],
            vec![("count".to_owned(), Typed::column(&count, Kind::Long))],
        )?;
        let fields = self.fields_of(vec![
            ("Pattern".to_owned(), Kind::String),
            ("Count".to_owned(), Kind::Long),
            ("Representative".to_owned(), Kind::String),
        ]);
        self.over_rows(texts, fields, format!("reduce {threshold} {separators:?}"), move |rows| {
            let (texts, counts) =
                (rows.column(0).as_string_view(), rows.column(1).as_primitive::<Int64Type>());
            let mut texts: Vec<(String, i64)> = (0..rows.num_rows())
                .map(|row| {
                    (if texts.is_valid(row) { texts.value(row) } else { "" }.to_owned(), counts.value(row))
                })
                .collect();
            // The same patterns whatever the order of the rows.
            texts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            let breaks = |c: char| match separators.is_empty() {
                true => !c.is_alphanumeric(),
                false => separators.contains(c),
            };
            let reduced = reduce(&texts, threshold, &breaks);
            let strings = |of: fn(&Reduced) -> &str| -> ArrayRef {
                Arc::new(reduced.iter().map(|reduced| Some(of(reduced))).collect::<StringViewArray>())
            };
            Ok(vec![
                strings(|reduced| &reduced.pattern),
                Arc::new(reduced.iter().map(|reduced| reduced.count).collect::<Int64Array>()),
                strings(|reduced| &reduced.representative),
            ])
        })
    }
}
