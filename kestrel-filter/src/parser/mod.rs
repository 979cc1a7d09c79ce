//! From text to a tree, by recursive descent: one function for each level of precedence, the weakest first. Pure.
//!
//! ```text
//! or        = and { "or" and }
//! and       = not { "and" not }
//! not       = "not" not | comparison
//! comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | function of two) sum | ("~" | "!~") text | ["not"] "in" choices ]
//! sum       = product { ("+" | "-") product }
//! product   = unary { ("*" | "/" | "%") unary }
//! unary     = "-" unary | operand { "." function arguments }
//! operand   = literal | path | function arguments | "(" or ")"
//! path      = root { "." name | "[" text "]" | "[" number "]" }
//! ```

mod call;
mod check;
mod lexer;
mod operand;
pub(crate) mod token;

use crate::error::Fault;
use crate::expression::function::Function;
use crate::expression::pattern::Pattern;
use crate::expression::{Arithmetic, Choices, Comparison, Expression, Junction, Literal, Node};
use crate::span::Span;
use crate::value::number::Number;
use token::{Keyword, Token, TokenKind};

pub(crate) use check::check;

/// How deep a filter may be nested, in parentheses and in operators.
pub(crate) const MAX_DEPTH: usize = 64;

/// How many regular expressions a filter may have.
pub(crate) const MAX_PATTERNS: usize = 32;

/// The tree of a text.
///
/// # Errors
/// At the first place where no filter goes on like this.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let mut parser = Parser { text, tokens: lexer::tokens(text)?, at: 0, depth: 0, patterns: 0, lists: 0 };
    if *parser.kind() == TokenKind::End {
        return Err(
            Fault::new(Span::new(0, 0), "the filter is empty").help("write a condition: partition == 0")
        );
    }
    let node = parser.disjunction()?;
    match parser.kind() {
        TokenKind::End => Ok(node),
        _ => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

/// The tokens, and how far they have been read.
struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    /// How many levels of the grammar's recursion are open.
    depth: usize,
    patterns: usize,
    /// How many `any` and `all` are open around the condition that is read.
    lists: usize,
}

