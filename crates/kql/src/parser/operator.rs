//! Tabular operators: which there are, and the short ones.

use super::Parser;
use crate::ast::{
    As, Call, Column, Distinct, Evaluate, Ident, Operator, OperatorKind, OutputSchema, Rename, Render,
    RenderProperty, SampleDistinct, Summarize, Top, TopHitters,
};
use crate::lexer::TokenKind;

/// How the rest of an operator is parsed, from behind its name.
type Rest = fn(&mut Parser<'_>) -> OperatorKind;

/// All operators but `union`, `search` and `find`, which also begin queries.
const OPERATORS: &[(&str, Rest)] = &[
    ("as", as_),
    ("assert-schema", |parser| OperatorKind::AssertSchema(parser.output_schema())),
    ("consume", |parser| OperatorKind::Consume(parser.parameters(&["decodeblocks"]))),
    ("count", |_| OperatorKind::Count),
    ("distinct", distinct),
    ("evaluate", evaluate),
    ("extend", |parser| OperatorKind::Extend(parser.columns())),
    ("facet", |parser| parser.facet()),
    ("filter", where_),
    ("fork", |parser| parser.fork()),
    ("getschema", |_| OperatorKind::GetSchema),
    ("graph-mark-components", |parser| parser.graph_mark_components()),
    ("graph-match", |parser| parser.graph_match(false)),
    ("graph-shortest-paths", |parser| parser.graph_match(true)),
    ("graph-to-table", |parser| parser.graph_to_table()),
    ("invoke", |parser| OperatorKind::Invoke(parser.named_call())),
    ("join", |parser| parser.join()),
    ("limit", |parser| OperatorKind::Take(parser.expr())),
    ("lookup", |parser| parser.lookup()),
    ("make-graph", |parser| parser.make_graph()),
    ("make-series", |parser| parser.make_series()),
    ("mv-apply", |parser| parser.mv_apply()),
    ("mvapply", |parser| parser.mv_apply()),
    ("mv-expand", |parser| parser.mv_expand(false)),
    ("mvexpand", |parser| parser.mv_expand(true)),
    ("order", sort),
    ("parse", |parser| parser.parse_operator(false)),
    ("parse-kv", |parser| parser.parse_kv()),
    ("parse-where", |parser| parser.parse_operator(true)),
    ("partition", |parser| parser.partition()),
    ("project", |parser| OperatorKind::Project(columns_if_any(parser))),
    ("project-away", |parser| OperatorKind::ProjectAway(parser.comma_separated(Parser::column_pattern))),
    ("project-by-names", |parser| parser.project_by_names()),
    ("project-keep", |parser| OperatorKind::ProjectKeep(parser.comma_separated(Parser::column_pattern))),
    ("project-rename", |parser| OperatorKind::ProjectRename(parser.renames())),
    ("project-reorder", |parser| OperatorKind::ProjectReorder(parser.reorders())),
    ("reduce", |parser| parser.reduce()),
    ("render", render),
    ("sample", |parser| OperatorKind::Sample(parser.expr())),
    ("sample-distinct", sample_distinct),
    ("scan", |parser| parser.scan()),
    ("serialize", serialize),
    ("sort", sort),
    ("summarize", summarize),
    ("take", |parser| OperatorKind::Take(parser.expr())),
    ("top", top),
    ("top-hitters", top_hitters),
    ("top-nested", |parser| parser.top_nested()),
    ("where", where_),
];

/// Operators of the language that are known but not parsed.
const NOT_SUPPORTED: &[&str] =
    &["execute-and-cache", "graph-where-edges", "graph-where-nodes", "macro-expand"];

/// Whether an operator has this name.
pub(super) fn is_operator(word: &str) -> bool {
    let begins_query = ["union", "search", "find"].contains(&word);
    begins_query || OPERATORS.iter().any(|(name, _)| *name == word) || NOT_SUPPORTED.contains(&word)
}

impl Parser<'_> {
    /// What is behind a `|`.
    pub(super) fn operator(&mut self, operators: &mut Vec<Operator>) {
        let start = self.here().start;
        let outer = self.begin_height();
        let kind = self.operator_kind();
        self.end_height(outer);
        let is_count = kind == OperatorKind::Count;
        operators.push(Operator { kind, span: self.since(start) });
        if is_count && self.at_word("as") {
            operators.push(self.renamed_count());
        }
    }

    /// `as name` behind `count` is short for `| project-rename name = Count`.
    fn renamed_count(&mut self) -> Operator {
        let span = self.bump().span;
        let new = self.name("a name");
        let old = Ident { name: "Count".to_string(), span };
        let kind = OperatorKind::ProjectRename(vec![Rename { new, old }]);
        Operator { kind, span: self.since(span.start) }
    }

    fn operator_kind(&mut self) -> OperatorKind {
        match self.word() {
            Some("union") => return OperatorKind::Union(self.union()),
            Some("search") => return OperatorKind::Search(self.search()),
            Some("find") => return OperatorKind::Find(self.find()),
            _ => {}
        }
        let (word, width) = self.hyphenated();
        if let Some((_, rest)) = OPERATORS.iter().find(|(name, _)| *name == word) {
            self.bump_many(width);
            return rest(self);
        }
        self.unknown_operator(word, width)
    }

    fn unknown_operator(&mut self, word: String, width: usize) -> OperatorKind {
        let start = self.here().start;
        if width == 0 {
            self.expected("an operator");
        }
        self.bump_many(width);
        let span = self.since(start);
        if NOT_SUPPORTED.contains(&word.as_str()) {
            self.complain(span, format!("operator `{word}` is not supported yet"));
        } else {
            let names = OPERATORS.iter().map(|(name, _)| *name).chain(["union", "search", "find"]);
            self.complain_unknown("operator", &word, span, names);
        }
        self.has_failed = true;
        OperatorKind::Unknown(Ident { name: word, span })
    }

    /// `name(args)`
    fn named_call(&mut self) -> Call {
        let name = self.dotted_name();
        self.call(name)
    }

    /// `(*, name: type, ...)`
    fn output_schema(&mut self) -> OutputSchema {
        self.expect(TokenKind::OpenParen, "`(`");
        let keeps_input = self.eat(TokenKind::Star);
        let has_columns = !keeps_input || self.eat(TokenKind::Comma);
        let columns = if has_columns { self.column_decls() } else { Vec::new() };
        self.expect(TokenKind::CloseParen, "`)`");
        OutputSchema { keeps_input, columns }
    }

    /// Operators in parentheses, which work on rows they are handed: `(where a | count)`.
    pub(super) fn body(&mut self) -> Vec<Operator> {
        let mut operators = Vec::new();
        self.enter();
        if self.expect(TokenKind::OpenParen, "`(`") {
            let open = self.open.len();
            let in_list = std::mem::replace(&mut self.in_list, false);
            loop {
                self.operator(&mut operators);
                if !self.has_failed && !matches!(self.peek(), TokenKind::Pipe | TokenKind::CloseParen) {
                    self.unexpected();
                }
                if self.has_failed {
                    self.recover(open);
                }
                if !self.eat(TokenKind::Pipe) {
                    break;
                }
            }
            self.in_list = in_list;
            self.expect(TokenKind::CloseParen, "`|` or `)`");
        }
        self.leave();
        operators
    }
}

