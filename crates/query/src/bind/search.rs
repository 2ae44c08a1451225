//! `search` and `find`: rows of many tables that a condition fits.

use std::collections::HashSet;

use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use kql::Span;
use kql::ast::{self, BinaryOp, ExprKind, InOp, Literal};
use model::Kind;

use super::expr::Input;
use super::operator::wildcard_matches;
use super::{Bind, Binder, Stop, Value, error, kind_of};
use crate::convert;
use crate::functions;
use crate::operators;
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// The column that `search` puts in front.
const TABLE_COLUMN: &str = "$table";

impl Binder<'_> {
    /// `search` at the start of a query, or on rows when it names no tables.
    pub(super) fn search(&mut self, input: Option<Relation>, search: &ast::Search) -> Bind<Relation> {
        let legs = match input {
            Some(input) if search.tables.is_empty() => vec![("search_arg0".to_owned(), input)],
            _ => self.named_tables(&search.tables)?,
        };
        let legs = self.with_asked(legs, &search.predicate)?;
        let mut found = Vec::with_capacity(legs.len());
        let mut failed = None;
        for (name, leg) in legs {
            match self.search_condition(&search.predicate, &mut Input::of(&leg), search.is_case_sensitive) {
                Ok(condition) => found.push((name, leg.filter(condition)?)),
                // A table without a column that is asked for has no rows that fit.
                Err(Stop::Diagnostic(diagnostic)) => failed = failed.or(Some(diagnostic)),
                Err(stop) => return Err(stop),
            }
        }
        match failed {
            Some(diagnostic) if found.is_empty() => return Err(Stop::Diagnostic(diagnostic)),
            _ => {}
        }
        let mut columns: Vec<(String, Kind)> = Vec::new();
        for field in found.iter().flat_map(|(_, leg)| &leg.fields) {
            if !columns.iter().any(|(name, _)| *name == field.name) {
                columns.push((field.name.clone(), field.kind));
            }
        }
        let project = |name: &str, leg: &Relation| {
            let mut projected = vec![(TABLE_COLUMN.to_owned(), Typed::text(name))];
            projected.extend(columns.iter().map(|(name, kind)| {
                let typed = match leg.field(name) {
                    Some(field) if field.kind == *kind => field.typed(),
                    Some(field) => convert::to_kind(field.typed(), *kind),
                    None => Typed::absent(*kind),
                };
                (name.clone(), typed)
            }));
            projected
        };
        let legs = found.into_iter().map(|(name, leg)| {
            let columns = project(&name, &leg);
            (leg, columns)
        });
        self.all_of(legs.collect(), search.span)
    }

    pub(super) fn find(&mut self, find: &ast::Find) -> Bind<Relation> {
        let legs = self.named_tables(&find.tables)?;
        let source = find.with_source.as_ref().map_or("source_", |ident| ident.name.as_str());
        let legs = self.with_asked(legs, &find.predicate)?;
        let mut asked = Vec::new();
        columns_of(&find.predicate, &mut asked);
        let mut found = Vec::with_capacity(legs.len());
        let mut failed = None;
        for (name, leg) in legs {
            match self.search_condition(&find.predicate, &mut Input::of(&leg), false) {
                Ok(condition) => found.push((name, leg.filter(condition)?)),
                Err(Stop::Diagnostic(diagnostic)) => failed = failed.or(Some(diagnostic)),
                Err(stop) => return Err(stop),
            }
        }
        match failed {
            Some(diagnostic) if found.is_empty() => return Err(Stop::Diagnostic(diagnostic)),
            _ => {}
        }
        let columns = find_columns(find.project.as_deref(), &asked, &found);
        let mut legs = Vec::with_capacity(found.len());
        for (name, leg) in found {
            let mut projected = vec![(source.to_owned(), Typed::text(&name))];
            let mut shown = HashSet::new();
            for column in &columns {
                let field = leg.field(&column.name);
                let typed = match field {
                    Some(field) if field.kind == column.kind => field.typed(),
                    Some(field) => convert::to_kind(field.typed(), column.kind),
                    None => Typed::absent(column.kind),
                };
                shown.extend(field.map(|field| field.name.clone()));
                projected.push((column.shown.clone(), typed));
            }
            if find.project.is_none() {
                let rest = leg.fields.iter().filter(|field| !shown.contains(&field.name));
                let pairs = rest.flat_map(|field| [Typed::text(&field.name), field.typed()]);
                projected.push(("pack_".to_owned(), self.bag(pairs.collect(), find.span)?));
            }
            legs.push((leg, projected));
        }
        self.all_of(legs, find.span)
    }

    /// A table without a column that the condition asks for, and that another one has, has it without values.
    fn with_asked(
        &mut self,
        legs: Vec<(String, Relation)>,
        predicate: &ast::Expr,
    ) -> Bind<Vec<(String, Relation)>> {
        let mut asked = Vec::new();
        columns_of(predicate, &mut asked);
        let kinds: Vec<(String, Kind)> = asked
            .into_iter()
            .filter_map(|name| {
                let kind = legs.iter().find_map(|(_, leg)| Some(leg.field(&name)?.kind))?;
                Some((name, kind))
            })
            .collect();
        let with_asked = |(name, leg): (String, Relation)| {
            let missing: Vec<_> =
                kinds.iter().filter(|(name, _)| leg.field(name).is_none()).cloned().collect();
            if missing.is_empty() {
                return Ok((name, leg));
            }
            let mut columns = leg.columns();
            columns.extend(missing.iter().map(|(name, kind)| (name.clone(), Typed::absent(*kind))));
            let mut leg = leg.project(&mut self.names, columns)?;
            let is_missing = |field: &mut Field| missing.iter().any(|(name, _)| *name == field.name);
            let added: Vec<Field> = leg.fields.extract_if(.., is_missing).collect();
            leg.hidden.extend(added);
            Ok((name, leg))
        };
        legs.into_iter().map(with_asked).collect()
    }

    /// A bag of names and values.
    pub(super) fn bag(&mut self, pairs: Vec<Typed>, span: Span) -> Bind<Typed> {
        if pairs.is_empty() {
            return Ok(Typed::value(
                datafusion::common::ScalarValue::Utf8View(Some("{}".to_owned())),
                Kind::Dynamic,
            ));
        }
        let Some(pack) = functions::find("bag_pack") else { return error(span, "bags cannot be made") };
        let packed = (pack.lower)(self.context, pairs);
        self.at(span, packed)
    }

    /// The tables that names and patterns mean; all when there are none.
    fn named_tables(&mut self, tables: &[ast::Expr]) -> Bind<Vec<(String, Relation)>> {
        let every = [ast::Expr { kind: ExprKind::Wildcard("*".to_owned()), span: Span { start: 0, end: 0 } }];
        let tables = if tables.is_empty() { &every } else { tables };
        let mut legs = Vec::new();
        for table in tables {
            match &table.kind {
                ExprKind::Wildcard(pattern) => {
                    for declared in self.tables.declared().to_vec() {
                        if wildcard_matches(pattern, declared.name) {
                            self.step(table.span)?;
                            legs.push((declared.name.to_owned(), self.scan(declared)?));
                        }
                    }
                    for ident in self.views(pattern, table.span) {
                        legs.push((ident.name.clone(), self.table_name(&ident)?));
                    }
                }
                ExprKind::Name(ident) => legs.push((ident.name.clone(), self.table_expr(table)?)),
                _ => legs.push((format!("union_arg{}", legs.len()), self.table_expr(table)?)),
            }
        }
        Ok(legs)
    }

    /// The views of the query itself whose names fit a pattern.
    pub(super) fn views(&self, pattern: &str, span: Span) -> Vec<ast::Ident> {
        let scope = self.scope.clone();
        let is_view = |name: &&str| {
            let view = scope.get(name);
            matches!(view, Some(Value::Function(closure)) if closure.function.is_view)
                && wildcard_matches(pattern, name)
        };
        let mut names: Vec<&str> = scope.names().filter(is_view).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| ast::Ident { name: name.to_owned(), span }).collect()
    }

    /// The rows of all legs, each with the same columns.
    fn all_of(&mut self, legs: Vec<(Relation, Vec<(String, Typed)>)>, span: Span) -> Bind<Relation> {
        let mut all: Option<(LogicalPlanBuilder, Relation)> = None;
        for (leg, columns) in self.with_rows(legs, |(leg, _)| &leg.plan) {
            let leg = Relation { hidden: Vec::new(), ..leg }.project(&mut self.names, columns)?;
            all = Some(match all {
                None => (LogicalPlanBuilder::from(leg.plan.clone()), leg),
                Some((builder, first)) => (builder.union(leg.plan)?, first),
            });
        }
        match all {
            Some((builder, first)) => Ok(Relation { plan: builder.build()?, ..first }),
            None => error(span, "there is no table to look into"),
        }
    }

    /// A condition where a text alone is a term in any column, and `column : "text"` one in that column.
    fn search_condition(&mut self, expr: &ast::Expr, input: &mut Input, cased: bool) -> Bind<Expr> {
        match &expr.kind {
            ExprKind::Star => Ok(lit(true)),
            ExprKind::And(parts) => self.search_conditions(parts, input, cased, Expr::and),
            ExprKind::Or(parts) => self.search_conditions(parts, input, cased, Expr::or),
            ExprKind::Call(call) if call.name.name == "not" && call.args.len() == 1 => {
                let inner = self.search_condition(&call.args[0].value, input, cased)?;
                Ok(Expr::Not(Box::new(inner)))
            }
            ExprKind::Literal(Literal::String { value, .. }) => {
                let columns = input.fields.iter().filter(|field| is_searched(field.kind));
                let columns: Vec<Typed> = columns.map(|field| field.typed()).collect();
                let terms = columns.into_iter().map(|column| self.at(expr.span, term(column, value, cased)));
                let terms = terms.collect::<Bind<Vec<_>>>()?;
                Ok(if terms.is_empty() { lit(false) } else { operators::balanced(terms, Expr::or) })
            }
            ExprKind::Binary { op: BinaryOp::SearchTerm, left, right } => {
                let wanted = convert::to_text(self.constant(right)?);
                let Some(text) = crate::constant::fold(wanted)?.literal_text().map(str::to_owned) else {
                    return error(right.span, "':' takes a constant");
                };
                if left.kind == ExprKind::Star {
                    let literal = Literal::String { value: text, is_obfuscated: false };
                    let literal = ast::Expr { kind: ExprKind::Literal(literal), span: right.span };
                    return self.search_condition(&literal, input, cased);
                }
                let column = self.expr(left, input)?;
                if is_searched(column.kind) {
                    return self.at(expr.span, term(column, &text, cased));
                }
                Ok(convert::to_text(column).expr.eq(Typed::text(text).expr))
            }
            _ => self.predicate(expr, input),
        }
    }

    fn search_conditions(
        &mut self,
        parts: &[ast::Expr],
        input: &mut Input,
        cased: bool,
        join: fn(Expr, Expr) -> Expr,
    ) -> Bind<Expr> {
        let parts = parts.iter().map(|part| self.search_condition(part, input, cased));
        Ok(operators::balanced(parts.collect::<Bind<Vec<_>>>()?, join))
    }
}

