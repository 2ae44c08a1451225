//! What the place of a cursor in a query asks for.
//!
//! The text before the cursor is cut into statements, brackets and the parts between pipes. What is behind the
//! cursor, and what is wrong, does not matter.

use kql::{Span, Token, TokenKind};

/// The place of the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The name at the cursor, or where one would stand.
    pub word: Span,
    /// Where the statement begins.
    pub statement: usize,
    pub wants: Wants,
    /// The rows that the columns at the cursor are those of: text of the pipelines around it, the innermost first.
    pub inputs: Vec<Span>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Inside of text or of a comment.
    Nothing,
    /// A table, or what else can begin a query.
    Source,
    /// What stands behind a `|`.
    Operator,
    /// A value inside of the operator of that name; none inside of `let` and the like.
    Operand { operator: Option<String> },
    /// What stands behind a value.
    Infix { operator: Option<String> },
}

/// An open bracket, or the statement itself.
struct Frame {
    /// Behind the bracket.
    start: usize,
    pipes: Vec<usize>,
    /// The operator of the enclosing part, when the bracket was opened.
    outer: Option<String>,
    /// Whether the bracket belongs to a call.
    is_call: bool,
}

/// Operators whose brackets hold tables.
const WITH_TABLES: &[&str] = &["join", "lookup", "union", "find", "search"];
/// Functions whose arguments are tables.
const TABLE_FUNCTIONS: &[&str] = &["toscalar", "materialize", "view"];
/// Operators whose brackets hold operators over the same rows.
const WITH_OPERATORS: &[&str] = &["mv-apply", "partition", "fork", "facet"];

pub(super) fn find(text: &str, offset: usize) -> Place {
    let tokens = kql::tokens(text);
    let word = word_at(text, &tokens, offset);
    let before: Vec<Token> = tokens
        .iter()
        .copied()
        .filter(|token| token.span.end <= word.start && !token.span.is_empty())
        .collect();
    let place = |wants, statement, inputs| Place { word, statement, wants, inputs };
    if is_covered(text, &tokens, offset) {
        return place(Wants::Nothing, 0, Vec::new());
    }

    let mut frames = vec![Frame { start: 0, pipes: Vec::new(), outer: None, is_call: false }];
    let mut statement = 0;
    for (at, token) in before.iter().enumerate() {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                let outer = operator_of(text, &before[..at], &frames);
                let previous = at.checked_sub(1).map(|previous| before[previous]);
                let is_call = token.kind != TokenKind::OpenBrace
                    && previous.is_some_and(|name| {
                        name.kind == TokenKind::Name && name.span.end == token.span.start
                    });
                let is_call = is_call || token.kind == TokenKind::OpenBracket;
                frames.push(Frame { start: token.span.end, pipes: Vec::new(), outer, is_call });
            }
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace if frames.len() > 1 => {
                frames.pop();
            }
            TokenKind::Pipe => {
                if let Some(frame) = frames.last_mut() {
                    frame.pipes.push(token.span.start);
                }
            }
            TokenKind::Semicolon => {
                // Inside of a function's body the statements are its own.
                let frame = frames.last_mut();
                if let Some(frame) = frame {
                    frame.start = token.span.end;
                    frame.pipes.clear();
                }
                if frames.len() == 1 {
                    statement = token.span.end;
                }
            }
            _ => {}
        }
    }

    let operator = operator_of(text, &before, &frames);
    let last = before.last().copied();
    let frame = &frames[frames.len() - 1];
    let begins_frame = last.is_none_or(|token| token.span.end <= frame.start);
    let is_behind_pipe = last.is_some_and(|token| token.kind == TokenKind::Pipe);
    let name_before = |at: usize| {
        let token = before.len().checked_sub(at).map(|at| before[at])?;
        (token.kind == TokenKind::Name).then(|| slice(text, token.span))
    };
    let holds_tables = !frame.is_call && frame.outer.as_deref().is_some_and(|of| WITH_TABLES.contains(&of));
    let is_table_call =
        frame.is_call && begins_frame && name_before(2).is_some_and(|name| TABLE_FUNCTIONS.contains(&name));
    let holds_operators =
        !frame.is_call && frame.outer.as_deref().is_some_and(|of| WITH_OPERATORS.contains(&of));
    let in_pipeline = !frame.pipes.is_empty();

    let wants = if is_behind_pipe || (begins_frame && holds_operators) {
        Wants::Operator
    } else if begins_frame
        && (frames.len() == 1 || holds_tables || is_table_call || !frame.is_call && frame.outer.is_none())
    {
        Wants::Source
    } else if !in_pipeline && operator.is_none() && is_definition(text, &before, frame.start) {
        // `let x = ` takes a table as well as a value.
        Wants::Source
    } else if matches!(operator.as_deref(), Some("union" | "join" | "lookup")) && wants_table(text, &before) {
        Wants::Source
    } else if last.is_some_and(|token| is_operand(text, token, operator.as_deref())) {
        Wants::Infix { operator }
    } else {
        Wants::Operand { operator }
    };
    place(wants, statement, inputs_of(&frames))
}

