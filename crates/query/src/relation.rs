//! Rows with names and kinds: a plan, and which of its fields each column is.
//!
//! Inside a plan every column has a field name of its own, so that equal column names on both sides of a join,
//! letter case and the engine's own naming rules never matter. Names return when the result is read.

use std::collections::HashMap;

use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use model::Kind;

use crate::convert;
use crate::typed::Typed;

/// Names of columns that are carried along unseen begin with this, which no query can write.
pub(crate) const UNSEEN: char = '\u{0}';

/// One visible column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: String,
    pub kind: Kind,
    /// The plan's name for it.
    pub field: String,
}

impl Field {
    pub fn typed(&self) -> Typed {
        Typed::column(&self.field, self.kind)
    }

    /// Whether it is carried along for the operator around and not for the query.
    pub fn is_unseen(&self) -> bool {
        self.name.starts_with(UNSEEN)
    }
}

/// A plan and its visible columns.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub plan: LogicalPlan,
    pub fields: Vec<Field>,
    /// Columns that can be asked for and are not shown, while rows still are those of a table.
    pub hidden: Vec<Field>,
}

impl Relation {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub fn builder(&self) -> LogicalPlanBuilder {
        LogicalPlanBuilder::from(self.plan.clone())
    }

    pub fn filter(self, predicate: Expr) -> Result<Relation> {
        let plan = LogicalPlanBuilder::from(self.plan).filter(predicate)?.build()?;
        Ok(Relation { plan, ..self })
    }

    /// Computes columns from the present ones. The result has exactly these.
    pub fn project(self, names: &mut FieldNames, columns: Vec<(String, Typed)>) -> Result<Relation> {
        let mut fields = Vec::with_capacity(columns.len());
        let mut exprs = Vec::with_capacity(columns.len() + self.hidden.len());
        let mut taken = std::collections::HashSet::new();
        for (name, typed) in columns {
            // A column that only moves keeps its field, unless it is shown twice.
            let (expr, field) = match &typed.expr {
                Expr::Column(column) if column.relation.is_none() && taken.insert(column.name.clone()) => {
                    (typed.expr.clone(), column.name.clone())
                }
                _ => {
                    let field = names.next();
                    if let Some(text) = convert::json_text_of(&typed.expr) {
                        names.json_texts.insert(field.clone(), text.to_owned());
                    }
                    (typed.expr.alias(&field), field)
                }
            };
            exprs.push(expr);
            fields.push(Field { name, kind: typed.kind, field });
        }
        let mut hidden = self.hidden;
        hidden.retain(|field| field.is_unseen() || !taken.contains(&field.field));
        for field in &hidden {
            if taken.insert(field.field.clone()) {
                exprs.push(field.typed().expr);
            }
        }
        let plan = LogicalPlanBuilder::from(self.plan).project(exprs)?.build()?;
        Ok(Relation { plan, fields, hidden })
    }

    /// The columns that are carried along unseen.
    pub fn unseen(&self) -> Vec<Field> {
        self.hidden.iter().filter(|field| field.is_unseen()).cloned().collect()
    }

    /// Takes unseen columns out of sight.
    pub fn hide_unseen(mut self) -> Relation {
        self.hidden.extend(self.fields.extract_if(.., |field| field.is_unseen()));
        self
    }

    /// Names and kinds of what is shown.
    pub fn columns_shown(&self) -> Vec<(String, Kind)> {
        self.fields.iter().map(|field| (field.name.clone(), field.kind)).collect()
    }

    /// The present columns as they are.
    pub fn columns(&self) -> Vec<(String, Typed)> {
        self.fields.iter().map(|field| (field.name.clone(), field.typed())).collect()
    }
}

/// Makes field names that are unique in one query.
#[derive(Default)]
pub(crate) struct FieldNames {
    made: usize,
    /// Fields with the value that a JSON text holds, and the fields with that text.
    json_texts: HashMap<String, String>,
}

impl FieldNames {
    pub fn next(&mut self) -> String {
        self.made += 1;
        format!("c{}", self.made)
    }

    /// The field with the JSON text that a value was read from: to look into the text is less work than to read it
    /// whole.
    pub fn json_text_of(&self, value: &Typed) -> Option<&str> {
        let Expr::Column(column) = &value.expr else { return None };
        self.json_texts.get(&column.name).map(String::as_str)
    }
}