fn as_(parser: &mut Parser<'_>) -> OperatorKind {
    let hints = parser.hints();
    OperatorKind::As(As { hints, name: parser.name("a name") })
}

fn distinct(parser: &mut Parser<'_>) -> OperatorKind {
    let hints = parser.hints();
    OperatorKind::Distinct(Distinct { hints, columns: parser.columns() })
}

fn evaluate(parser: &mut Parser<'_>) -> OperatorKind {
    let hints = parser.hints();
    let call = parser.named_call();
    let schema = parser.eat(TokenKind::Colon).then(|| parser.output_schema());
    OperatorKind::Evaluate(Evaluate { hints, call, schema })
}

fn top_hitters(parser: &mut Parser<'_>) -> OperatorKind {
    let count = parser.expr();
    parser.expect_word("of");
    let of = parser.column();
    let by = parser.eat_word("by").then(|| parser.column());
    OperatorKind::TopHitters(TopHitters { count, of, by })
}

fn render(parser: &mut Parser<'_>) -> OperatorKind {
    let chart = parser.name("a kind of chart");
    let mut properties = Vec::new();
    if parser.eat_word("with") {
        parser.expect(TokenKind::OpenParen, "`(`");
        while parser.peek() == TokenKind::Name {
            properties.push(render_property(parser));
            parser.eat(TokenKind::Comma);
        }
        parser.expect(TokenKind::CloseParen, "`,` or `)`");
    } else {
        while parser.peek() == TokenKind::Name {
            properties.push(render_property(parser));
        }
    }
    OperatorKind::Render(Render { chart, properties })
}

/// `name = value`, and further values as long as no other property begins.
fn render_property(parser: &mut Parser<'_>) -> RenderProperty {
    let name = parser.dotted_name();
    let has_sign = parser.eat(TokenKind::Equal);
    if !has_sign && name.name != "by" {
        parser.expected("`=`");
    }
    let mut values = vec![parser.parameter_value()];
    while parser.peek() == TokenKind::Comma && parser.peek_at(2) != TokenKind::Equal {
        parser.bump();
        values.push(parser.parameter_value());
    }
    RenderProperty { name, values }
}

fn sample_distinct(parser: &mut Parser<'_>) -> OperatorKind {
    let count = parser.expr();
    parser.expect_word("of");
    OperatorKind::SampleDistinct(SampleDistinct { count, of: parser.expr() })
}

fn serialize(parser: &mut Parser<'_>) -> OperatorKind {
    OperatorKind::Serialize(columns_if_any(parser))
}

/// Columns, unless the operator ends here.
fn columns_if_any(parser: &mut Parser<'_>) -> Vec<Column> {
    let is_bare = parser.peek() == TokenKind::Pipe || parser.at_pipeline_end();
    if is_bare { Vec::new() } else { parser.columns() }
}

fn sort(parser: &mut Parser<'_>) -> OperatorKind {
    parser.expect_word("by");
    OperatorKind::Sort(parser.comma_separated(Parser::sort_key))
}

fn summarize(parser: &mut Parser<'_>) -> OperatorKind {
    let hints = parser.hints();
    let aggregates = if parser.at_word("by") { Vec::new() } else { parser.columns() };
    let by = if parser.eat_word("by") { parser.columns() } else { Vec::new() };
    OperatorKind::Summarize(Summarize { hints, aggregates, by })
}

fn top(parser: &mut Parser<'_>) -> OperatorKind {
    let count = parser.expr();
    parser.expect_word("by");
    OperatorKind::Top(Top { count, by: parser.sort_key() })
}

fn where_(parser: &mut Parser<'_>) -> OperatorKind {
    let predicate = parser.expr();
    if parser.peek() == TokenKind::Comma && !parser.in_list {
        parser.fail(parser.here(), "`where` takes one condition, put `and` between several");
    }
    OperatorKind::Where(predicate)
}
