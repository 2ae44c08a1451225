//! The tree of a filter, and how it is written.

use std::fmt::{self, Display, Formatter};

use crate::entity::{EntityType, Kind, Property};
use crate::error::ODataError;

/// A condition on an entity. Text is compared without regard to letter case.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them hold; parsed ones have two or more.
    And(Vec<Filter>),
    /// One of them holds; parsed ones have two or more.
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// Only `Eq` and `Ne` come with null, an enum or a boolean.
    Compare {
        property: &'static Property,
        op: CompareOp,
        value: Value,
    },
    /// The property equals one of the values; never empty, never null.
    In {
        property: &'static Property,
        values: Vec<Value>,
    },
    /// A part of the property's text; the property is a string or an enum.
    Text {
        function: TextFn,
        property: &'static Property,
        value: String,
    },
    /// Some element of the collection passes the test; without a test: there is an element.
    /// In the test of a collection of texts, `property` stands for the element and no other property occurs;
    /// in that of a collection of objects, every property is a member of the element.
    Any {
        property: &'static Property,
        test: Option<Box<Filter>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFn {
    Contains,
    StartsWith,
    EndsWith,
}

/// What a property is compared with; of the property's kind, or null.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    /// For an enum: the member in its canonical case.
    String(String),
    Int(i64),
    /// Never infinite, never not a number.
    Double(f64),
    Bool(bool),
    /// 100 ns ticks since 0001-01-01 UTC.
    DateTime(i64),
}

impl Filter {
    /// Parses the decoded value of a `$filter`.
    pub fn parse(entity: &'static EntityType, text: &str) -> Result<Filter, ODataError> {
        crate::parser::filter(entity, text).map_err(|fault| fault.within("$filter", text))
    }

    /// Writes it, with the collection `element` stands in for when inside a lambda.
    fn write(&self, f: &mut Formatter<'_>, element: Option<Element>) -> fmt::Result {
        match self {
            Filter::And(parts) => write_joined(f, parts, " and ", element, |part| {
                matches!(part, Filter::And(_) | Filter::Or(_))
            }),
            Filter::Or(parts) => {
                write_joined(f, parts, " or ", element, |part| matches!(part, Filter::Or(_)))
            }
            Filter::Not(inner) => {
                f.write_str("not ")?;
                let bare = matches!(**inner, Filter::Text { .. } | Filter::Any { .. } | Filter::Not(_));
                inner.write_within(f, element, !bare)
            }
            Filter::Compare { property, op, value } => {
                write!(f, "{} {} {value}", Named(property, element), op.word())
            }
            Filter::In { property, values } => {
                write!(f, "{} in (", Named(property, element))?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { "," })?;
                }
                f.write_str(")")
            }
            Filter::Text { function, property, value } => {
                write!(f, "{}({},", function.word(), Named(property, element))?;
                write_quoted(f, value)?;
                f.write_str(")")
            }
            Filter::Any { property, test: None } => write!(f, "{}/any()", property.name),
            Filter::Any { property, test: Some(test) } => {
                write!(f, "{}/any(item: ", property.name)?;
                let is_object = property.kind == Kind::Objects;
                test.write(f, Some(if is_object { Element::Object } else { Element::Text }))?;
                f.write_str(")")
            }
        }
    }

    fn write_within(
        &self,
        f: &mut Formatter<'_>,
        element: Option<Element>,
        parentheses: bool,
    ) -> fmt::Result {
        if !parentheses {
            return self.write(f, element);
        }
        f.write_str("(")?;
        self.write(f, element)?;
        f.write_str(")")
    }
}

/// What a lambda is about.
#[derive(Clone, Copy)]
enum Element {
    Text,
    Object,
}

/// A property as a condition names it, outside a lambda or inside.
struct Named(&'static Property, Option<Element>);

impl Display for Named {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
            None => f.write_str(self.0.name),
            Some(Element::Text) => f.write_str("item"),
            Some(Element::Object) => write!(f, "item/{}", self.0.name),
        }
    }
}

/// The filter as OData; parsing it gives the same tree.
impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::String(text) => write_quoted(f, text),
            Value::Int(number) => write!(f, "{number}"),
            Value::Double(number) => write!(f, "{number}"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::DateTime(ticks) => f.write_str(&crate::datetime::format(*ticks)),
        }
    }
}

impl CompareOp {
    pub(crate) const ALL: [CompareOp; 6] =
        [CompareOp::Eq, CompareOp::Ne, CompareOp::Gt, CompareOp::Ge, CompareOp::Lt, CompareOp::Le];

    pub(crate) fn word(self) -> &'static str {
        match self {
            CompareOp::Eq => "eq",
            CompareOp::Ne => "ne",
            CompareOp::Gt => "gt",
            CompareOp::Ge => "ge",
            CompareOp::Lt => "lt",
            CompareOp::Le => "le",
        }
    }

    pub(crate) fn is_equality(self) -> bool {
        matches!(self, CompareOp::Eq | CompareOp::Ne)
    }
}

impl TextFn {
    pub(crate) const ALL: [TextFn; 3] = [TextFn::Contains, TextFn::StartsWith, TextFn::EndsWith];

    pub(crate) fn word(self) -> &'static str {
        match self {
            TextFn::Contains => "contains",
            TextFn::StartsWith => "startswith",
            TextFn::EndsWith => "endswith",
        }
    }
}

fn write_joined(
    f: &mut Formatter<'_>,
    parts: &[Filter],
    word: &str,
    element: Option<Element>,
    parentheses: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        part.write_within(f, element, parentheses(part))?;
    }
    Ok(())
}

fn write_quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "'{}'", text.replace('\'', "''"))
}
