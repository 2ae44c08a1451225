//! Reads `$filter` and `$orderby`: recursive descent, bounded in depth and in nodes.

use crate::entity::{EntityType, Kind, Property, names};
use crate::error::{Fault, cut, shown};
use crate::filter::{CompareOp, Filter, TextFn, Value};
use crate::lexer::{Spanned, Token, lex};
use crate::limits::{DEPTH_MAX, IN_VALUES_MAX, NODES_MAX, ORDER_MAX};
use crate::literal::{Subject, truth};
use crate::options::Order;

pub(crate) fn filter(entity: &'static EntityType, text: &str) -> Result<Filter, Fault> {
    crate::options::check_len(text)?;
    let mut parser = Parser::new(entity, text)?;
    let filter = parser.or()?;
    parser.expect_end("join conditions with and, or")?;
    Ok(filter)
}

pub(crate) fn order(entity: &'static EntityType, text: &str) -> Result<Vec<Order>, Fault> {
    let mut parser = Parser::new(entity, text)?;
    let mut order = Vec::new();
    loop {
        let (name, at) = parser.word("a property")?;
        if order.len() == ORDER_MAX {
            return Err(Fault::new(format!("more than {ORDER_MAX} properties")).at(at));
        }
        let property = parser.property(name, at, "sorted by", Property::can_order)?;
        let descending = parser.eat_word("desc");
        if !descending {
            parser.eat_word("asc");
        }
        order.push(Order { property, descending });
        if !parser.eat(&Token::Comma) {
            break;
        }
    }
    parser.expect_end("write: property asc, property desc")?;
    Ok(order)
}

struct Parser<'a> {
    entity: &'static EntityType,
    tokens: Vec<Spanned<'a>>,
    /// Index of the next token; stays at the last one, the end.
    next: usize,
    depth: usize,
    nodes: usize,
    /// The variable of the lambda being read, and its collection.
    variable: Option<(&'a str, &'static Property)>,
}

impl<'a> Parser<'a> {
    fn new(entity: &'static EntityType, text: &'a str) -> Result<Self, Fault> {
        Ok(Parser { entity, tokens: lex(text)?, next: 0, depth: 0, nodes: 0, variable: None })
    }

    fn or(&mut self) -> Result<Filter, Fault> {
        self.joined("or", Self::and, Filter::Or)
    }

