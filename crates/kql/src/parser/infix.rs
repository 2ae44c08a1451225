//! The operators between two operands: how they are written and how tightly they bind.

use super::Parser;
use crate::ast::{BinaryOp, InOp};
use crate::lexer::TokenKind;

/// How tightly operators bind, the loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Or,
    And,
    Equality,
    Relational,
    Additive,
    Multiplicative,
    Text,
    Operand,
}

impl Level {
    /// The next tighter level, which the right operand of a left-associative operator has.
    pub(crate) fn tighter(self) -> Level {
        match self {
            Level::Or => Level::And,
            Level::And => Level::Equality,
            Level::Equality => Level::Relational,
            Level::Relational => Level::Additive,
            Level::Additive => Level::Multiplicative,
            Level::Multiplicative => Level::Text,
            Level::Text | Level::Operand => Level::Operand,
        }
    }

    /// How tightly an operator with two operands binds.
    pub(crate) fn of(op: BinaryOp) -> Level {
        match op {
            BinaryOp::Add | BinaryOp::Subtract => Level::Additive,
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => Level::Multiplicative,
            BinaryOp::Equal | BinaryOp::NotEqual => Level::Equality,
            BinaryOp::Less | BinaryOp::LessOrEqual | BinaryOp::Greater | BinaryOp::GreaterOrEqual => {
                Level::Relational
            }
            _ => Level::Text,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Infix {
    And,
    Or,
    Binary(BinaryOp),
    In(InOp),
    Between { negated: bool },
}

impl Infix {
    pub(super) fn level(self) -> Level {
        match self {
            Infix::Or => Level::Or,
            Infix::And => Level::And,
            Infix::Binary(op) => Level::of(op),
            Infix::In(_) | Infix::Between { .. } => Level::Equality,
        }
    }
}

impl Parser<'_> {
    /// The operator at this place and the number of its tokens.
    pub(super) fn infix(&mut self) -> Option<(Infix, usize)> {
        let op = match self.peek() {
            TokenKind::Plus => BinaryOp::Add,
            TokenKind::Minus => BinaryOp::Subtract,
            TokenKind::Star => BinaryOp::Multiply,
            TokenKind::Slash => BinaryOp::Divide,
            TokenKind::Percent => BinaryOp::Modulo,
            TokenKind::EqualEqual => BinaryOp::Equal,
            TokenKind::NotEqual => BinaryOp::NotEqual,
            TokenKind::EqualTilde => BinaryOp::EqualNoCase,
            TokenKind::NotTilde => BinaryOp::NotEqualNoCase,
            TokenKind::Less => BinaryOp::Less,
            TokenKind::LessOrEqual => BinaryOp::LessOrEqual,
            TokenKind::Greater => BinaryOp::Greater,
            TokenKind::GreaterOrEqual => BinaryOp::GreaterOrEqual,
            TokenKind::Colon if self.in_search => BinaryOp::SearchTerm,
            TokenKind::Name => return self.infix_word(),
            TokenKind::Bang => return self.negated_word(),
            TokenKind::AndAnd => {
                self.complain(self.here(), "`&&` is not an operator of the language, use `and`");
                return Some((Infix::And, 1));
            }
            TokenKind::OrOr => {
                self.complain(self.here(), "`||` is not an operator of the language, use `or`");
                return Some((Infix::Or, 1));
            }
            _ => return None,
        };
        Some((Infix::Binary(op), 1))
    }

    fn infix_word(&mut self) -> Option<(Infix, usize)> {
        let word = self.word()?;
        let found = self.word_operator(word);
        if found.is_some() {
            return found;
        }
        let lower = word.to_ascii_lowercase();
        let meant = self.word_operator(&lower)?;
        let span = self.here();
        self.complain_with(
            span,
            format!("unknown operator `{word}`, operators are in lower case"),
            vec![lower],
        );
        Some(meant)
    }

    fn word_operator(&self, word: &str) -> Option<(Infix, usize)> {
        let has_tilde = self.peek_at(1) == TokenKind::Tilde && self.touches_next(0);
        let found = match word {
            "and" => Infix::And,
            "or" => Infix::Or,
            "in" if has_tilde => return Some((Infix::In(InOp::InNoCase), 2)),
            "in" => Infix::In(InOp::In),
            "has_any" => Infix::In(InOp::HasAny),
            "has_all" => Infix::In(InOp::HasAll),
            "between" => Infix::Between { negated: false },
            "matches" if self.word_at(1) == Some("regex") => {
                return Some((Infix::Binary(BinaryOp::MatchesRegex), 2));
            }
            "notcontains" => Infix::Binary(BinaryOp::NotContains),
            "containscs" => Infix::Binary(BinaryOp::ContainsCs),
            "notcontainscs" => Infix::Binary(BinaryOp::NotContainsCs),
            _ => Infix::Binary(operator_named(word)?),
        };
        Some((found, 1))
    }

    /// `!has`, `!in~` and the like.
    fn negated_word(&mut self) -> Option<(Infix, usize)> {
        let word = self.word_at(1)?;
        let has_tilde = self.peek_at(2) == TokenKind::Tilde && self.touches_next(1);
        match word {
            "in" if has_tilde => return Some((Infix::In(InOp::NotInNoCase), 3)),
            "in" => return Some((Infix::In(InOp::NotIn), 2)),
            "between" => return Some((Infix::Between { negated: true }, 2)),
            _ => {}
        }
        if let Some(op) = operator_named(&format!("!{word}")) {
            return Some((Infix::Binary(op), 2));
        }
        let span = self.here().to(self.span_at(1));
        if self.word_operator(word).is_some() || word == "matches" {
            self.fail(span, format!("there is no `!{word}`, use `not(... {word} ...)`"));
        }
        None
    }
}

/// The operator that is spelled so, if it is a word.
fn operator_named(word: &str) -> Option<BinaryOp> {
    let is_word = word.ends_with(|c: char| c.is_ascii_alphabetic());
    BinaryOp::ALL.iter().find(|(_, symbol)| is_word && *symbol == word).map(|(op, _)| *op)
}
