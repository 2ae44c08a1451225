//! Tabular operators on one input.

use std::cmp::Ordering;

use kql::Span;
use kql::ast::{self, ExprKind, NullsOrder, OperatorKind, SortOrder};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, Value, error, naming, unknown};
use crate::relation::{Field, Relation};
use crate::typed::Typed;

impl Binder<'_> {
    pub(super) fn operator(&mut self, input: Relation, operator: &ast::Operator) -> Bind<Relation> {
        let span = operator.span;
        match &operator.kind {
            OperatorKind::Where(predicate) => {
                let condition = self.predicate(predicate, &mut Input::of(&input))?;
                Ok(self.windowed(input)?.filter(condition)?)
            }
            OperatorKind::Project(columns) => self.project(input, columns, "project"),
            OperatorKind::Extend(columns) => self.extend(input, columns),
            OperatorKind::Serialize(columns) => {
                let input = self.serialized(input)?;
                self.extend(input, columns)
            }
            OperatorKind::ProjectAway(patterns) => self.project_away(input, patterns),
            OperatorKind::ProjectKeep(patterns) => self.project_keep(input, patterns),
            OperatorKind::ProjectRename(renames) => self.project_rename(input, renames),
            OperatorKind::ProjectReorder(reorders) => self.project_reorder(input, reorders),
            OperatorKind::Summarize(summarize) => self.summarize(input, summarize, span),
            OperatorKind::Distinct(distinct) => self.distinct(input, &distinct.columns),
            OperatorKind::Count => self.count(input),
            OperatorKind::Take(count) => {
                let count = self.constant_count(count, "take")?;
                self.first_rows(input, Vec::new(), count)
            }
            OperatorKind::Sample(count) => {
                let count = self.constant_count(count, "sample")?;
                self.sample(input, count)
            }
            OperatorKind::Sort(keys) => self.sort(input, keys, None),
            OperatorKind::Top(top) => {
                let count = self.constant_count(&top.count, "top")?;
                self.sort(input, std::slice::from_ref(&top.by), Some(count))
            }
            OperatorKind::Lookup(lookup) => self.lookup(input, lookup, span),
            OperatorKind::MvExpand(expand) => self.mv_expand(input, expand),
            OperatorKind::MvApply(apply) => self.mv_apply(input, apply, span),
            OperatorKind::Parse(parse) => self.parse(input, parse, span),
            OperatorKind::ParseKv(parse) => self.parse_kv(input, parse),
            OperatorKind::Partition(partition) => self.partition(input, partition, span),
            OperatorKind::GetSchema => self.get_schema(&input),
            OperatorKind::AssertSchema(schema) => self.assert_schema(input, schema, span),
            OperatorKind::ProjectByNames(names) => self.project_by_names(input, names),
            OperatorKind::SampleDistinct(sample) => self.sample_distinct(input, sample),
            OperatorKind::TopHitters(top) => self.top_hitters(input, top),
            OperatorKind::TopNested(levels) => self.top_nested(input, levels, span),
            OperatorKind::Search(search) => self.search(Some(input), search),
            OperatorKind::Find(find) => error(find.span, "'find' operator: begins a query and takes no rows"),
            OperatorKind::MakeGraph(make) => self.make_graph(input, make, span),
            OperatorKind::GraphMatch(find) => self.graph_match(input, find, span),
            OperatorKind::GraphMarkComponents(mark) => self.graph_mark_components(input, mark, span),
            OperatorKind::GraphToTable(to) => self.graph_to_table(input, to, span),
            OperatorKind::Evaluate(evaluate) => self.evaluate(input, evaluate, span),
            OperatorKind::MakeSeries(series) => self.make_series(input, series, span),
            OperatorKind::Fork(branches) => self.fork(input, branches, span),
            OperatorKind::Scan(scan) => self.scan_steps(input, scan, span),
            OperatorKind::Facet(facet) => self.facet(input, facet, span),
            OperatorKind::Consume(_) => self.consume(input),
            OperatorKind::Join(join) => self.join(input, join, None, span),
            OperatorKind::Union(union) => self.union(Some(input), union),
            OperatorKind::As(name) => {
                self.scope = self.scope.with(&name.name.name, Value::Rows(std::rc::Rc::new(input.clone())));
                Ok(input)
            }
            // How a portal draws the rows; they stay as they are.
            OperatorKind::Render(_) => Ok(input),
            OperatorKind::Reduce(reduce) => self.reduce(input, reduce),
            OperatorKind::Invoke(call) => self.invoke(input, call, span),
            OperatorKind::Unknown(name) => {
                error(name.span, format!("'{}' operator: is not supported", name.name))
            }
        }
    }

    pub(super) fn project(
        &mut self,
        input: Relation,
        columns: &[ast::Column],
        operator: &str,
    ) -> Bind<Relation> {
        let mut projected: Vec<(String, Typed)> = Vec::new();
        let mut taken: Vec<String> = Vec::new();
        let mut numbered = 0;
        for column in columns {
            if let Some(several) = self.several_columns(column, &input)? {
                projected.extend(
                    several.into_iter().map(|(name, typed)| (naming::unique(name, &mut taken), typed)),
                );
                continue;
            }
            let typed = self.expr_of(operator, &column.expr, &mut Input::of(&input));
            let typed = typed.inspect_err(|_| self.note_rest(operator, column, columns, &input))?;
            let name = match column.names.as_slice() {
                [] => match naming::name_of(&column.expr) {
                    Some(name) => naming::unique(name, &mut taken),
                    None => {
                        numbered += 1;
                        naming::unique(format!("Column{numbered}"), &mut taken)
                    }
                },
                [ident] if taken.contains(&ident.name) => {
                    return error(
                        ident.span,
                        format!("'{operator}' operator: column '{}' is given twice", ident.name),
                    );
                }
                [ident] => {
                    taken.push(ident.name.clone());
                    ident.name.clone()
                }
                _ => return error(column.span, "several names for one expression are not supported yet"),
            };
            projected.push((name, typed));
        }
        Ok(self.windowed(input)?.project(&mut self.names, projected)?)
    }

    /// Notes what is wrong with the columns behind one that something is wrong with.
    fn note_rest(&mut self, operator: &str, wrong: &ast::Column, columns: &[ast::Column], input: &Relation) {
        for column in columns.iter().filter(|column| column.span.start > wrong.span.start) {
            let other = self.expr_of(operator, &column.expr, &mut Input::of(input));
            self.note(other);
        }
    }

    /// An expression, with the operator's name in front of what is wrong with it.
    pub(super) fn expr_of(&mut self, operator: &str, expr: &ast::Expr, input: &mut Input) -> Bind<Typed> {
        self.expr(expr, input).map_err(|stop| match stop {
            super::Stop::Diagnostic(mut diagnostic) if !diagnostic.message.contains(" operator: ") => {
                diagnostic.message = format!("'{operator}' operator: {}", diagnostic.message);
                super::Stop::Diagnostic(diagnostic)
            }
            other => other,
        })
    }

    /// Every expression reads the operator's input; a present name keeps its place, new ones go last.
    fn extend(&mut self, input: Relation, columns: &[ast::Column]) -> Bind<Relation> {
        if columns.is_empty() {
            return Ok(input);
        }
        let mut result = input.columns();
        let mut numbered = 0;
        for column in columns {
            if let Some(several) = self.several_columns(column, &input)? {
                for (name, typed) in several {
                    match result.iter_mut().find(|(present, _)| *present == name) {
                        Some(present) => present.1 = typed,
                        None => result.push((name, typed)),
                    }
                }
                continue;
            }
            let typed = self.expr_of("extend", &column.expr, &mut Input::of(&input));
            let typed = typed.inspect_err(|_| self.note_rest("extend", column, columns, &input))?;
            let name = match column.names.as_slice() {
                [] => naming::name_of(&column.expr).unwrap_or_else(|| {
                    numbered += 1;
                    format!("Column{numbered}")
                }),
                [ident] => ident.name.clone(),
                _ => return error(column.span, "several names for one expression are not supported yet"),
            };
            match result.iter_mut().find(|(present, _)| *present == name) {
                Some(present) => present.1 = typed,
                None => result.push((name, typed)),
            }
        }
        Ok(self.windowed(input)?.project(&mut self.names, result)?)
    }

    fn project_away(&mut self, input: Relation, patterns: &[ast::ColumnPattern]) -> Bind<Relation> {
        let away = self.matching(&input, patterns, "project-away")?;
        let kept = input.columns().into_iter().filter(|(name, _)| !away.contains(name)).collect();
        Ok(input.project(&mut self.names, kept)?)
    }

    fn project_keep(&mut self, input: Relation, patterns: &[ast::ColumnPattern]) -> Bind<Relation> {
        let keep = self.matching(&input, patterns, "project-keep")?;
        let kept = input.columns().into_iter().filter(|(name, _)| keep.contains(name)).collect();
        Ok(input.project(&mut self.names, kept)?)
    }

    fn matching(
        &self,
        input: &Relation,
        patterns: &[ast::ColumnPattern],
        operator: &str,
    ) -> Bind<Vec<String>> {
        let mut names = Vec::new();
        for pattern in patterns {
            if pattern.is_wildcard {
                let fits = |field: &&Field| wildcard_matches(&pattern.name.name, &field.name);
                names.extend(input.fields.iter().filter(fits).map(|field| field.name.clone()));
            } else {
                names.push(self.column(input, &pattern.name, operator)?.name.clone());
            }
        }
        Ok(names)
    }

    /// A column that must be there.
    pub(super) fn column<'r>(
        &self,
        input: &'r Relation,
        ident: &ast::Ident,
        operator: &str,
    ) -> Bind<&'r Field> {
        match Input::of(input).field(&ident.name) {
            Some(field) => Ok(field),
            None => {
                let message =
                    format!("'{operator}' operator: Failed to resolve column named '{}'", ident.name);
                unknown(
                    ident.span,
                    message,
                    &ident.name,
                    input.fields.iter().map(|field| field.name.as_str()),
                )
            }
        }
    }

    fn project_rename(&mut self, input: Relation, renames: &[ast::Rename]) -> Bind<Relation> {
        let mut fields = input.fields.clone();
        for rename in renames {
            let old = self.column(&input, &rename.old, "project-rename")?.name.clone();
            if input.field(&rename.new.name).is_some() {
                let message =
                    format!("'project-rename' operator: column '{}' is there already", rename.new.name);
                return error(rename.new.span, message);
            }
            if let Some(field) = fields.iter_mut().find(|field| field.name == old) {
                field.name = rename.new.name.clone();
            }
        }
        Ok(Relation { fields, ..input })
    }

    fn project_reorder(&mut self, input: Relation, reorders: &[ast::Reorder]) -> Bind<Relation> {
        let mut rest = input.fields.clone();
        let mut fields: Vec<Field> = Vec::with_capacity(rest.len());
        for reorder in reorders {
            let pattern = &reorder.pattern.name;
            if !reorder.pattern.is_wildcard {
                if fields.iter().any(|field| field.name == pattern.name) {
                    let message =
                        format!("'project-reorder' operator: column '{}' is given twice", pattern.name);
                    return error(pattern.span, message);
                }
                if !self.is_open {
                    self.column(&input, pattern, "project-reorder")?;
                }
            }
            let fits = |field: &mut Field| match reorder.pattern.is_wildcard {
                true => wildcard_matches(&pattern.name, &field.name),
                false => field.name == pattern.name,
            };
            let mut matched: Vec<Field> = rest.extract_if(.., fits).collect();
            match reorder.order {
                Some(ast::ReorderBy::Asc) => matched.sort_by(|a, b| a.name.cmp(&b.name)),
                Some(ast::ReorderBy::Desc) => matched.sort_by(|a, b| b.name.cmp(&a.name)),
                Some(ast::ReorderBy::GrannyAsc) => matched.sort_by(|a, b| by_numbers(&a.name, &b.name)),
                Some(ast::ReorderBy::GrannyDesc) => matched.sort_by(|a, b| by_numbers(&b.name, &a.name)),
                None => {}
            }
            fields.append(&mut matched);
        }
        fields.append(&mut rest);
        Ok(Relation { fields, ..input })
    }

    pub(super) fn distinct(&mut self, input: Relation, columns: &[ast::Column]) -> Bind<Relation> {
        let input = Relation { hidden: input.unseen(), ..input };
        let relation = match columns {
            [column] if column.expr.kind == ExprKind::Star => {
                let all = input.columns();
                input.project(&mut self.names, all)?
            }
            columns => self.project(input, columns, "distinct")?,
        };
        if let Some(field) = relation.fields.iter().find(|field| field.kind == Kind::Dynamic) {
            let at = columns.first().map_or(Span { start: 0, end: 0 }, |column| column.span);
            let message =
                format!("'distinct' operator: '{}' is dynamic; convert it with tostring() first", field.name);
            return error(at, message);
        }
        let columns = relation.columns();
        self.aggregated(relation, columns, Vec::new(), Vec::new())
    }

    pub(super) fn count(&mut self, input: Relation) -> Bind<Relation> {
        let field = self.names.next();
        let count = datafusion::functions_aggregate::expr_fn::count(datafusion::logical_expr::lit(1i64));
        let counted = vec![("Count".to_owned(), Typed::column(&field, Kind::Long))];
        self.aggregated(input, Vec::new(), vec![(count, field)], counted)
    }

    fn sort(&mut self, input: Relation, keys: &[ast::SortKey], limit: Option<usize>) -> Bind<Relation> {
        let mut sorts = Vec::with_capacity(keys.len());
        for key in keys {
            let typed = self.expr_of("sort", &key.expr, &mut Input::of(&input))?;
            if typed.kind == Kind::Dynamic {
                return error(
                    key.expr.span,
                    "'sort' operator: cannot sort by a dynamic value; convert it first",
                );
            }
            let ascending = key.order == Some(SortOrder::Asc);
            let nulls_first = match key.nulls {
                Some(order) => order == NullsOrder::First,
                None => ascending,
            };
            sorts.push(typed.expr.sort(ascending, nulls_first));
        }
        match limit {
            Some(count) => self.first_rows(input, sorts, count),
            None => {
                let plan = input.builder().sort_with_limit(sorts, None)?.build()?;
                Ok(Relation { plan, ..input })
            }
        }
    }

    /// `T | invoke f(args)`: the rows become the first argument.
    fn invoke(&mut self, input: Relation, call: &ast::Call, span: Span) -> Bind<Relation> {
        let name = call.name.name.as_str();
        if name == "FileProfile" && self.scope.get(name).is_none() {
            return self.file_profile(input, call, span);
        }
        if super::devices::is_of_devices(name) && self.scope.get(name).is_none() {
            return self.device_rows(input, call, span);
        }
        let Some(Value::Function(closure)) = self.scope.get(name).cloned() else {
            return error(
                call.name.span,
                format!("'invoke' operator: function '{name}' is not supported yet"),
            );
        };
        let Some(first) = closure.function.params.first().map(|param| param.name.clone()) else {
            return error(span, format!("'invoke' operator: function '{name}' takes no table"));
        };
        // A name that no query can write stands for the rows while the arguments are bound.
        let rows = "\u{0}rows";
        let outer = self.scope.clone();
        self.scope = outer.with(rows, Value::Rows(std::rc::Rc::new(input)));
        let ident = ast::Ident { name: rows.to_owned(), span };
        let value = ast::Expr { kind: ExprKind::Name(ident), span };
        let mut args = vec![ast::Arg { name: None, value }];
        args.extend(call.args.iter().cloned());
        let result = self.table_function(&closure, name, &args, first.span);
        self.scope = outer;
        result
    }
}

