//! Functions that are kept outside of queries and called by name in them.

use std::rc::Rc;

use kql::ast::{ExprKind, Function, LetValue, Source, Statement};
use kql::{Diagnostic, LineIndex};

/// A function of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFunction {
    pub name: String,
    /// What stands between the parentheses: `a: string, b: long = 5`.
    pub parameters: String,
    /// What stands between the braces: statements, the last of which is the result.
    pub body: String,
}

impl SavedFunction {
    /// The statement that defines it. The body has lines of its own, so that a comment at its end ends there.
    fn statement(&self) -> (String, usize) {
        let head = format!("let ['{}'] = ({}) {{\n", self.name, self.parameters);
        let start = head.len();
        (format!("{head}{}\n}};", self.body), start)
    }

    /// Reads it; what is wrong is told with places in the body.
    pub fn check(&self) -> Result<(), Vec<Diagnostic>> {
        self.read().map(drop)
    }

    /// A query that calls it, where it takes nothing and its text tells whether it gives a table or a value.
    pub fn call(&self) -> Option<String> {
        let function = self.read().ok()?;
        let Some(Statement::Expression(result)) = function.body.last() else { return None };
        if !function.params.is_empty() {
            return None;
        }
        let is_table = match &result.source {
            Source::Expr(expr) if result.operators.is_empty() => match &expr.kind {
                ExprKind::Name(_) | ExprKind::Call(_) => return None,
                ExprKind::Pipeline(_) => true,
                _ => false,
            },
            _ => true,
        };
        Some(if is_table { self.name.clone() } else { format!("print {}()", self.name) })
    }

    pub(crate) fn read(&self) -> Result<Rc<Function>, Vec<Diagnostic>> {
        let (text, start) = self.statement();
        let parsed = kql::parse(&text);
        let mut statements = parsed.query.statements.into_iter();
        match (statements.next(), statements.next()) {
            (Some(Statement::Let(binding)), None) if parsed.diagnostics.is_empty() => {
                if let LetValue::Function(function) = binding.value
                    && binding.name.name == self.name
                    && matches!(function.body.last(), Some(Statement::Expression(_)))
                {
                    return Ok(Rc::new(function));
                }
                Err(vec![Diagnostic::new(kql::Span::default(), "the function has no result")])
            }
            (_, Some(_)) if parsed.diagnostics.is_empty() => {
                Err(vec![Diagnostic::new(kql::Span::default(), "the function ends before its text does")])
            }
            _ => {
                let moved = parsed.diagnostics.into_iter().map(|mut diagnostic| {
                    diagnostic.span.start = diagnostic.span.start.saturating_sub(start);
                    diagnostic.span.end = diagnostic.span.end.saturating_sub(start);
                    diagnostic
                });
                Err(moved.collect())
            }
        }
    }

    /// What is wrong inside of it, for a place outside.
    pub(crate) fn describe(&self, diagnostic: &Diagnostic) -> String {
        let (text, start) = self.statement();
        let body = &text[start..];
        let place = LineIndex::new(body).position(diagnostic.span.start.saturating_sub(start));
        format!(
            "function '{}', line {}, column {}: {}",
            self.name, place.line, place.column, diagnostic.message
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(parameters: &str, body: &str) -> SavedFunction {
        SavedFunction { name: "F".to_owned(), parameters: parameters.to_owned(), body: body.to_owned() }
    }

    #[test]
    fn a_function_is_read_whole_or_not_at_all() {
        for (parameters, body) in [
            ("", "DeviceInfo"),
            ("a: string, b: long = 5", "let c = b; DeviceInfo | where DeviceName == a and c > 1 // the end"),
            ("T: (*)", "T | count"),
        ] {
            assert_eq!(function(parameters, body).check(), Ok(()), "{body}");
        }
        for (parameters, body) in [
            ("", ""),
            ("", "let a = 1;"),
            ("a", "1"),
            ("", "1 }; let G = () { 2"),
            ("", "DeviceInfo | cuont"),
            (") { 1 }; let x = (", "1"),
        ] {
            assert!(function(parameters, body).check().is_err(), "{parameters} {body}");
        }
    }

    #[test]
    fn places_are_those_of_the_body() {
        let refused = function("a: long", "DeviceInfo\n| cuont").check().unwrap_err();
        let text = "DeviceInfo\n| cuont";
        assert_eq!(kql::position(text, refused[0].span.start).line, 2);
        assert_eq!(&text[refused[0].span.start..refused[0].span.end], "cuont");
    }
}