/// Kinds whose text is searched for terms.
fn is_searched(kind: Kind) -> bool {
    matches!(kind, Kind::String | Kind::Dynamic | Kind::Guid)
}

/// Whether a column has a term; stars in it stand for any text.
fn term(column: Typed, text: &str, cased: bool) -> Result<Expr, String> {
    let column = convert::to_text(column);
    let (rest, after) = text.strip_suffix('*').map_or((text, false), |rest| (rest, true));
    let (needle, before) = rest.strip_prefix('*').map_or((rest, false), |rest| (rest, true));
    if needle.is_empty() {
        return Ok(lit(true));
    }
    if needle.contains('*') {
        let parts: Vec<String> = needle.split('*').map(regex::escape).collect();
        let edge = |open: bool| if open { "" } else { r"\b" };
        let case = if cased { "(?s)" } else { "(?si)" };
        let pattern = format!("{case}{}{}{}", edge(before), parts.join(".*"), edge(after));
        return Ok(operators::binary(BinaryOp::MatchesRegex, column, Typed::text(pattern))?.expr);
    }
    let op = match (before, after, cased) {
        (false, false, false) => BinaryOp::Has,
        (false, false, true) => BinaryOp::HasCs,
        (false, true, false) => BinaryOp::HasPrefix,
        (false, true, true) => BinaryOp::HasPrefixCs,
        (true, false, false) => BinaryOp::HasSuffix,
        (true, false, true) => BinaryOp::HasSuffixCs,
        (true, true, false) => BinaryOp::Contains,
        (true, true, true) => BinaryOp::ContainsCs,
    };
    Ok(operators::binary(op, column, Typed::text(needle))?.expr)
}