/// The name that the cursor is in or behind.
fn word_at(text: &str, tokens: &[Token], offset: usize) -> Span {
    let touches = |token: &&Token| {
        token.kind == TokenKind::Name && token.span.start <= offset && offset <= token.span.end
    };
    let Some(token) = tokens.iter().find(touches) else { return Span::new(offset, offset) };
    let mut span = token.span;
    // Names of operators have hyphens: `project-away` are three tokens.
    let joined = |from: usize, to: usize| text.get(from..to).is_some_and(|between| between == "-");
    for pair in tokens.windows(3) {
        let [first, hyphen, second] = pair else { continue };
        let is_joined = first.kind == TokenKind::Name
            && second.kind == TokenKind::Name
            && hyphen.kind == TokenKind::Minus
            && joined(first.span.end, second.span.start);
        let whole = Span::new(first.span.start, second.span.end);
        let first_text = slice(text, first.span);
        if is_joined
            && ["project", "mv", "parse", "make", "top", "sample", "assert"].contains(&first_text)
            && whole.start <= span.start
            && span.end <= whole.end
        {
            span = whole;
        }
    }
    span
}

/// Whether the cursor is inside of a literal or a comment.
fn is_covered(text: &str, tokens: &[Token], offset: usize) -> bool {
    let covers = |token: &Token| {
        let is_inside = token.span.start < offset && offset < token.span.end;
        match token.kind {
            TokenKind::String | TokenKind::Typed => is_inside,
            TokenKind::Number => token.span.start < offset && offset <= token.span.end,
            TokenKind::UnclosedString => token.span.start < offset && offset <= token.span.end,
            _ => false,
        }
    };
    if tokens.iter().any(covers) {
        return true;
    }
    let written = tokens.iter().filter(|token| !token.span.is_empty());
    let ended = written.map(|token| token.span.end).filter(|end| *end <= offset).max().unwrap_or(0);
    let line = text.get(ended..offset).and_then(|between| between.rsplit('\n').next()).unwrap_or_default();
    line.trim_start().starts_with("//") || line.contains("//")
}

/// The operator whose part the end of `before` is in: its name, unless that is still to come.
fn operator_of(text: &str, before: &[Token], frames: &[Frame]) -> Option<String> {
    for frame in frames.iter().rev() {
        if let Some(pipe) = frame.pipes.last() {
            return name_behind(text, before, *pipe + 1);
        }
        if !frame.is_call {
            let name = name_behind(text, before, frame.start);
            let begins_query =
                name.filter(|name| ["union", "search", "find", "print", "range"].contains(&name.as_str()));
            return begins_query.or_else(|| frame.outer.clone());
        }
    }
    None
}

/// The name that begins at an offset or behind it, with its hyphens.
fn name_behind(text: &str, tokens: &[Token], start: usize) -> Option<String> {
    let at = tokens.partition_point(|token| token.span.start < start);
    let first = tokens.get(at).filter(|token| token.kind == TokenKind::Name)?;
    let mut end = first.span.end;
    let mut rest = tokens.get(at + 1..).unwrap_or_default();
    while let [hyphen, name, behind @ ..] = rest {
        let is_joined = hyphen.kind == TokenKind::Minus
            && hyphen.span.start == end
            && name.kind == TokenKind::Name
            && name.span.start == hyphen.span.end;
        if !is_joined {
            break;
        }
        (end, rest) = (name.span.end, behind);
    }
    text.get(first.span.start..end).map(str::to_owned)
}

/// The pipelines that are open, up to their last pipes. Brackets of operators over the same rows have none of their own.
fn inputs_of(frames: &[Frame]) -> Vec<Span> {
    let continues = |frame: &Frame| frame.outer.as_deref().is_some_and(|of| WITH_OPERATORS.contains(&of));
    let with_rows = frames.iter().rev().filter(|frame| !continues(frame));
    with_rows.filter_map(|frame| Some(Span::new(frame.start, *frame.pipes.last()?))).collect()
}

/// Whether a `let` is at its `=`.
fn is_definition(text: &str, before: &[Token], start: usize) -> bool {
    let at = before.partition_point(|token| token.span.start < start);
    match before.get(at..) {
        Some([word, .., equal]) => slice(text, word.span) == "let" && equal.kind == TokenKind::Equal,
        _ => false,
    }
}

/// Whether `union` and the like are at a table: behind their name, a comma or a bracket.
fn wants_table(text: &str, before: &[Token]) -> bool {
    let Some(last) = before.last() else { return false };
    let name = slice(text, last.span);
    matches!(last.kind, TokenKind::Comma) || ["union", "join", "lookup", "inner", "outer"].contains(&name)
}

/// Whether a token ends a value.
fn is_operand(text: &str, token: Token, operator: Option<&str>) -> bool {
    match token.kind {
        TokenKind::String | TokenKind::Number | TokenKind::Typed => true,
        TokenKind::CloseParen | TokenKind::CloseBracket => true,
        TokenKind::Name => {
            let word = slice(text, token.span);
            let is_infix =
                super::operators::INFIX.iter().any(|infix| infix.name.trim_end_matches('~') == word);
            let is_word = operator.is_some_and(|operator| {
                operator.split('-').any(|part| part == word)
                    || super::operators::words_of(operator).contains(&word)
            });
            !is_infix && !is_word && !["regex", "let", "by", "on", "not"].contains(&word)
        }
        _ => false,
    }
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.start..span.end).unwrap_or_default()
}
