//! The longer operators: those that expand, split, group into series, or take texts apart.

use super::Parser;
use super::infix::Level;
use crate::ast::{
    Column, MakeSeries, MvApply, MvColumn, MvExpand, OperatorKind, Parse, ParseKind, ParseKv, ParsePart,
    Partition, PartitionBody, Reduce, SeriesAggregate, TopNestedLevel,
};
use crate::lexer::TokenKind;

const PARSE_KINDS: &[(&str, ParseKind)] =
    &[("simple", ParseKind::Simple), ("regex", ParseKind::Regex), ("relaxed", ParseKind::Relaxed)];

const BAG_KINDS: &[(&str, bool)] = &[("bag", false), ("array", true)];

impl Parser<'_> {
    pub(super) fn mv_expand(&mut self, is_legacy: bool) -> OperatorKind {
        let mut params = self.parameters(&["kind", "bagexpansion", "with_itemindex"]);
        let kind = self.taken_choice(&mut params, "kind", BAG_KINDS);
        let kind = kind.or_else(|| self.taken_choice(&mut params, "bagexpansion", BAG_KINDS));
        let item_index = self.taken_name(&mut params, "with_itemindex");
        let columns = self.comma_separated(Self::mv_column);
        let limit = self.eat_word("limit").then(|| self.expr());
        let bags_as_arrays = kind.unwrap_or(false);
        OperatorKind::MvExpand(MvExpand { is_legacy, bags_as_arrays, item_index, columns, limit })
    }

    pub(super) fn mv_apply(&mut self) -> OperatorKind {
        let mut params = self.parameters(&["with_itemindex"]);
        let item_index = self.taken_name(&mut params, "with_itemindex");
        let columns = self.comma_separated(Self::mv_column);
        let limit = self.eat_word("limit").then(|| self.expr());
        self.expect_word("on");
        OperatorKind::MvApply(MvApply { item_index, columns, limit, body: self.body() })
    }

    /// `name = expr to typeof(type)`
    fn mv_column(&mut self) -> MvColumn {
        let column = self.column();
        let ty = self.eat_word("to").then(|| {
            self.expect_word("typeof");
            self.expect(TokenKind::OpenParen, "`(`");
            let ty = self.scalar_type();
            self.expect(TokenKind::CloseParen, "`)`");
            ty
        });
        MvColumn { column, ty }
    }

    pub(super) fn make_series(&mut self) -> OperatorKind {
        let params = self.parameters(&["kind"]);
        let aggregates = self.comma_separated(|parser| {
            let column = parser.column();
            let has_default = parser.at_word("default") && parser.peek_at(1) == TokenKind::Equal;
            let default = has_default.then(|| {
                parser.bump_many(2);
                parser.expr()
            });
            SeriesAggregate { column, default }
        });
        self.expect_word("on");
        let axis = self.series_axis();
        let (mut from, mut to) = (None, None);
        let step;
        if self.eat_word("in") {
            self.expect_word("range");
            self.expect(TokenKind::OpenParen, "`(`");
            from = Some(self.expr());
            self.expect(TokenKind::Comma, "`,`");
            to = Some(self.expr());
            self.expect(TokenKind::Comma, "`,`");
            step = self.expr();
            self.expect(TokenKind::CloseParen, "`)`");
        } else {
            if self.eat_word("from") {
                from = Some(self.expr());
            }
            if self.eat_word("to") {
                to = Some(self.expr());
            }
            self.expect_word("step");
            step = self.expr();
        }
        let by = if self.eat_word("by") { self.columns() } else { Vec::new() };
        OperatorKind::MakeSeries(Box::new(MakeSeries { params, aggregates, axis, from, to, step, by }))
    }

    /// The column of the axis; `in` behind it belongs to the operator.
    fn series_axis(&mut self) -> Column {
        let start = self.here().start;
        let width = self.name_width(0);
        let mut names = Vec::new();
        if width > 0 && self.peek_at(width) == TokenKind::Equal {
            names.push(self.name("a column"));
            self.bump();
        }
        let expr = self.binary(Level::Additive);
        Column { names, expr, span: self.since(start) }
    }

    pub(super) fn parse_operator(&mut self, drops_unmatched: bool) -> OperatorKind {
        let mut params = self.parameters(&["kind", "flags"]);
        let kind = self.taken_choice(&mut params, "kind", PARSE_KINDS).unwrap_or(ParseKind::Simple);
        let flags = self.taken_name(&mut params, "flags").map(|flags| flags.name);
        let input = self.expr();
        self.expect_word("with");
        let mut pattern = Vec::new();
        while let Some(part) = self.parse_part() {
            pattern.push(part);
        }
        if pattern.is_empty() {
            self.expected("a pattern");
        }
        OperatorKind::Parse(Parse { kind, flags, input, pattern, drops_unmatched })
    }

    fn parse_part(&mut self) -> Option<ParsePart> {
        let start = self.here().start;
        if self.eat(TokenKind::Star) {
            return Some(ParsePart::Any(self.since(start)));
        }
        if self.peek() == TokenKind::String {
            let (value, _) = self.string_literal();
            return Some(ParsePart::Text { value, span: self.since(start) });
        }
        if self.name_width(0) == 0 {
            return None;
        }
        let name = self.name("a column");
        let ty = self.eat(TokenKind::Colon).then(|| self.scalar_type());
        Some(ParsePart::Column { name, ty })
    }

    pub(super) fn parse_kv(&mut self) -> OperatorKind {
        let input = self.expr();
        self.expect_word("as");
        let columns = self.schema();
        let properties = if self.eat_word("with") { self.property_list() } else { Vec::new() };
        OperatorKind::ParseKv(ParseKv { input, columns, properties })
    }

    pub(super) fn partition(&mut self) -> OperatorKind {
        let hints = self.hints();
        self.expect_word("by");
        let by = self.name("a column");
        let body = if self.peek() == TokenKind::OpenBrace {
            self.bump();
            let pipeline = self.pipeline();
            self.expect(TokenKind::CloseBrace, "`|` or `}`");
            PartitionBody::Pipeline(Box::new(pipeline))
        } else {
            PartitionBody::Operators(self.body())
        };
        OperatorKind::Partition(Partition { hints, by, body })
    }

    pub(super) fn reduce(&mut self) -> OperatorKind {
        let params = self.parameters(&["kind"]);
        self.expect_word("by");
        let by = self.expr();
        let properties =
            if self.eat_word("with") { self.comma_separated(Self::parameter) } else { Vec::new() };
        OperatorKind::Reduce(Reduce { params, by, properties })
    }

    /// Levels with commas between them, each with the name of the operator in front.
    pub(super) fn top_nested(&mut self) -> OperatorKind {
        let mut levels = vec![self.top_nested_level()];
        while self.peek() == TokenKind::Comma {
            self.bump();
            match self.hyphenated() {
                (word, width) if word == "top-nested" => self.bump_many(width),
                _ => self.expected("`top-nested`"),
            }
            levels.push(self.top_nested_level());
        }
        OperatorKind::TopNested(levels)
    }

    fn top_nested_level(&mut self) -> TopNestedLevel {
        let count = if self.at_word("of") { None } else { Some(self.expr()) };
        self.expect_word("of");
        let of = self.column();
        let others = self.eat_word("with").then(|| {
            self.expect_word("others");
            self.expect(TokenKind::Equal, "`=`");
            self.expr()
        });
        self.expect_word("by");
        let by = self.column();
        TopNestedLevel { count, of, others, by, order: self.sort_order() }
    }
}