impl<'t> Parser<'t> {
    fn token(&self) -> &Token<'t> {
        self.tokens.get(self.at).or_else(|| self.tokens.last()).expect("the last token is the end")
    }

    fn kind(&self) -> &TokenKind<'t> {
        &self.token().kind
    }

    fn kind_after(&self, count: usize) -> &TokenKind<'t> {
        self.tokens.get(self.at + count).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn span(&self) -> Span {
        self.token().span
    }

    /// From the beginning of `span` to the last token that was read.
    fn since(&self, span: Span) -> Span {
        span.to(self.tokens.get(self.at.saturating_sub(1)).map_or(span, |token| token.span))
    }

    /// Passes the token if it is this one.
    fn takes(&mut self, kind: &TokenKind<'_>) -> bool {
        let is_it = self.kind() == kind;
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_sign(&mut self, sign: &'static str) -> bool {
        self.takes(&TokenKind::Sign(sign))
    }

    fn expect_sign(&mut self, sign: &'static str) -> Result<(), Fault> {
        if self.takes_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let fault = Fault::new(self.span(), format!("expected {expected}, and found {}", self.kind()));
        self.hint().into_iter().fold(fault, Fault::help)
    }

    /// What whoever writes another language meant by the token.
    fn hint(&self) -> Option<&'static str> {
        match self.kind() {
            TokenKind::Name(word) => match word.to_ascii_lowercase().as_str() {
                "like" | "ilike" | "rlike" => {
                    Some("write a regular expression, key ~ \"^us\", or key contains \"us\"")
                }
                "is" => Some("write == null, or exists(value.a)"),
                "between" => Some("write value.a >= 1 and value.a <= 5"),
                "startswith" => Some("write starts_with"),
                "endswith" => Some("write ends_with"),
                _ => None,
            },
            TokenKind::Sign("(") => {
                Some("a function's name stands right before its arguments: contains(key, \"us\")")
            }
            TokenKind::Sign("[") => Some("a list stands after `in`, and nowhere else"),
            _ => None,
        }
    }

    /// Goes a level down for as long as `read` does.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Node, Fault>) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(self.span(), "the filter is nested too deep"));
        }
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    /// A node of the tree, if its types fit and it is not too high.
    fn node(&self, expression: Expression, span: Span) -> Result<Node, Fault> {
        let node = Node::new(expression, span);
        if node.height() > MAX_DEPTH {
            return Err(Fault::new(span, "the filter is nested too deep"));
        }
        check::types(&node, self.text)?;
        Ok(node)
    }

    fn disjunction(&mut self) -> Result<Node, Fault> {
        self.deeper(|parser| parser.junction(Junction::Or, Keyword::Or, Self::conjunction))
    }

    fn conjunction(&mut self) -> Result<Node, Fault> {
        self.junction(Junction::And, Keyword::And, Self::negation)
    }

    fn junction(
        &mut self,
        junction: Junction,
        keyword: Keyword,
        part: fn(&mut Self) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        let first = part(self)?;
        if *self.kind() != TokenKind::Keyword(keyword) {
            return Ok(first);
        }
        let span = first.span;
        let mut nodes = vec![first];
        while self.takes(&TokenKind::Keyword(keyword)) {
            nodes.push(part(self)?);
        }
        self.node(Expression::Junction(junction, nodes), self.since(span))
    }

    fn negation(&mut self) -> Result<Node, Fault> {
        let span = self.span();
        if !self.takes(&TokenKind::Keyword(Keyword::Not)) {
            return self.comparison();
        }
        let inner = self.deeper(Self::negation)?;
        self.node(Expression::Not(Box::new(inner)), self.since(span))
    }

    fn comparison(&mut self) -> Result<Node, Fault> {
        let left = self.sum()?;
        let compared = match self.kind().clone() {
            TokenKind::Sign("~") => self.pattern(left)?,
            TokenKind::Sign("!~") => {
                let inner = self.pattern(left)?;
                self.negated(inner)?
            }
            TokenKind::Sign(sign) if Comparison::of_symbol(sign).is_some() => self.compared(left, sign)?,
            TokenKind::Keyword(Keyword::In) => self.choices(left)?,
            TokenKind::Keyword(Keyword::Not) if *self.kind_after(1) == TokenKind::Keyword(Keyword::In) => {
                self.at += 1;
                let inner = self.choices(left)?;
                self.negated(inner)?
            }
            TokenKind::Name(word) => match Function::find(word).filter(|function| function.is_infix()) {
                Some(function) => self.infix(left, function)?,
                None => return Ok(left),
            },
            _ => return Ok(left),
        };
        match self.kind() {
            TokenKind::Sign(sign) if sign.ends_with('~') || Comparison::of_symbol(sign).is_some() => {
                Err(Fault::new(self.span(), "comparisons do not chain")
                    .help("write 1 < value.a and value.a < 5, or parentheses"))
            }
            _ => Ok(compared),
        }
    }

    fn negated(&self, inner: Node) -> Result<Node, Fault> {
        let span = inner.span;
        self.node(Expression::Not(Box::new(inner)), span)
    }

    fn compared(&mut self, left: Node, sign: &str) -> Result<Node, Fault> {
        let comparison = Comparison::of_symbol(sign).unwrap_or(Comparison::Equal);
        self.at += 1;
        let right = self.sum()?;
        let span = left.span.to(right.span);
        self.node(Expression::Compare(Box::new(left), comparison, Box::new(right)), span)
    }

    /// `~` and a regular expression.
    fn pattern(&mut self, left: Node) -> Result<Node, Fault> {
        self.at += 1;
        let right = self.sum()?;
        self.matching(left, &right)
    }

    fn matching(&mut self, left: Node, right: &Node) -> Result<Node, Fault> {
        let Some(text) = right.as_text() else {
            return Err(Fault::new(right.span, "a regular expression is a text in quotes")
                .help("write key ~ \"^us\""));
        };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            let message = format!("a filter has at most {MAX_PATTERNS} regular expressions");
            return Err(Fault::new(right.span, message).help("join some: \"^(us|ci)\""));
        }
        let pattern = Pattern::parse(text)
            .map_err(|why| Fault::new(right.span, format!("this is no regular expression: {why}")))?;
        let span = self.since(left.span);
        self.node(Expression::Matches(Box::new(left), pattern), span)
    }

    /// `in` and what is chosen from.
    fn choices(&mut self, needle: Node) -> Result<Node, Fault> {
        self.at += 1;
        let close = match self.kind() {
            TokenKind::Sign("[") => "]",
            TokenKind::Sign("(") => ")",
            _ => {
                let list = self.sum()?;
                let span = needle.span.to(list.span);
                return self.node(Expression::In(Box::new(needle), Choices::Of(Box::new(list))), span);
            }
        };
        self.at += 1;
        let mut choices = Vec::new();
        while !self.takes_sign(close) {
            choices.push(self.sum()?);
            if !self.takes_sign(",") && *self.kind() != TokenKind::Sign(close) {
                return Err(self.unexpected(&format!("`,` or `{close}`")));
            }
        }
        let span = self.since(needle.span);
        self.node(Expression::In(Box::new(needle), Choices::These(choices)), span)
    }

    fn infix(&mut self, left: Node, function: &'static Function) -> Result<Node, Fault> {
        let name = self.span();
        self.at += 1;
        let right = self.sum()?;
        let span = left.span.to(right.span);
        self.call(function, vec![left, right], name, span)
    }

    fn sum(&mut self) -> Result<Node, Fault> {
        let signs = [("+", Arithmetic::Plus), ("-", Arithmetic::Minus)];
        self.arithmetic(&signs, Self::product)
    }

    fn product(&mut self) -> Result<Node, Fault> {
        let signs = [("*", Arithmetic::Times), ("/", Arithmetic::DividedBy), ("%", Arithmetic::Modulo)];
        self.arithmetic(&signs, Self::unary)
    }

    fn arithmetic(
        &mut self,
        signs: &[(&'static str, Arithmetic)],
        part: fn(&mut Self) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        let mut left = part(self)?;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.takes_sign(sign)) {
            let right = part(self)?;
            let span = left.span.to(right.span);
            left = self.node(Expression::Arithmetic(Box::new(left), *operator, Box::new(right)), span)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, Fault> {
        let span = self.span();
        if !self.takes_sign("-") {
            return self.operand();
        }
        let inner = self.deeper(Self::unary)?;
        let negative = match &inner.expression {
            Expression::Literal(Literal::Number(Number::Fraction(fraction))) => {
                Some(Literal::Number(Number::Fraction(-fraction)))
            }
            Expression::Literal(Literal::Number(number)) => number.negated().ok().map(Literal::Number),
            Expression::Literal(Literal::Duration(duration)) => Some(Literal::Duration(-duration)),
            _ => None,
        };
        let expression = negative.map_or_else(|| Expression::Negate(Box::new(inner)), Expression::Literal);
        self.node(expression, self.since(span))
    }
}