    fn and(&mut self) -> Result<Filter, Fault> {
        self.joined("and", Self::not, Filter::And)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Filter, Fault>,
        join: fn(Vec<Filter>) -> Filter,
    ) -> Result<Filter, Fault> {
        let first = part(self)?;
        if !self.peek_is(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat_word(word) {
            parts.push(part(self)?);
        }
        self.node(join(parts))
    }

    fn not(&mut self) -> Result<Filter, Fault> {
        if self.eat_word("not") {
            let inner = self.deeper(Self::not)?;
            return self.node(Filter::Not(Box::new(inner)));
        }
        if self.eat(&Token::Open) {
            let inner = self.deeper(Self::or)?;
            self.expect(Token::Close)?;
            return Ok(inner);
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Filter, Fault> {
        if let [Spanned { token: Token::Word(name), .. }, Spanned { token: Token::Open, .. }, ..] =
            self.tokens[self.next..]
            && !is_folding(name)
        {
            let call = self.call()?;
            return self.compared_with_truth(call);
        }
        let subject = self.subject()?;
        if matches!(subject.kind, Kind::Strings | Kind::Objects) && self.eat(&Token::Slash) {
            let lambda = self.lambda(subject)?;
            return self.compared_with_truth(lambda);
        }
        if subject.kind == Kind::Objects {
            let message = format!("{} is a collection and cannot be compared", shown(subject.name));
            return Err(Fault::new(message).at(self.at()).hint(lambda_of(subject.property)));
        }
        if *self.peek() == Token::Slash {
            return Err(Fault::new(format!("{} is not a collection", shown(subject.name))).at(self.at()));
        }
        let (word, at) = match self.peek() {
            Token::Word(word) if !is_joining(word) => (*word, self.at()),
            _ if subject.kind == Kind::Bool => {
                let (op, value) = (CompareOp::Eq, Value::Bool(true));
                return self.node(Filter::Compare { property: subject.property, op, value });
            }
            _ => {
                return Err(self
                    .unexpected(&format!("an operator after {}", shown(subject.name)))
                    .hint(OPERATORS));
            }
        };
        self.advance();
        if word.eq_ignore_ascii_case("in") {
            let values = self.list(subject)?;
            return self.leaf(subject, Filter::In { property: subject.property, values });
        }
        let Some(op) = CompareOp::ALL.into_iter().find(|op| op.word().eq_ignore_ascii_case(word)) else {
            return Err(Fault::new(format!("unknown operator {}", shown(word))).at(at).hint(OPERATORS));
        };
        self.comparison(subject, op, at)
    }

    fn comparison(&mut self, subject: Subject<'_>, op: CompareOp, at: usize) -> Result<Filter, Fault> {
        let Subject { name, property, kind } = subject;
        if !op.is_equality() && matches!(kind, Kind::Enum | Kind::Bool | Kind::Strings) {
            let message = format!("{} cannot be compared with {}", shown(name), op.word());
            return Err(Fault::new(message).at(at).hint("valid: eq, ne, in"));
        }
        let value_at = self.at();
        let value = self.value(subject)?;
        let is_element = kind == Kind::Strings || self.is_inside_strings();
        if value == Value::Null && is_element {
            let message = format!("an element of '{}' is never null", property.name);
            return Err(Fault::new(message).at(value_at));
        }
        if value == Value::Null && !op.is_equality() {
            let message = format!("null cannot be compared with {}", op.word());
            return Err(Fault::new(message).at(value_at).hint("valid: eq, ne"));
        }
        if kind == Kind::Strings && op == CompareOp::Ne {
            // Of a collection, `ne` says that no element is equal.
            let equal = self.leaf(subject, Filter::Compare { property, op: CompareOp::Eq, value })?;
            return self.node(Filter::Not(Box::new(equal)));
        }
        self.leaf(subject, Filter::Compare { property, op, value })
    }

    /// `contains(property, 'text')` and its kin.
    fn call(&mut self) -> Result<Filter, Fault> {
        let (name, at) = self.word("a function")?;
        let Some(function) = TextFn::ALL.into_iter().find(|f| f.word().eq_ignore_ascii_case(name)) else {
            return Err(Fault::new(format!("unknown function {}", shown(name)))
                .at(at)
                .hint("valid: contains, startswith, endswith, tolower, toupper"));
        };
        self.expect(Token::Open)?;
        let subject_at = self.at();
        let subject = self.subject()?;
        if !subject.is_text() {
            let message = format!("{} takes text, and {} is not", function.word(), shown(subject.name));
            return Err(Fault::new(message).at(subject_at));
        }
        self.expect(Token::Comma)?;
        let value = self.text()?;
        self.expect(Token::Close)?;
        self.leaf(subject, Filter::Text { function, property: subject.property, value })
    }

    /// What follows the slash of `collection/any(item: condition)`.
    fn lambda(&mut self, subject: Subject<'a>) -> Result<Filter, Fault> {
        let (word, at) = self.word("any or all")?;
        let is_all = word.eq_ignore_ascii_case("all");
        if !is_all && !word.eq_ignore_ascii_case("any") {
            let message = format!("{} is not supported on a collection", shown(word));
            return Err(Fault::new(message).at(at).hint(lambda_of(subject.property)));
        }
        self.expect(Token::Open)?;
        let property = subject.property;
        if !is_all && self.eat(&Token::Close) {
            return self.node(Filter::Any { property, test: None });
        }
        let (variable, _) = self.word("a variable")?;
        self.expect(Token::Colon)?;
        self.variable = Some((variable, property));
        let test = self.deeper(Self::or)?;
        self.variable = None;
        self.expect(Token::Close)?;
        if !is_all {
            return self.node(Filter::Any { property, test: Some(Box::new(test)) });
        }
        // It holds of all when there is none of which it does not hold.
        let fails = self.node(Filter::Not(Box::new(test)))?;
        let some_fails = self.node(Filter::Any { property, test: Some(Box::new(fails)) })?;
        self.node(Filter::Not(Box::new(some_fails)))
    }

    /// Takes the `eq true` that may follow a function.
    fn compared_with_truth(&mut self, filter: Filter) -> Result<Filter, Fault> {
        let is_equal = self.peek_is("eq");
        if !is_equal && !self.peek_is("ne") {
            return Ok(filter);
        }
        self.advance();
        let (word, at) = self.word("true or false")?;
        let truth = truth(word)
            .ok_or_else(|| Fault::new(format!("expected true or false, got {}", shown(word))).at(at))?;
        if truth == is_equal { Ok(filter) } else { self.node(Filter::Not(Box::new(filter))) }
    }

    /// A property, which may be wrapped in `tolower(...)`: text is compared without regard to letter case.
    fn subject(&mut self) -> Result<Subject<'a>, Fault> {
        let start = self.at();
        let (mut word, mut at) = self.word("a property or a function")?;
        let mut wrappers = 0;
        while is_folding(word) && self.eat(&Token::Open) {
            wrappers += 1;
            (word, at) = self.word("a property")?;
        }
        let subject = self.resolve(word, at)?;
        if wrappers > 0 && !subject.is_text() {
            return Err(
                Fault::new(format!("tolower takes text, and {} is not", shown(subject.name))).at(start)
            );
        }
        for _ in 0..wrappers {
            self.expect(Token::Close)?;
        }
        Ok(subject)
    }

    fn resolve(&mut self, name: &'a str, at: usize) -> Result<Subject<'a>, Fault> {
        match self.variable {
            Some((variable, property)) if variable.eq_ignore_ascii_case(name) => match property.kind {
                Kind::Objects => self.member(variable, property),
                _ => Ok(Subject { name: variable, property, kind: Kind::String }),
            },
            Some((variable, _)) => Err(Fault::new(format!("{} cannot be used inside any()", shown(name)))
                .at(at)
                .hint(format!("only the variable can: {}", shown(variable)))),
            None => {
                let property = self.property(name, at, "filtered", Property::can_filter)?;
                Ok(Subject { name: property.name, property, kind: property.kind })
            }
        }
    }

    /// The member of an element of a collection of objects.
    fn member(&mut self, variable: &str, collection: &'static Property) -> Result<Subject<'a>, Fault> {
        let valid = || names(collection.elements, Property::can_filter);
        if !self.eat(&Token::Slash) {
            let message = format!("{} is an object and cannot be compared", shown(variable));
            return Err(Fault::new(message)
                .at(self.at())
                .hint(format!("{variable}/ and one of: {}", valid())));
        }
        let (name, at) = self.word("a member")?;
        let found = collection.elements.iter().find(|member| member.name.eq_ignore_ascii_case(name));
        match found.filter(|member| member.can_filter()) {
            Some(member) => Ok(Subject { name: member.name, property: member, kind: member.kind }),
            None => {
                let message = format!("unknown member {} of {}", shown(name), shown(collection.name));
                Err(Fault::new(message).at(at).hint(format!("valid: {}", valid())))
            }
        }
    }

    fn is_inside_strings(&self) -> bool {
        self.variable.is_some_and(|(_, property)| property.kind == Kind::Strings)
    }

    fn property(
        &self,
        name: &str,
        at: usize,
        done: &str,
        allowed: fn(&Property) -> bool,
    ) -> Result<&'static Property, Fault> {
        let message = match self.entity.property(name) {
            Some(property) if allowed(property) => return Ok(property),
            Some(property) => format!("property '{}' cannot be {done}", property.name),
            None => format!("unknown property {}", shown(name)),
        };
        Err(Fault::new(message).at(at).hint(format!("valid: {}", self.entity.names(allowed))))
    }

    /// `('a','b')` or `['a','b']`.
    fn list(&mut self, subject: Subject<'_>) -> Result<Vec<Value>, Fault> {
        let close = match self.peek() {
            Token::Open => Token::Close,
            Token::OpenSquare => Token::CloseSquare,
            _ => return Err(self.unexpected("a list after in").hint("such as ('a','b')")),
        };
        self.advance();
        let mut values = Vec::new();
        loop {
            let at = self.at();
            if values.len() == IN_VALUES_MAX {
                return Err(Fault::new(format!("a list of more than {IN_VALUES_MAX} values")).at(at));
            }
            match self.value(subject)? {
                Value::Null => {
                    return Err(Fault::new("null cannot be in a list")
                        .at(at)
                        .hint("write: property eq null or property in (...)"));
                }
                value => values.push(value),
            }
            if !self.eat(&Token::Comma) {
                break;
            }
        }
        self.expect(close)?;
        Ok(values)
    }

    /// A value for the subject: bare, quoted, or quoted with its type in front as in `Ns.Severity'High'`.
    fn value(&mut self, subject: Subject<'_>) -> Result<Value, Fault> {
        let Spanned { token, start, end } = self.tokens[self.next].clone();
        let wrong = |what: &str| {
            let message = format!("{} takes {}, not {what}", shown(subject.name), subject.takes());
            Fault::new(message).at(start).hint(subject.example())
        };
        let word = match token {
            Token::Quoted(text) => {
                self.advance();
                return subject.quoted(&text).ok_or_else(|| wrong(&format!("the text {}", shown(&text))));
            }
            Token::Word(word) => word,
            _ => {
                return Err(self
                    .unexpected(&format!("a value for {}", shown(subject.name)))
                    .hint(subject.example()));
            }
        };
        if is_folding(word) && matches!(self.tokens[self.next + 1].token, Token::Open) {
            let text = self.text()?;
            return subject.quoted(&text).ok_or_else(|| wrong(&format!("the text {}", shown(&text))));
        }
        self.advance();
        if let Spanned { token: Token::Quoted(text), start, .. } = &self.tokens[self.next]
            && *start == end
        {
            let value = subject.typed(word, text);
            let value = value.ok_or_else(|| wrong(&format!("{}{}", cut(word), shown(text))))?;
            self.advance();
            return Ok(value);
        }
        subject.bare(word).ok_or_else(|| wrong(&shown(word)))
    }

    /// A quoted string, which may be wrapped in `tolower(...)`.
    fn text(&mut self) -> Result<String, Fault> {
        let mut wrappers = 0;
        while matches!(self.peek(), Token::Word(word) if is_folding(word)) {
            self.advance();
            self.expect(Token::Open)?;
            wrappers += 1;
        }
        let Token::Quoted(text) = self.peek().clone() else {
            return Err(self.unexpected("a string in quotes"));
        };
        self.advance();
        for _ in 0..wrappers {
            self.expect(Token::Close)?;
        }
        Ok(text)
    }

    /// A condition on a property itself, or on some element of a collection.
    fn leaf(&mut self, subject: Subject<'_>, condition: Filter) -> Result<Filter, Fault> {
        let condition = self.node(condition)?;
        if subject.kind != Kind::Strings {
            return Ok(condition);
        }
        self.node(Filter::Any { property: subject.property, test: Some(Box::new(condition)) })
    }

    fn node(&mut self, filter: Filter) -> Result<Filter, Fault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Fault::new(format!("more than {NODES_MAX} conditions")).at(self.at()));
        }
        Ok(filter)
    }

