//! Trees back to text. What is printed parses to the same tree again, spans aside; a tree with
//! errors prints `?` where something is missing.

mod expr;
mod graph;
mod operator;

use std::fmt::{self, Display, Formatter};

use crate::ast::{
    Column, ColumnDecl, DataTable, ExternalData, Function, Ident, LetValue, Param, ParamKind, Parameter,
    Pipeline, Query, Source, Statement,
};
use crate::literals::quote;
use expr::parameter_value;

/// Words that are printed in brackets where they are names, because they mean something else at
/// some place where a name may stand.
const KEYWORDS: &[&str] = &[
    "alias",
    "and",
    "as",
    "asc",
    "bagexpansion",
    "between",
    "by",
    "contains",
    "datascope",
    "datatable",
    "declare",
    "default",
    "desc",
    "dynamic",
    "endswith",
    "external_data",
    "externaldata",
    "False",
    "FALSE",
    "false",
    "find",
    "flags",
    "from",
    "has",
    "has_all",
    "has_any",
    "hint",
    "in",
    "isfuzzy",
    "kind",
    "let",
    "limit",
    "matches",
    "nulls",
    "of",
    "on",
    "or",
    "print",
    "project",
    "range",
    "restrict",
    "search",
    "set",
    "startswith",
    "step",
    "string",
    "to",
    "True",
    "TRUE",
    "true",
    "typeof",
    "union",
    "view",
    "where",
    "with",
    "with_itemindex",
    "with_source",
    "withsource",
];

/// Words that need brackets as the name of a call.
const CALL_KEYWORDS: &[&str] = &[
    "and",
    "between",
    "bool",
    "boolean",
    "by",
    "contains",
    "datatable",
    "date",
    "datetime",
    "decimal",
    "double",
    "dynamic",
    "endswith",
    "external_data",
    "externaldata",
    "guid",
    "has",
    "has_all",
    "has_any",
    "in",
    "int",
    "long",
    "matches",
    "or",
    "print",
    "real",
    "search",
    "startswith",
    "string",
    "time",
    "timespan",
    "typeof",
    "union",
    "uniqueid",
    "uuid",
    "view",
];

/// The canonical text of a query.
pub fn print(query: &Query) -> String {
    query.to_string()
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, statement) in self.statements.iter().enumerate() {
            let before = if i == 0 { "" } else { ";\n" };
            write!(f, "{before}{}", Printed(statement, "\n"))?;
        }
        Ok(())
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Printed(self, " ").fmt(f)
    }
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Printed(self, " ").fmt(f)
    }
}

/// Something with pipelines in it, and what to put between their operators.
struct Printed<'a, T>(&'a T, &'static str);

impl Display for Printed<'_, Statement> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Statement::Let(statement) => {
                write!(f, "let {} = ", name(&statement.name))?;
                match &statement.value {
                    LetValue::Pipeline(pipeline) => Printed(pipeline, self.1).fmt(f),
                    LetValue::Function(function) => function.fmt(f),
                }
            }
            Statement::Set(statement) => {
                write!(f, "set {}", name(&statement.name))?;
                match &statement.value {
                    Some(value) => write!(f, " = {}", parameter_value(value)),
                    None => Ok(()),
                }
            }
            Statement::Parameters(statement) => {
                write!(f, "declare query_parameters({})", list(&statement.params))
            }
            Statement::Alias(statement) => {
                write!(f, "alias database {} = {}", name(&statement.name), statement.value)
            }
            Statement::Expression(pipeline) => Printed(pipeline, self.1).fmt(f),
        }
    }
}

impl Display for Printed<'_, Pipeline> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Printed(pipeline, between) = self;
        pipeline.source.fmt(f)?;
        for operator in &pipeline.operators {
            write!(f, "{between}| {operator}")?;
        }
        Ok(())
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let view = if self.is_view { "view " } else { "" };
        write!(f, "{view}({}) {{ {} }}", list(&self.params), separated(&self.body, "; "))
    }
}

impl Display for Param {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", name(&self.name))?;
        match &self.kind {
            ParamKind::Scalar { ty, default: None } => f.write_str(ty.name()),
            ParamKind::Scalar { ty, default: Some(default) } => write!(f, "{} = {default}", ty.name()),
            ParamKind::Table { columns: None } => f.write_str("(*)"),
            ParamKind::Table { columns: Some(columns) } => write!(f, "({})", list(columns)),
        }
    }
}

impl Display for ColumnDecl {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", name(&self.name), self.ty.name())
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Source::Expr(expr) => expr.fmt(f),
            Source::Print(print) => write!(f, "print {}", list(&print.columns)),
            Source::Range(range) => {
                write!(
                    f,
                    "range {} from {} to {} step {}",
                    name(&range.name),
                    range.from,
                    range.to,
                    range.step
                )
            }
            Source::DataTable(table) => table.fmt(f),
            Source::ExternalData(data) => data.fmt(f),
            Source::Union(union) => union.fmt(f),
            Source::Search(search) => search.fmt(f),
            Source::Find(find) => find.fmt(f),
            Source::Missing => f.write_str("?"),
        }
    }
}

impl Display for DataTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "datatable({}) [{}]", list(&self.columns), list(&self.values))
    }
}

impl Display for ExternalData {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "externaldata({}) [{}]", list(&self.columns), list(&self.uris))?;
        if self.properties.is_empty() {
            return Ok(());
        }
        write!(f, " with ({})", list(&self.properties))
    }
}

impl Display for Column {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.names.as_slice() {
            [] => {}
            [only] => write!(f, "{} = ", name(only))?,
            names => write!(f, "({}) = ", list(names.iter().map(name)))?,
        }
        self.expr.fmt(f)
    }
}

impl Display for Parameter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", dotted_name(&self.name), parameter_value(&self.value))
    }
}

/// A name, in brackets if it needs them.
fn name(ident: &Ident) -> String {
    bracketed_if(&ident.name, !is_plain(&ident.name) || KEYWORDS.contains(&ident.name.as_str()))
}

/// The name of a function that is called.
fn call_name(ident: &Ident) -> String {
    bracketed_if(&ident.name, !is_plain(&ident.name) || CALL_KEYWORDS.contains(&ident.name.as_str()))
}

/// A name whose dots are part of it.
fn dotted_name(ident: &Ident) -> String {
    bracketed_if(&ident.name, !ident.name.split('.').all(is_plain))
}

fn bracketed_if(name: &str, needs_brackets: bool) -> String {
    if needs_brackets { format!("[{}]", quote(name)) } else { name.to_string() }
}

fn is_plain(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut chars = name.chars();
    chars.next().is_some_and(is_letter) && chars.all(is_part)
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    separated(items, ", ")
}

fn separated<T: Display>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    texts.join(separator)
}
