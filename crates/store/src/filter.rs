//! Turns a filter into a condition of SQL.
//!
//! Every part of the condition is true or false, never unknown, so that `not` turns it round: a null equals
//! only null, is unequal to everything else, and passes no other comparison.

use odata::{CompareOp, Filter, Kind, TextFn, Value};
use sea_query::{BinOper, Expr, ExprTrait, LikeExpr, Query};

use crate::entities::{Entity, Field};
use crate::{StoreError, fold};

/// What a leaf of the tree is about.
struct Subject {
    field: &'static Field,
    column: Expr,
    kind: Kind,
    is_required: bool,
}

/// Whether an index may lead to the rows of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indexes {
    Used,
    /// Columns are written so that the database sees none.
    Passed,
}

pub(crate) fn condition(
    entity: &'static Entity,
    filter: &Filter,
    indexes: Indexes,
) -> Result<Expr, StoreError> {
    convert(entity, filter, indexes, None)
}

/// A column of the entity's own table. What SQLite has to calculate is kept away from its indexes; PostgreSQL sees that
/// there is nothing to calculate.
pub(crate) fn column(entity: &'static Entity, name: &'static str, indexes: Indexes) -> Expr {
    match indexes {
        Indexes::Used => Expr::col((entity.table, name)),
        // Names are of declarations.
        Indexes::Passed => Expr::cust(format!("COALESCE(\"{}\".\"{name}\", NULL)", entity.table)),
    }
}

/// That a collection of texts has this one, so that it is found from the elements.
pub(crate) fn has_text(entity: &'static Entity, tenant: &str, property: &str, value: &str) -> Expr {
    Expr::col((entity.table, "id")).in_subquery(elements_with(entity, tenant, property, value))
}

/// The ids of the entities of a tenant whose collection of texts has this one.
pub(crate) fn elements_with(
    entity: &'static Entity,
    tenant: &str,
    property: &str,
    value: &str,
) -> sea_query::SelectStatement {
    let elements = entity.strings_table;
    let mut ids = Query::select();
    ids.column((elements, "id"))
        .from(elements)
        .and_where(Expr::col((elements, "tenant")).eq(tenant))
        .and_where(Expr::col((elements, "property")).eq(property))
        .and_where(Expr::col((elements, "value")).eq(fold(value)));
    ids
}

/// Every part holds.
pub(crate) fn all(parts: Vec<Expr>) -> Expr {
    balanced(parts, BinOper::And).unwrap_or_else(always)
}

/// Some part holds.
pub(crate) fn any(parts: Vec<Expr>) -> Expr {
    balanced(parts, BinOper::Or).unwrap_or_else(never)
}

pub(crate) fn always() -> Expr {
    Expr::cust("(1 = 1)")
}

pub(crate) fn never() -> Expr {
    Expr::cust("(1 = 0)")
}

/// Joins halves of the list, so that a long one makes no deep tree: databases bound the depth.
fn balanced(mut parts: Vec<Expr>, op: BinOper) -> Option<Expr> {
    if parts.len() <= 1 {
        return parts.pop();
    }
    let right = parts.split_off(parts.len() / 2);
    Some(balanced(parts, op)?.binary(op, balanced(right, op)?))
}

/// `element` is the collection when inside a lambda.
fn convert(
    entity: &'static Entity,
    filter: &Filter,
    indexes: Indexes,
    element: Option<&'static Field>,
) -> Result<Expr, StoreError> {
    let convert_all = |parts: &[Filter]| -> Result<Vec<Expr>, StoreError> {
        parts.iter().map(|part| convert(entity, part, indexes, element)).collect()
    };
    let find = |name: &str| Subject::find(entity, name, indexes, element);
    match filter {
        Filter::And(parts) => Ok(all(convert_all(parts)?)),
        Filter::Or(parts) => Ok(any(convert_all(parts)?)),
        Filter::Not(inner) => Ok(convert(entity, inner, indexes, element)?.not()),
        Filter::Compare { property, op, value } => find(property.name)?.compare(*op, value),
        Filter::In { property, values } => find(property.name)?.among(values),
        Filter::Text { function, property, value } => find(property.name)?.text(*function, value),
        Filter::Any { property, test } => has_element(entity, property.name, test.as_deref(), element),
    }
}

