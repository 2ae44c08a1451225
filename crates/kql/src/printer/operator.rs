//! Operators as text.

use std::fmt::{self, Display, Formatter};

use super::expr::{arguments, at_level, parameter_value, table};
use super::{call_name, dotted_name, list, name, separated};
use crate::ast::{
    Call, ColumnPattern, Evaluate, Expr, ExprKind, Find, FindColumn, ForkBranch, Ident, Join, JoinCondition,
    JoinKind, Lookup, MakeSeries, MvApply, MvColumn, MvExpand, NullsOrder, Operator, OperatorKind,
    OutputSchema, Parameter, Parse, ParseKind, ParsePart, Partition, PartitionBody, Reduce, Rename,
    RenderProperty, Reorder, ReorderBy, Scan, ScanOutput, ScanStep, Search, SeriesAggregate, SortKey,
    SortOrder, TopNestedLevel, Union,
};
use crate::literals::quote;
use crate::parser::Level;

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Display for OperatorKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            OperatorKind::As(op) => write!(f, "as {}{}", settings(&op.hints), name(&op.name)),
            OperatorKind::AssertSchema(schema) => write!(f, "assert-schema {schema}"),
            OperatorKind::Consume(params) => f.write_str(format!("consume {}", settings(params)).trim_end()),
            OperatorKind::Count => f.write_str("count"),
            OperatorKind::Distinct(op) => write!(f, "distinct {}{}", settings(&op.hints), list(&op.columns)),
            OperatorKind::Evaluate(op) => op.fmt(f),
            OperatorKind::Extend(columns) => write!(f, "extend {}", list(columns)),
            OperatorKind::Facet(op) => {
                write!(f, "facet by {}", list(op.by.iter().map(name)))?;
                if op.with.is_empty() { Ok(()) } else { write!(f, " with ({})", separated(&op.with, " | ")) }
            }
            OperatorKind::Find(op) => op.fmt(f),
            OperatorKind::Fork(branches) => write!(f, "fork {}", separated(branches, " ")),
            OperatorKind::GetSchema => f.write_str("getschema"),
            OperatorKind::GraphMarkComponents(op) => op.fmt(f),
            OperatorKind::GraphMatch(op) => op.fmt(f),
            OperatorKind::GraphToTable(op) => op.fmt(f),
            OperatorKind::Invoke(call) => write!(f, "invoke {}", plugin_call(call)),
            OperatorKind::Join(op) => op.fmt(f),
            OperatorKind::Lookup(op) => op.fmt(f),
            OperatorKind::MakeGraph(op) => op.fmt(f),
            OperatorKind::MakeSeries(op) => op.fmt(f),
            OperatorKind::MvApply(op) => op.fmt(f),
            OperatorKind::MvExpand(op) => op.fmt(f),
            OperatorKind::Parse(op) => op.fmt(f),
            OperatorKind::ParseKv(op) => {
                write!(f, "parse-kv {} as ({})", op.input, list(&op.columns))?;
                if op.properties.is_empty() { Ok(()) } else { write!(f, " with ({})", list(&op.properties)) }
            }
            OperatorKind::Partition(op) => op.fmt(f),
            OperatorKind::Project(columns) if columns.is_empty() => f.write_str("project"),
            OperatorKind::Project(columns) => write!(f, "project {}", list(columns)),
            OperatorKind::ProjectAway(patterns) => write!(f, "project-away {}", list(patterns)),
            OperatorKind::ProjectByNames(names) => {
                let pattern = |expr: &Expr| match &expr.kind {
                    ExprKind::Wildcard(pattern) => pattern.clone(),
                    _ => expr.to_string(),
                };
                write!(f, "project-by-names {}", list(names.iter().map(pattern)))
            }
            OperatorKind::ProjectKeep(patterns) => write!(f, "project-keep {}", list(patterns)),
            OperatorKind::ProjectRename(renames) => write!(f, "project-rename {}", list(renames)),
            OperatorKind::ProjectReorder(columns) => write!(f, "project-reorder {}", list(columns)),
            OperatorKind::Reduce(op) => op.fmt(f),
            OperatorKind::Render(op) => {
                write!(f, "render {}", name(&op.chart))?;
                if op.properties.is_empty() {
                    return Ok(());
                }
                let property = |property: &RenderProperty| {
                    let values = list(property.values.iter().map(parameter_value));
                    format!("{} = {values}", dotted_name(&property.name))
                };
                write!(f, " with ({})", list(op.properties.iter().map(property)))
            }
            OperatorKind::Sample(count) => write!(f, "sample {count}"),
            OperatorKind::SampleDistinct(op) => write!(f, "sample-distinct {} of {}", op.count, op.of),
            OperatorKind::Scan(op) => op.fmt(f),
            OperatorKind::Search(op) => op.fmt(f),
            OperatorKind::Serialize(columns) if columns.is_empty() => f.write_str("serialize"),
            OperatorKind::Serialize(columns) => write!(f, "serialize {}", list(columns)),
            OperatorKind::Sort(keys) => write!(f, "sort by {}", list(keys)),
            OperatorKind::Summarize(op) => {
                let aggregates = list(&op.aggregates);
                write!(f, "summarize {}{aggregates}", settings(&op.hints))?;
                let blank = if aggregates.is_empty() { "" } else { " " };
                if op.by.is_empty() { Ok(()) } else { write!(f, "{blank}by {}", list(&op.by)) }
            }
            OperatorKind::Take(count) => write!(f, "take {count}"),
            OperatorKind::Top(op) => write!(f, "top {} by {}", op.count, op.by),
            OperatorKind::TopHitters(op) => {
                write!(f, "top-hitters {} of {}", op.count, op.of)?;
                op.by.as_ref().map_or(Ok(()), |by| write!(f, " by {by}"))
            }
            OperatorKind::TopNested(levels) => f.write_str(&list(levels)),
            OperatorKind::Union(op) => op.fmt(f),
            OperatorKind::Where(predicate) => write!(f, "where {predicate}"),
            OperatorKind::Unknown(word) => f.write_str(&word.name),
        }
    }
}

