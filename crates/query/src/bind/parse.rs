//! `parse`, `parse-where` and `parse-kv`: columns from the parts of a text.

use std::fmt::Write;

use datafusion::logical_expr::{Expr, when};
use kql::Span;
use kql::ast::{self, ExprKind, Literal, ParseKind, ParsePart, ScalarType};
use model::Kind;

use super::expand::place;
use super::expr::Input;
use super::{Bind, Binder, error, kind_of, unknown};
use crate::captures::{self, Pairs};
use crate::convert;
use crate::operators::balanced;
use crate::relation::Relation;
use crate::typed::{Typed, absent};

impl Binder<'_> {
    pub(super) fn parse(&mut self, input: Relation, parse: &ast::Parse, span: Span) -> Bind<Relation> {
        let name = if parse.drops_unmatched { "parse-where" } else { "parse" };
        let text = convert::to_text(self.expr_of(name, &parse.input, &mut Input::of(&input))?);
        let pattern = self.pattern(parse, name, span)?;
        if let Err(problem) = crate::regexes::get(&pattern) {
            return error(span, format!("'{name}' operator: the pattern is not valid: {problem}"));
        }
        let captured = self.names.next();
        let mut columns = input.columns();
        columns.push((captured.clone(), captures::groups(text, &pattern)));
        let with_groups = input.project(&mut self.names, columns)?;
        let Some(groups) = with_groups.field(&captured).map(|field| field.typed()) else {
            return error(span, "nothing was captured");
        };

        let mut values = Vec::new();
        let mut conditions = vec![groups.expr.clone().is_not_null()];
        for part in &parse.pattern {
            let ParsePart::Column { name, ty } = part else { continue };
            let kind = ty.map_or(Kind::String, kind_of);
            let group = convert::path(groups.clone(), vec![Typed::long(values.len() as i64)]);
            let value = convert::to_kind(convert::to_text(group), kind);
            if parse.kind != ParseKind::Relaxed && !matches!(kind, Kind::String | Kind::Dynamic) {
                conditions.push(value.expr.clone().is_not_null());
            }
            values.push((name.name.clone(), value));
        }
        let matched = balanced(conditions, Expr::and);
        let mut columns: Vec<_> =
            with_groups.columns().into_iter().filter(|(name, _)| *name != captured).collect();
        for (name, value) in values {
            let expr = when(matched.clone(), value.expr).otherwise(absent(value.kind))?;
            place(&mut columns, &name, Typed::new(expr, value.kind));
        }
        let rows = if parse.drops_unmatched { with_groups.filter(matched)? } else { with_groups };
        Ok(rows.project(&mut self.names, columns)?)
    }

    /// The regular expression with one group for each column.
    fn pattern(&self, parse: &ast::Parse, operator: &str, span: Span) -> Bind<String> {
        let flags = parse.flags.as_deref().unwrap_or_default();
        if let Some(flag) = flags.chars().find(|flag| !"Uims".contains(*flag)) {
            return error(
                span,
                format!("'{operator}' operator: unknown flag `{flag}`; there are U, i, m and s"),
            );
        }
        let is_regex = parse.kind == ParseKind::Regex;
        let mut pattern = match (is_regex, flags) {
            (false, _) => r"(?s)\A".to_owned(),
            (true, "") => r"\A".to_owned(),
            (true, flags) => format!(r"(?{flags})\A"),
        };
        let parts = &parse.pattern;
        for (at, part) in parts.iter().enumerate() {
            let next = parts.get(at + 1);
            match part {
                ParsePart::Any(_) if next.is_none() => {}
                ParsePart::Any(_) => pattern.push_str("(?-U:.*?)"),
                ParsePart::Text { value, .. } if is_regex => {
                    // Groups of the query's own are not those of columns.
                    let _ = write!(pattern, "(?:{})", ungrouped(value));
                }
                ParsePart::Text { value, .. } => pattern.push_str(&regex::escape(value)),
                ParsePart::Column { ty, .. } => {
                    let bounded = !matches!(next, Some(ParsePart::Any(_)));
                    let is_free = parse.kind == ParseKind::Relaxed && bounded;
                    pattern.push_str(match ty {
                        _ if next.is_none() && is_free => r"(.*)\z",
                        Some(ScalarType::Int | ScalarType::Long) if !is_free => r"(\s*[-+]?\d+)",
                        Some(ScalarType::Real | ScalarType::Decimal) if !is_free => {
                            r"(\s*[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
                        }
                        Some(ScalarType::Bool) if !is_free => "(?i:(true|false|0|1))",
                        _ if next.is_none() => r"(.*)\z",
                        // As much as possible, unless the flag U says otherwise.
                        _ if is_regex => "(.*)",
                        _ => "(.*?)",
                    });
                    if next.is_none() && !pattern.ends_with(r"\z") && !is_regex {
                        pattern.push_str(r"\z");
                    }
                }
            }
        }
        Ok(pattern)
    }

    pub(super) fn parse_kv(&mut self, input: Relation, parse: &ast::ParseKv) -> Bind<Relation> {
        let text = convert::to_text(self.expr_of("parse-kv", &parse.input, &mut Input::of(&input))?);
        let mut pairs = Pairs {
            pair_delimiter: None,
            kv_delimiter: None,
            quotes: Vec::new(),
            escape: None,
            greedy: false,
        };
        let mut regex = None;
        for property in &parse.properties {
            let name = property.name.name.as_str();
            match name {
                "pair_delimiter" => pairs.pair_delimiter = Some(self.text_of(&property.value, name)?),
                "kv_delimiter" => pairs.kv_delimiter = Some(self.text_of(&property.value, name)?),
                "quote" => pairs.quotes = quotes(&self.text_of(&property.value, name)?),
                "escape" => pairs.escape = self.text_of(&property.value, name)?.chars().next(),
                "greedy" => {
                    pairs.greedy = matches!(property.value.kind, ExprKind::Literal(Literal::Bool(Some(true))))
                }
                "regex" => regex = Some((self.text_of(&property.value, name)?, property.value.span)),
                _ => {
                    let names = ["pair_delimiter", "kv_delimiter", "quote", "escape", "greedy", "regex"];
                    let message = format!("'parse-kv' operator: unknown property '{name}'");
                    return unknown(property.name.span, message, name, names);
                }
            }
        }
        let is_empty = |delimiter: &Option<String>| delimiter.as_deref() == Some("");
        if is_empty(&pairs.kv_delimiter) || is_empty(&pairs.pair_delimiter) {
            return error(parse.input.span, "'parse-kv' operator: a delimiter cannot be empty");
        }
        if pairs.pair_delimiter.is_some() && pairs.kv_delimiter.is_none() {
            pairs.kv_delimiter = Some("=".to_owned());
        }
        let found = match regex {
            Some((pattern, span)) => {
                let regex = crate::regexes::get(&pattern).map_err(|problem| problem.to_string());
                let regex = self.at(span, regex)?;
                if regex.captures_len() != 3 {
                    return error(
                        span,
                        "'parse-kv' operator: the regex needs two groups, of keys and of values",
                    );
                }
                captures::pairs_by_regex(text, &pattern)
            }
            None => {
                let keys = parse.columns.iter().map(|column| column.name.name.clone()).collect();
                captures::pairs(text, pairs, keys)
            }
        };
        let name = self.names.next();
        let mut columns = input.columns();
        columns.push((name.clone(), found));
        let with_bag = input.project(&mut self.names, columns)?;
        let Some(bag) = with_bag.field(&name).map(|field| field.typed()) else {
            return error(parse.input.span, "nothing was found");
        };
        let mut columns: Vec<_> =
            with_bag.columns().into_iter().filter(|(other, _)| *other != name).collect();
        for column in &parse.columns {
            let value = convert::path(bag.clone(), vec![Typed::text(&column.name.name)]);
            let value = convert::to_kind(convert::to_text(value), kind_of(column.ty));
            place(&mut columns, &column.name.name, value);
        }
        Ok(with_bag.project(&mut self.names, columns)?)
    }

    /// The constant text of a property.
    pub(super) fn text_of(&mut self, expr: &ast::Expr, property: &str) -> Bind<String> {
        match self.constant(expr)?.literal_text() {
            Some(text) => Ok(text.to_owned()),
            None => error(expr.span, format!("'{property}' takes a constant string")),
        }
    }
}

/// One mark opens and closes; of two, the first opens and the second closes.
fn quotes(text: &str) -> Vec<(char, char)> {
    let mut chars = text.chars();
    chars.next().map(|open| (open, chars.next().unwrap_or(open))).into_iter().collect()
}

/// A regular expression with its capturing groups made plain ones.
fn ungrouped(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        plain.push(c);
        match c {
            '\\' => plain.extend(chars.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class && chars.peek() != Some(&'?') => plain.push_str("?:"),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::ungrouped;

    #[test]
    fn groups_of_a_pattern_do_not_capture() {
        for (pattern, plain) in
            [("a(b|c)", "a(?:b|c)"), (r"\((x)\)", r"\((?:x)\)"), ("[(](?i:x)", "[(](?i:x)"), ("", "")]
        {
            assert_eq!(ungrouped(pattern), plain);
        }
    }
}
