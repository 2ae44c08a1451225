//! Turns questions about entities as Graph has them into questions about the entities as they are stored.

use odata::{EntityType, Filter, Order, Property, Query, Value};

use crate::error::{ApiError, code};

/// How a property of Graph is stored.
pub(super) struct Meaning {
    pub graph: &'static str,
    pub native: Native,
}

pub(super) enum Native {
    /// The same value under another name.
    Same(&'static str),
    /// A number that Graph writes as text.
    Number(&'static str),
    /// An enumeration whose members differ in the case of their first letter. What Graph calls `unknown` is that
    /// member, or nothing at all.
    Members { property: &'static str, unknown: &'static str },
    /// The same of every entity.
    Constant(&'static str),
}

/// A query about the stored entity that finds the same.
pub(super) fn query(
    query: &Query,
    stored: &'static EntityType,
    meanings: &[Meaning],
) -> Result<Query, ApiError> {
    let mut order = Vec::new();
    for asked in &query.order {
        match &meaning(meanings, asked.property)?.native {
            Native::Same(name) | Native::Number(name) | Native::Members { property: name, .. } => {
                let property = property(stored, name)?;
                order.push(Order { property, descending: asked.descending });
            }
            Native::Constant(_) => {}
        }
    }
    let filter = query.filter.as_ref().map(|filter| native(filter, stored, meanings)).transpose()?;
    let Query { top, skip, count, .. } = *query;
    Ok(Query { filter, order, top, skip, count, expand: Vec::new(), select: Vec::new() })
}

fn native(filter: &Filter, stored: &'static EntityType, meanings: &[Meaning]) -> Result<Filter, ApiError> {
    let all = |parts: &[Filter]| -> Result<Vec<Filter>, ApiError> {
        parts.iter().map(|part| native(part, stored, meanings)).collect()
    };
    match filter {
        Filter::And(parts) => Ok(Filter::And(all(parts)?)),
        Filter::Or(parts) => Ok(Filter::Or(all(parts)?)),
        Filter::Not(inner) => Ok(Filter::Not(Box::new(native(inner, stored, meanings)?))),
        Filter::In { property, values } => {
            let equals = values.iter().map(|value| {
                let op = odata::CompareOp::Eq;
                native(&Filter::Compare { property, op, value: value.clone() }, stored, meanings)
            });
            Ok(Filter::Or(equals.collect::<Result<_, _>>()?))
        }
        Filter::Compare { property: graph, op, value } => {
            let name = match &meaning(meanings, graph)?.native {
                Native::Members { property: name, unknown } => {
                    let is_member = |member: &str| matches!(value, Value::String(text) if text == member);
                    let found = members(stored, name, unknown, is_member)?;
                    return Ok(if *op == odata::CompareOp::Ne {
                        Filter::Not(Box::new(found))
                    } else {
                        found
                    });
                }
                Native::Constant(constant) => {
                    let is_equal = matches!(value, Value::String(text) if text == constant);
                    return Ok(truth(is_equal == (*op == odata::CompareOp::Eq)));
                }
                Native::Number(name) => {
                    let value = match value {
                        Value::String(text) => text.trim().parse().ok().map(Value::Int),
                        value => Some(value.clone()),
                    };
                    let property = property(stored, name)?;
                    let compare = value.map(|value| Filter::Compare { property, op: *op, value });
                    // No number is equal to what is none.
                    return Ok(compare.unwrap_or(truth(*op == odata::CompareOp::Ne)));
                }
                Native::Same(name) => name,
            };
            Ok(Filter::Compare { property: property(stored, name)?, op: *op, value: value.clone() })
        }
        Filter::Text { function, property: graph, value } => match &meaning(meanings, graph)?.native {
            Native::Same(name) => {
                let (property, value) = (property(stored, name)?, value.clone());
                Ok(Filter::Text { function: *function, property, value })
            }
            Native::Members { property: name, unknown } => {
                members(stored, name, unknown, |member| passes(*function, member, value))
            }
            Native::Constant(constant) => Ok(truth(passes(*function, constant, value))),
            Native::Number(name) => Err(ApiError::new(
                code::ODATA,
                format!("$filter: '{}' takes eq, ne and in only: it is the number {name}.", graph.name),
            )),
        },
        Filter::Any { property: graph, test } => {
            let Native::Same(name) = &meaning(meanings, graph)?.native else {
                return Err(ApiError::internal("a collection of Graph is not one of ours"));
            };
            let property = property(stored, name)?;
            let test = test.as_ref().map(|test| element(test, property)).map(Box::new);
            Ok(Filter::Any { property, test })
        }
    }
}

/// The test of elements of a collection of texts, about another collection.
fn element(test: &Filter, property: &'static Property) -> Filter {
    let all = |parts: &[Filter]| parts.iter().map(|part| element(part, property)).collect();
    match test {
        Filter::And(parts) => Filter::And(all(parts)),
        Filter::Or(parts) => Filter::Or(all(parts)),
        Filter::Not(inner) => Filter::Not(Box::new(element(inner, property))),
        Filter::Compare { op, value, .. } => Filter::Compare { property, op: *op, value: value.clone() },
        Filter::In { values, .. } => Filter::In { property, values: values.clone() },
        Filter::Text { function, value, .. } => {
            Filter::Text { function: *function, property, value: value.clone() }
        }
        Filter::Any { test, .. } => Filter::Any { property, test: test.clone() },
    }
}

/// That an enumeration has one of the members which pass by their names in Graph.
fn members(
    stored: &'static EntityType,
    name: &str,
    unknown: &str,
    passes: impl Fn(&str) -> bool,
) -> Result<Filter, ApiError> {
    let property = property(stored, name)?;
    let op = odata::CompareOp::Eq;
    let is = |value| Filter::Compare { property, op, value };
    let mut found = Vec::new();
    for member in property.values {
        let is_unknown = *member == unknown || *member == "Unknown";
        let word = if is_unknown { "unknown".to_owned() } else { super::graph_word(member) };
        if passes(&word) {
            found.push(is(Value::String((*member).to_owned())));
        }
    }
    if passes("unknown") {
        found.push(is(Value::Null));
    }
    Ok(Filter::Or(found))
}

fn passes(function: odata::TextFn, text: &str, part: &str) -> bool {
    let (text, part) = (store::fold(text), store::fold(part));
    match function {
        odata::TextFn::Contains => text.contains(&part),
        odata::TextFn::StartsWith => text.starts_with(&part),
        odata::TextFn::EndsWith => text.ends_with(&part),
    }
}

/// A condition that always holds, or never.
fn truth(holds: bool) -> Filter {
    if holds { Filter::And(Vec::new()) } else { Filter::Or(Vec::new()) }
}

fn meaning<'a>(meanings: &'a [Meaning], property: &Property) -> Result<&'a Meaning, ApiError> {
    let found = meanings.iter().find(|meaning| meaning.graph == property.name);
    found.ok_or_else(|| ApiError::internal(format!("'{}' of Graph is not stored", property.name)))
}

fn property(stored: &'static EntityType, name: &str) -> Result<&'static Property, ApiError> {
    stored.property(name).ok_or_else(|| ApiError::internal(format!("'{name}' is not stored")))
}

/// That kinds fit: a member of an enumeration is not compared with a text.
#[cfg(test)]
pub(super) fn check(graph: &'static EntityType, stored: &'static EntityType, meanings: &[Meaning]) {
    for property in graph.properties.iter().filter(|property| property.filter) {
        let native = &meaning(meanings, property).unwrap().native;
        let (kind, name) = match native {
            Native::Same(name) => (property.kind, name),
            Native::Number(name) => (odata::Kind::Int64, name),
            Native::Members { property, .. } => (odata::Kind::Enum, property),
            Native::Constant(_) => continue,
        };
        assert_eq!(stored.property(name).unwrap().kind, kind, "{}", property.name);
    }
}
