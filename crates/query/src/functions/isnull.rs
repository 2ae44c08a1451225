//! `isnull(value)`, `isnotnull(value)`, `notnull(value)`

use model::Kind;

use super::arguments::exactly;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::typed::Typed;

pub(super) static ISNULL: Function = Function {
    name: "isnull",
    summary: "Whether a value is null. Text never is; ask isempty.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print isnull(long(null))", result: "true" },
        Example { query: r#"print isnull("")"#, result: "false" },
        Example { query: "print isnull(dynamic({}).missing)", result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(match value.kind {
            Kind::String => Typed::bool(false),
            _ => Typed::new(value.expr.is_null(), Kind::Bool),
        })
    },
};

pub(super) static ISNOTNULL: Function = Function {
    name: "isnotnull",
    summary: "Whether a value is not null. True of all text; ask isnotempty.",
    examples: &[
        Example { query: "print isnotnull(0)", result: "true" },
        Example { query: r#"print isnotnull("")"#, result: "true" },
        Example { query: "print isnotnull(guid(null))", result: "false" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(match value.kind {
            Kind::String => Typed::bool(true),
            _ => Typed::new(value.expr.is_not_null(), Kind::Bool),
        })
    },
    ..ISNULL
};

pub(super) static NOTNULL: Function =
    Function { name: "notnull", summary: "Old name of isnotnull.", ..ISNOTNULL };