/// A column of the result of `find`.
struct FindColumn {
    name: String,
    kind: Kind,
    /// With the kind behind the name where there are two of that name.
    shown: String,
}

fn find_columns(
    project: Option<&[ast::FindColumn]>,
    asked: &[String],
    found: &[(String, Relation)],
) -> Vec<FindColumn> {
    let first_kind = |name: &str| found.iter().find_map(|(_, leg)| Some(leg.field(name)?.kind));
    let mut columns: Vec<(String, Kind)> = Vec::new();
    match project {
        Some(project) => columns.extend(project.iter().filter_map(|column| {
            let name = &column.name.name;
            Some((name.clone(), column.ty.map(kind_of).or_else(|| first_kind(name))?))
        })),
        None => {
            // What all tables have; what they have of different kinds is dynamic.
            let candidates = found.first().map_or(&[][..], |(_, leg)| &leg.fields);
            for field in candidates {
                let others: Option<Vec<Kind>> =
                    found.iter().map(|(_, leg)| Some(leg.field(&field.name)?.kind)).collect();
                let Some(kinds) = others else { continue };
                let same = kinds.iter().all(|kind| *kind == field.kind);
                columns.push((field.name.clone(), if same { field.kind } else { Kind::Dynamic }));
            }
            for name in asked {
                let Some(kind) = first_kind(name) else { continue };
                let column = (name.clone(), kind);
                if columns.contains(&column) {
                    continue;
                }
                // Columns of one name stand together.
                match columns.iter().rposition(|(other, _)| other == name) {
                    Some(at) => columns.insert(at + 1, column),
                    None => columns.push(column),
                }
            }
        }
    }
    let named = |name: &str| columns.iter().filter(|(other, _)| other == name).count();
    let shown = |(name, kind): &(String, Kind)| match named(name) {
        1 => name.clone(),
        _ => format!("{name}_{}", kind.name()),
    };
    columns
        .iter()
        .map(|column| FindColumn { name: column.0.clone(), kind: column.1, shown: shown(column) })
        .collect()
}

/// The names in a condition, each once.
fn columns_of(expr: &ast::Expr, names: &mut Vec<String>) {
    match &expr.kind {
        ExprKind::Name(ident) if !names.contains(&ident.name) => names.push(ident.name.clone()),
        ExprKind::Path { base, .. } => columns_of(base, names),
        ExprKind::Index { base, index } => {
            columns_of(base, names);
            columns_of(index, names);
        }
        ExprKind::Call(call) => call.args.iter().for_each(|arg| columns_of(&arg.value, names)),
        ExprKind::Unary { operand, .. } => columns_of(operand, names),
        ExprKind::Binary { left, right, .. } => {
            columns_of(left, names);
            columns_of(right, names);
        }
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().for_each(|part| columns_of(part, names)),
        ExprKind::In { left, list, op } => {
            columns_of(left, names);
            if matches!(op, InOp::In | InOp::NotIn | InOp::InNoCase | InOp::NotInNoCase) {
                list.iter().for_each(|item| columns_of(item, names));
            }
        }
        ExprKind::Between { expr, low, high, .. } => {
            [expr, low, high].into_iter().for_each(|part| columns_of(part, names));
        }
        _ => {}
    }
}
