//! Lists of columns and of settings, which many operators take.

use super::Parser;
use crate::ast::{
    Column, Expr, ExprKind, Ident, Literal, NullsOrder, Parameter, Rename, Reorder, ReorderBy, SortKey,
    SortOrder,
};
use crate::lexer::TokenKind;
use crate::nearest;

impl Parser<'_> {
    pub(super) fn columns(&mut self) -> Vec<Column> {
        self.comma_separated(Self::column)
    }

    /// `expr`, `name = expr` or `(first, second) = expr`
    pub(super) fn column(&mut self) -> Column {
        let start = self.here().start;
        let mut names = Vec::new();
        let width = self.name_width(0);
        if width > 0 && self.peek_at(width) == TokenKind::Equal {
            names.push(self.name("a column"));
            self.bump();
        } else if self.at_names_in_parens() {
            self.bump();
            names = self.comma_separated(|parser| parser.name("a column"));
            self.bump_many(2);
        }
        let expr = self.expr();
        Column { names, expr, span: self.since(start) }
    }

    /// Whether `(name, ...) =` follows.
    fn at_names_in_parens(&self) -> bool {
        if self.peek() != TokenKind::OpenParen {
            return false;
        }
        let mut ahead = 1;
        loop {
            match self.name_width(ahead) {
                0 => return false,
                width => ahead += width,
            }
            match self.peek_at(ahead) {
                TokenKind::Comma => ahead += 1,
                TokenKind::CloseParen => return self.peek_at(ahead + 1) == TokenKind::Equal,
                _ => return false,
            }
        }
    }

    /// `new = old, ...`
    pub(super) fn renames(&mut self) -> Vec<Rename> {
        self.comma_separated(|parser| {
            let new = parser.name("a new name");
            parser.expect(TokenKind::Equal, "`=` and the column to rename");
            Rename { new, old: parser.name("a column") }
        })
    }

    /// `a, b*, c asc`
    pub(super) fn reorders(&mut self) -> Vec<Reorder> {
        self.comma_separated(|parser| {
            let pattern = parser.column_pattern();
            Reorder { pattern, order: parser.reorder_by() }
        })
    }

    fn reorder_by(&mut self) -> Option<ReorderBy> {
        let (word, width) = self.hyphenated();
        let (_, order) = ReorderBy::NAMES.iter().find(|(name, _)| *name == word)?;
        self.bump_many(width);
        Some(*order)
    }

    /// The word here with its hyphens, such as `project-away`, and the number of its tokens.
    pub(super) fn hyphenated(&self) -> (String, usize) {
        const TOKENS_MAX: usize = 7;
        let mut word = self.word().unwrap_or("").to_string();
        let mut width = usize::from(!word.is_empty());
        while (1..TOKENS_MAX).contains(&width)
            && self.peek_at(width) == TokenKind::Minus
            && self.touches_next(width - 1)
            && self.touches_next(width)
            && let Some(part) = self.word_at(width + 1)
        {
            word.push('-');
            word.push_str(part);
            width += 2;
        }
        (word, width)
    }

    pub(super) fn sort_key(&mut self) -> SortKey {
        let expr = self.expr();
        let order = self.sort_order();
        let nulls = if self.eat_word("nulls") {
            if self.eat_word("first") {
                Some(NullsOrder::First)
            } else {
                self.expect_word("last").then_some(NullsOrder::Last)
            }
        } else {
            None
        };
        SortKey { expr, order, nulls }
    }

    pub(super) fn sort_order(&mut self) -> Option<SortOrder> {
        if self.eat_word("asc") {
            return Some(SortOrder::Asc);
        }
        self.eat_word("desc").then_some(SortOrder::Desc)
    }

    /// `hint.name = value` as often as they come.
    pub(super) fn hints(&mut self) -> Vec<Parameter> {
        self.parameters(&[])
    }

    /// Settings whose name begins with `hint.` or is one of `names`.
    pub(super) fn parameters(&mut self, names: &[&str]) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        while let Some(word) = self.word() {
            let is_hint = word == "hint" && self.peek_at(1) == TokenKind::Dot;
            let is_setting = names.contains(&word) && self.peek_at(1) == TokenKind::Equal;
            if !is_hint && !is_setting {
                break;
            }
            parameters.push(self.parameter());
        }
        parameters
    }

    /// `name = value`
    pub(super) fn parameter(&mut self) -> Parameter {
        let name = self.dotted_name();
        self.expect(TokenKind::Equal, "`=`");
        Parameter { name, value: self.parameter_value() }
    }

    /// A literal or a bare name, and nothing behind it.
    pub(super) fn parameter_value(&mut self) -> Expr {
        let start = self.here().start;
        let kind = match self.peek() {
            TokenKind::String => {
                let (value, is_obfuscated) = self.string_token();
                ExprKind::Literal(Literal::String { value, is_obfuscated })
            }
            TokenKind::Name if self.word() != Some("dynamic") => {
                match self.word().and_then(crate::literals::parse_bool) {
                    Some(value) => {
                        self.bump();
                        ExprKind::Literal(Literal::Bool(Some(value)))
                    }
                    None => ExprKind::Name(self.dotted_name()),
                }
            }
            _ if self.name_width(0) > 0 => ExprKind::Name(self.name("a name")),
            _ => return self.operand(),
        };
        Expr { kind, span: self.since(start) }
    }

    /// Takes the setting called `name` out of the list: its value if that is a bare name or a string.
    pub(super) fn taken_name(&mut self, parameters: &mut Vec<Parameter>, name: &str) -> Option<Ident> {
        let at = parameters.iter().position(|parameter| parameter.name.name == name)?;
        let Parameter { value, .. } = parameters.remove(at);
        match value.kind {
            ExprKind::Name(ident) => Some(ident),
            ExprKind::Literal(Literal::String { value: name, .. }) => Some(Ident { name, span: value.span }),
            _ => {
                self.complain(value.span, format!("`{name}` needs a name"));
                None
            }
        }
    }

    /// Takes the setting called `name` out of the list: whether it is `true`.
    pub(super) fn taken_flag(&mut self, parameters: &mut Vec<Parameter>, name: &str) -> bool {
        let Some(at) = parameters.iter().position(|parameter| parameter.name.name == name) else {
            return false;
        };
        let Parameter { value, .. } = parameters.remove(at);
        match value.kind {
            ExprKind::Literal(Literal::Bool(Some(flag))) => flag,
            ExprKind::Literal(Literal::Long(Some(number))) => number != 0,
            _ => {
                self.complain(value.span, format!("`{name}` needs `true` or `false`"));
                false
            }
        }
    }

    /// Takes the setting called `name` out of the list, as one of `choices`.
    pub(super) fn taken_choice<T: Copy>(
        &mut self,
        parameters: &mut Vec<Parameter>,
        name: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let ident = self.taken_name(parameters, name)?;
        let found = choices.iter().find(|(choice, _)| *choice == ident.name).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            let message = format!("unknown {name} `{}`, expected one of {}", ident.name, names.join(", "));
            self.complain_with(ident.span, message, nearest(&ident.name, names));
        }
        found
    }
}