fn has_element(
    entity: &'static Entity,
    name: &str,
    test: Option<&Filter>,
    element: Option<&'static Field>,
) -> Result<Expr, StoreError> {
    let field = entity.field(name).filter(|_| element.is_none()).ok_or_else(|| unusable(name))?;
    let elements = match (field.property.kind, field.collection) {
        (Kind::Strings, _) => entity.strings_table,
        (Kind::Objects, Some(collection)) => collection.table,
        _ => return Err(unusable(name)),
    };
    let mut found = Query::select();
    found
        .expr(Expr::cust("1"))
        .from(elements)
        .and_where(Expr::col((elements, "tenant")).equals((entity.table, "tenant")))
        .and_where(Expr::col((elements, "id")).equals((entity.table, "id")));
    if field.property.kind == Kind::Strings {
        found.and_where(Expr::col((elements, "property")).eq(field.property.name));
    }
    if let Some(test) = test {
        found.and_where(convert(entity, test, Indexes::Used, Some(field))?);
    }
    Ok(Expr::exists(found))
}

impl Subject {
    fn find(
        entity: &'static Entity,
        name: &str,
        indexes: Indexes,
        element: Option<&'static Field>,
    ) -> Result<Subject, StoreError> {
        if let Some(collection) = element.and_then(|field| field.collection) {
            let field = collection.field(name).ok_or_else(|| unusable(name))?;
            let column = Expr::col((collection.table, field.column.ok_or_else(|| unusable(name))?));
            return Ok(Subject { field, column, kind: field.property.kind, is_required: field.is_required });
        }
        if let Some(field) = element.filter(|field| field.property.name == name) {
            let column = Expr::col((entity.strings_table, "value"));
            return Ok(Subject { field, column, kind: Kind::String, is_required: true });
        }
        let field = entity.field(name).filter(|_| element.is_none()).ok_or_else(|| unusable(name))?;
        let column = column(entity, field.column.ok_or_else(|| unusable(name))?, indexes);
        Ok(Subject { field, column, kind: field.property.kind, is_required: field.is_required })
    }

    fn compare(self, op: CompareOp, value: &Value) -> Result<Expr, StoreError> {
        if *value == Value::Null {
            return Ok(match op {
                CompareOp::Eq if self.is_required => never(),
                CompareOp::Ne if self.is_required => always(),
                CompareOp::Eq => self.column.is_null(),
                CompareOp::Ne => self.column.is_not_null(),
                CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le => never(),
            });
        }
        // The other members of an enum can be looked up.
        let is_other = op == CompareOp::Ne && self.is_required;
        if self.kind == Kind::Enum && (is_other || !matches!(op, CompareOp::Eq | CompareOp::Ne)) {
            let place = self.place(value)?;
            return Ok(self.one_of(|at, _| match op {
                CompareOp::Ne => at != place,
                CompareOp::Gt => at > place,
                CompareOp::Ge => at >= place,
                CompareOp::Lt => at < place,
                _ => at <= place,
            }));
        }
        let value = self.value(value)?;
        let column = self.column.clone();
        Ok(match op {
            CompareOp::Ne if self.is_required => column.ne(value),
            CompareOp::Ne => column.ne(value).or(self.column.is_null()),
            CompareOp::Eq => self.unless_null(column.eq(value)),
            CompareOp::Gt => self.unless_null(column.gt(value)),
            CompareOp::Ge => self.unless_null(column.gte(value)),
            CompareOp::Lt => self.unless_null(column.lt(value)),
            CompareOp::Le => self.unless_null(column.lte(value)),
        })
    }

    fn among(self, values: &[Value]) -> Result<Expr, StoreError> {
        if values.is_empty() {
            return Ok(never());
        }
        let values: Vec<_> = values.iter().map(|value| self.value(value)).collect::<Result<_, _>>()?;
        let found = self.column.clone().is_in(values);
        Ok(self.unless_null(found))
    }