impl Display for Evaluate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "evaluate {}{}", settings(&self.hints), plugin_call(&self.call))?;
        self.schema.as_ref().map_or(Ok(()), |schema| write!(f, " : {schema}"))
    }
}

impl Display for OutputSchema {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let star = if self.keeps_input { vec!["*".to_string()] } else { Vec::new() };
        let columns = self.columns.iter().map(|column| column.to_string());
        write!(f, "({})", list(star.into_iter().chain(columns)))
    }
}

impl Display for ForkBranch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(ident) = &self.name {
            write!(f, "{} = ", name(ident))?;
        }
        write!(f, "({})", separated(&self.body, " | "))
    }
}

impl Display for Scan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "scan {}", settings(&self.hints))?;
        if let Some(ident) = &self.match_id {
            write!(f, "with_match_id = {} ", setting_name(ident))?;
        }
        if !self.declared.is_empty() {
            write!(f, "declare ({}) ", list(&self.declared))?;
        }
        write!(f, "with ({})", separated(&self.steps, " "))
    }
}

impl Display for ScanStep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "step {}", name(&self.name))?;
        if self.is_optional {
            f.write_str(" optional")?;
        }
        let named = ScanOutput::NAMES.iter().find(|(_, output)| *output == self.output);
        if let Some((word, _)) = named.filter(|_| self.output != ScanOutput::All) {
            write!(f, " output = {word}")?;
        }
        write!(f, ": {}", self.condition)?;
        if !self.assignments.is_empty() {
            let assignment = |rename: &Rename<Expr>| format!("{} = {}", name(&rename.new), rename.old);
            write!(f, " => {}", list(self.assignments.iter().map(assignment)))?;
        }
        f.write_str(";")
    }
}

impl Display for Join {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "join {}", join_rest(self.kind, &self.hints, &self.right, &self.on))
    }
}

impl Display for Lookup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "lookup {}", join_rest(self.kind, &self.hints, &self.right, &self.on))
    }
}

fn join_rest(kind: Option<JoinKind>, hints: &[Parameter], right: &Expr, on: &[JoinCondition]) -> String {
    let kind = kind.map_or(String::new(), |kind| format!("kind = {} ", kind.name()));
    format!("{kind}{}{} on {}", settings(hints), table(right), list(on))
}

impl Display for JoinCondition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.left == self.right {
            return f.write_str(&name(&self.left));
        }
        write!(f, "$left.{} == $right.{}", name(&self.left), name(&self.right))
    }
}

impl Display for Union {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("union ")?;
        if self.is_inner {
            f.write_str("kind = inner ")?;
        }
        if let Some(column) = &self.with_source {
            write!(f, "withsource = {} ", setting_name(column))?;
        }
        if self.is_fuzzy {
            f.write_str("isfuzzy = true ")?;
        }
        write!(f, "{}{}", settings(&self.hints), list(self.tables.iter().map(table)))
    }
}

impl Display for Search {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = if self.is_case_sensitive { "kind = case_sensitive " } else { "" };
        write!(f, "search {kind}{}{}", in_tables(&self.tables), self.predicate)
    }
}

impl Display for Find {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("find ")?;
        if let Some(column) = &self.with_source {
            write!(f, "withsource = {} ", setting_name(column))?;
        }
        write!(f, "{}{}where {}", settings(&self.hints), in_tables(&self.tables), self.predicate)?;
        let Some(columns) = &self.project else { return Ok(()) };
        let column = |column: &FindColumn| match column.ty {
            Some(ty) => format!("{}: {}", name(&column.name), ty.name()),
            None => name(&column.name),
        };
        write!(f, " project {}", list(columns.iter().map(column)))
    }
}

fn in_tables(tables: &[Expr]) -> String {
    if tables.is_empty() { String::new() } else { format!("in ({}) ", list(tables.iter().map(table))) }
}