/// `*` stands for any number of characters.
pub(super) fn wildcard_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Orders names with the numbers in them by value: `a2` before `a10`.
fn by_numbers(a: &str, b: &str) -> Ordering {
    fn key(name: &str) -> Vec<(u8, u128, String)> {
        let mut parts: Vec<(u8, u128, String)> = Vec::new();
        for c in name.chars() {
            match (c.to_digit(10), parts.last_mut()) {
                (Some(digit), Some((1, number, _))) => {
                    *number = number.saturating_mul(10).saturating_add(digit.into())
                }
                (Some(digit), _) => parts.push((1, digit.into(), String::new())),
                (None, Some((0, _, text))) => text.push(c),
                (None, _) => parts.push((0, 0, c.to_string())),
            }
        }
        parts
    }
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("Device*", "DeviceId", true),
            ("*Id", "DeviceId", true),
            ("*v*e*", "DeviceId", true),
            ("Device*", "MyDevice", false),
            ("a*a", "a", false),
            ("DeviceId", "DeviceId", true),
        ] {
            assert_eq!(wildcard_matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn numbers_in_names_order_by_value() {
        assert_eq!(by_numbers("a2", "a10"), Ordering::Less);
        assert_eq!(by_numbers("a2b", "a2a"), Ordering::Greater);
    }
}