    fn deeper(&mut self, inner: fn(&mut Self) -> Result<Filter, Fault>) -> Result<Filter, Fault> {
        if self.depth == DEPTH_MAX {
            return Err(Fault::new(format!("nested more than {DEPTH_MAX} deep")).at(self.at()));
        }
        self.depth += 1;
        let filter = inner(self)?;
        self.depth -= 1;
        Ok(filter)
    }

    fn peek(&self) -> &Token<'a> {
        &self.tokens[self.next].token
    }

    fn at(&self) -> usize {
        self.tokens[self.next].start
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn eat(&mut self, token: &Token<'_>) -> bool {
        let found = self.peek() == token;
        if found {
            self.advance();
        }
        found
    }

    fn peek_is(&self, keyword: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn eat_word(&mut self, keyword: &str) -> bool {
        let found = self.peek_is(keyword);
        if found {
            self.advance();
        }
        found
    }

    /// The next token, which has to be a word, and where it stands.
    fn word(&mut self, wanted: &str) -> Result<(&'a str, usize), Fault> {
        let Token::Word(word) = *self.peek() else {
            return Err(self.unexpected(wanted));
        };
        let at = self.at();
        self.advance();
        Ok((word, at))
    }

    fn expect(&mut self, token: Token<'_>) -> Result<(), Fault> {
        if self.eat(&token) { Ok(()) } else { Err(self.unexpected(&describe(&token))) }
    }

    fn expect_end(&self, hint: &str) -> Result<(), Fault> {
        match self.peek() {
            Token::End => Ok(()),
            token => Err(Fault::new(format!("unexpected {}", describe(token))).at(self.at()).hint(hint)),
        }
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        Fault::new(format!("expected {wanted}, got {}", describe(self.peek()))).at(self.at())
    }
}

fn lambda_of(collection: &Property) -> String {
    let name = collection.name;
    match collection.elements.first() {
        Some(member) => format!("such as {name}/any(x: x/{} ...)", member.name),
        None => format!("valid: {name}/any(...), {name}/all(...)"),
    }
}

const OPERATORS: &str = "valid: eq, ne, gt, ge, lt, le, in";

fn describe(token: &Token<'_>) -> String {
    let sign = match token {
        Token::Word(word) => return shown(word),
        Token::Quoted(text) => return format!("the text {}", shown(text)),
        Token::End => return "the end".to_owned(),
        Token::Open => "(",
        Token::Close => ")",
        Token::OpenSquare => "[",
        Token::CloseSquare => "]",
        Token::Comma => ",",
        Token::Slash => "/",
        Token::Colon => ":",
    };
    shown(sign)
}

fn is_folding(word: &str) -> bool {
    word.eq_ignore_ascii_case("tolower") || word.eq_ignore_ascii_case("toupper")
}

fn is_joining(word: &str) -> bool {
    word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or")
}