impl Display for MakeSeries {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let aggregate = |aggregate: &SeriesAggregate| match &aggregate.default {
            Some(default) => format!("{} default = {default}", aggregate.column),
            None => aggregate.column.to_string(),
        };
        let aggregates = list(self.aggregates.iter().map(aggregate));
        write!(f, "make-series {}{aggregates} on ", settings(&self.params))?;
        if let [only] = self.axis.names.as_slice() {
            write!(f, "{} = ", name(only))?;
        }
        f.write_str(&at_level(&self.axis.expr, Level::Additive))?;
        if let Some(from) = &self.from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = &self.to {
            write!(f, " to {to}")?;
        }
        write!(f, " step {}", self.step)?;
        if self.by.is_empty() { Ok(()) } else { write!(f, " by {}", list(&self.by)) }
    }
}

impl Display for MvApply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let index = item_index(self.item_index.as_ref());
        let limit = limit(self.limit.as_ref());
        write!(f, "mv-apply {index}{}{limit} on ({})", list(&self.columns), separated(&self.body, " | "))
    }
}

impl Display for MvExpand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.is_legacy { "mvexpand" } else { "mv-expand" };
        let kind = if self.bags_as_arrays { "kind = array " } else { "" };
        let index = item_index(self.item_index.as_ref());
        write!(f, "{word} {kind}{index}{}{}", list(&self.columns), limit(self.limit.as_ref()))
    }
}

fn item_index(ident: Option<&Ident>) -> String {
    ident.map_or(String::new(), |ident| format!("with_itemindex = {} ", setting_name(ident)))
}

fn limit(limit: Option<&Expr>) -> String {
    limit.map_or(String::new(), |limit| format!(" limit {limit}"))
}

impl Display for MvColumn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.column.fmt(f)?;
        match self.ty {
            Some(ty) => write!(f, " to typeof({})", ty.name()),
            None => Ok(()),
        }
    }
}

impl Display for Parse {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.drops_unmatched { "parse-where " } else { "parse " })?;
        f.write_str(match self.kind {
            ParseKind::Simple => "",
            ParseKind::Regex => "kind = regex ",
            ParseKind::Relaxed => "kind = relaxed ",
        })?;
        if let Some(flags) = &self.flags {
            write!(f, "flags = {} ", quote(flags))?;
        }
        write!(f, "{} with {}", self.input, separated(&self.pattern, " "))
    }
}

impl Display for ParsePart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ParsePart::Any(_) => f.write_str("*"),
            ParsePart::Text { value, .. } => f.write_str(&quote(value)),
            ParsePart::Column { name: column, ty: None } => f.write_str(&name(column)),
            ParsePart::Column { name: column, ty: Some(ty) } => write!(f, "{}: {}", name(column), ty.name()),
        }
    }
}

impl Display for Partition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "partition {}by {} ", settings(&self.hints), name(&self.by))?;
        match &self.body {
            PartitionBody::Operators(operators) => write!(f, "({})", separated(operators, " | ")),
            PartitionBody::Pipeline(pipeline) => write!(f, "{{ {pipeline} }}"),
        }
    }
}

impl Display for ColumnPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_wildcard { f.write_str(&self.name.name) } else { f.write_str(&name(&self.name)) }
    }
}

impl Display for Rename {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", name(&self.new), name(&self.old))
    }
}

impl Display for Reorder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(f)?;
        match ReorderBy::NAMES.iter().find(|(_, order)| Some(*order) == self.order) {
            Some((word, _)) => write!(f, " {word}"),
            None => Ok(()),
        }
    }
}

impl Display for Reduce {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "reduce {}by {}", settings(&self.params), self.by)?;
        if self.properties.is_empty() { Ok(()) } else { write!(f, " with {}", list(&self.properties)) }
    }
}

impl Display for SortKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let nulls = match self.nulls {
            Some(NullsOrder::First) => " nulls first",
            Some(NullsOrder::Last) => " nulls last",
            None => "",
        };
        write!(f, "{}{}{nulls}", self.expr, sort_order(self.order))
    }
}

fn sort_order(order: Option<SortOrder>) -> &'static str {
    match order {
        Some(SortOrder::Asc) => " asc",
        Some(SortOrder::Desc) => " desc",
        None => "",
    }
}

impl Display for TopNestedLevel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("top-nested ")?;
        if let Some(count) = &self.count {
            write!(f, "{count} ")?;
        }
        write!(f, "of {} ", self.of)?;
        if let Some(others) = &self.others {
            write!(f, "with others = {others} ")?;
        }
        write!(f, "by {}{}", self.by, sort_order(self.order))
    }
}

/// Settings with a blank behind each.
pub(super) fn settings(settings: &[Parameter]) -> String {
    settings.iter().map(|setting| format!("{setting} ")).collect()
}

/// A name as the value of a setting. In quotes it is a name as well, whatever it looks like.
pub(super) fn setting_name(ident: &Ident) -> String {
    quote(&ident.name)
}

/// A call whose name may have dots.
fn plugin_call(call: &Call) -> String {
    let function = if call.name.name.contains('.') { dotted_name(&call.name) } else { call_name(&call.name) };
    format!("{function}({})", arguments(&call.args))
}