    fn text(self, function: TextFn, part: &str) -> Result<Expr, StoreError> {
        let part = fold(part);
        match self.kind {
            Kind::Enum => Ok(self.one_of(|_, member| {
                let member = fold(member);
                match function {
                    TextFn::Contains => member.contains(&part),
                    TextFn::StartsWith => member.starts_with(&part),
                    TextFn::EndsWith => member.ends_with(&part),
                }
            })),
            Kind::String => {
                let like = |pattern: String| self.column.clone().like(LikeExpr::new(pattern).escape(ESCAPE));
                let found = match function {
                    TextFn::Contains => like(format!("%{}%", escaped(&part))),
                    TextFn::StartsWith => begins_with(&self.column, &part),
                    TextFn::EndsWith => like(format!("%{}", escaped(&part))),
                };
                Ok(self.unless_null(found))
            }
            _ => Err(unusable(self.field.property.name)),
        }
    }

    /// The enum is one of the members that pass, told by place and name.
    fn one_of(self, keep: impl Fn(usize, &str) -> bool) -> Expr {
        let members = self.field.property.values.iter().enumerate();
        let kept: Vec<&str> = members.filter(|(at, member)| keep(*at, member)).map(|(_, m)| *m).collect();
        if kept.is_empty() {
            return never();
        }
        let found = self.column.clone().is_in(kept);
        self.unless_null(found)
    }

    fn place(&self, value: &Value) -> Result<usize, StoreError> {
        let Value::String(name) = value else { return Err(self.wrong(value)) };
        let members = self.field.property.values;
        members.iter().position(|member| member == name).ok_or_else(|| self.wrong(value))
    }

    /// The value as the column holds it.
    fn value(&self, value: &Value) -> Result<sea_query::Value, StoreError> {
        Ok(match (self.kind, value) {
            (Kind::String, Value::String(text)) => fold(text).into(),
            (Kind::Enum, _) => self.field.property.values[self.place(value)?].into(),
            (Kind::Int64, Value::Int(number)) => (*number).into(),
            (Kind::Double, Value::Double(number)) => (*number).into(),
            (Kind::Bool, Value::Bool(truth)) => (*truth).into(),
            (Kind::DateTime, Value::DateTime(ticks)) => (*ticks).into(),
            _ => return Err(self.wrong(value)),
        })
    }

    /// False, not unknown, where the column is null.
    fn unless_null(self, test: Expr) -> Expr {
        if self.is_required { test } else { test.and(self.column.is_not_null()) }
    }

    fn wrong(&self, value: &Value) -> StoreError {
        let reason = format!("'{}' cannot be compared with {value}", self.field.property.name);
        StoreError::invalid("filter", reason)
    }
}

fn unusable(name: &str) -> StoreError {
    StoreError::invalid("filter", format!("'{name}' cannot be filtered this way"))
}

/// That a column of folded text begins with a text.
pub(crate) fn starts_with(column: Expr, text: &str) -> Expr {
    begins_with(&column, &fold(text))
}

/// Texts that begin with another lie between it and the first one behind all of those, which an index finds. The order
/// of the database is that of code points.
fn begins_with(column: &Expr, part: &str) -> Expr {
    let from = column.clone().gte(part);
    match behind(part) {
        Some(end) => from.and(column.clone().lt(end)),
        None => from,
    }
}

/// The first text behind every text that begins with this one; none when there is none.
fn behind(part: &str) -> Option<String> {
    let mut chars: Vec<char> = part.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

const ESCAPE: char = '!';

fn escaped(part: &str) -> String {
    let mut escaped = String::with_capacity(part.len());
    for char in part.chars() {
        if matches!(char, '%' | '_' | ESCAPE) {
            escaped.push(ESCAPE);
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_behind_a_beginning_is_the_next_code_point() {
        for (part, expected) in [
            ("", None),
            ("ab", Some("ac")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(behind(part).as_deref(), expected, "{part:?}");
        }
    }
}
