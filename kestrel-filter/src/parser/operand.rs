//! What operators stand between: literals, parts of the record and the way into them, parentheses. Pure.

use crate::error::Fault;
use crate::expression::function::{self, Function};
use crate::expression::{Expression, Literal, Node, Path, Root, Step};
use crate::parser::Parser;
use crate::parser::token::{Keyword, TokenKind};
use crate::record::part::Part;
use crate::span::Span;
use crate::value::number::Number;

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Result<Node, Fault> {
        let span = self.span();
        let mut node = match self.kind().clone() {
            TokenKind::Name(word) if *self.kind_after(1) == TokenKind::Sign("(") => self.function(word)?,
            TokenKind::Name(word) => self.path(word)?,
            TokenKind::Sign("(") => {
                self.at += 1;
                let inner = self.disjunction()?;
                self.expect_sign(")")?;
                // What is in parentheses is shown with them.
                inner.at(self.since(span))
            }
            TokenKind::Sign(".") => {
                return Err(
                    Fault::new(span, "a filter does not begin with a dot").help("write value.a, and not .a")
                );
            }
            _ => self.literal()?,
        };
        while self.takes_sign(".") {
            node = self.method(node)?;
        }
        if *self.kind() == TokenKind::Sign("[") && !matches!(node.expression, Expression::Path(_)) {
            return Err(Fault::new(self.span(), "only parts of a record have fields and elements"));
        }
        Ok(node)
    }

    fn literal(&mut self) -> Result<Node, Fault> {
        let span = self.span();
        let literal = match self.kind().clone() {
            TokenKind::Text(text) => Literal::Text(text.into_boxed_str()),
            TokenKind::Number(number) => Literal::Number(number),
            TokenKind::Duration(duration) => Literal::Duration(duration),
            TokenKind::Keyword(Keyword::True) => Literal::Boolean(true),
            TokenKind::Keyword(Keyword::False) => Literal::Boolean(false),
            TokenKind::Keyword(Keyword::Null) => Literal::Null,
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        self.node(Expression::Literal(literal), span)
    }

    fn function(&mut self, word: &str) -> Result<Node, Fault> {
        let name = self.span();
        let function = Function::find(word).ok_or_else(|| unknown_function(word, name))?;
        self.at += 1;
        let arguments = self.arguments(function, Vec::new())?;
        self.call(function, arguments, name, self.since(name))
    }

    /// A function that follows a value and a dot.
    fn method(&mut self, receiver: Node) -> Result<Node, Fault> {
        let (name, span) = (self.span(), receiver.span);
        let word = match self.kind() {
            TokenKind::Name(word) if *self.kind_after(1) == TokenKind::Sign("(") => *word,
            _ => return Err(Fault::new(name, "only parts of a record have fields")),
        };
        let function = Function::find(word).ok_or_else(|| unknown_function(word, name))?;
        self.at += 1;
        let arguments = self.arguments(function, vec![receiver])?;
        self.call(function, arguments, name, self.since(span))
    }

    fn path(&mut self, word: &str) -> Result<Node, Fault> {
        let span = self.span();
        let part = Part::ALL.into_iter().find(|part| part.name() == word);
        let root = match part {
            Some(part) => Root::Part(part),
            None if word == "it" && self.lists > 0 => Root::Element,
            None => return Err(self.unknown_part(word)),
        };
        self.at += 1;
        let mut steps = Vec::new();
        while let Some(step) = self.step()? {
            steps.push(step);
        }
        let path = Path { root, steps };
        let node = Node::new(Expression::Path(path), self.since(span));
        self.check_path(&node)?;
        Ok(node)
    }

    /// A field or an element, if one follows.
    fn step(&mut self) -> Result<Option<Step>, Fault> {
        if self.takes_sign("[") {
            return self.bracket().map(Some);
        }
        if *self.kind() != TokenKind::Sign(".") {
            return Ok(None);
        }
        let field: Box<str> = match self.kind_after(1) {
            TokenKind::Name(_) if *self.kind_after(2) == TokenKind::Sign("(") => return Ok(None),
            TokenKind::Name(word) => (*word).into(),
            // After a dot every word is a field, as it is written.
            TokenKind::Keyword(_) => {
                self.tokens.get(self.at + 1).map_or("", |token| token.span.of(self.text)).into()
            }
            TokenKind::Text(text) => text.as_str().into(),
            _ => {
                self.at += 1;
                let fault = self.unexpected("a field's name");
                return Err(
                    fault.help("what is no word is written value[\"name\"], and an element value.list[0]")
                );
            }
        };
        self.at += 2;
        Ok(Some(Step::Field(field)))
    }

    fn bracket(&mut self) -> Result<Step, Fault> {
        let is_negative = self.takes_sign("-");
        let step = match self.kind() {
            TokenKind::Text(name) if !is_negative => Some(Step::Field(name.as_str().into())),
            TokenKind::Number(Number::Whole(index)) => {
                let index = if is_negative { -index } else { *index };
                i64::try_from(index).ok().map(Step::Index)
            }
            _ => None,
        };
        let Some(step) = step else {
            let fault = self.unexpected("a field's name in quotes or an element's number");
            return Err(fault.help("whether any element fits is asked with any(value.list, it == 1)"));
        };
        self.at += 1;
        self.expect_sign("]")?;
        Ok(step)
    }

    /// Whether the way into a part of the record can lead to anything.
    fn check_path(&self, node: &Node) -> Result<(), Fault> {
        let Expression::Path(Path { root: Root::Part(part), steps }) = &node.expression else {
            return Ok(());
        };
        match (part, steps.as_slice()) {
            (Part::Headers, [Step::Field(_)]) => Ok(()),
            (Part::Headers, [Step::Field(first), rest @ ..]) if !rest.is_empty() => {
                let fault = Fault::new(node.span, "a header has no fields");
                Err(fault
                    .help(format!("a name with dots is written headers[\"{}.…\"]", first.escape_debug())))
            }
            (Part::Headers, _) => {
                let fault = Fault::new(node.span, "the headers are asked for one by one");
                Err(fault.help("write headers.source or headers[\"content-type\"]"))
            }
            (_, []) => Ok(()),
            (part, _) if part.has_fields() => Ok(()),
            (part, _) => Err(Fault::new(node.span, format!("`{}` has no fields", part.name()))),
        }
    }

    fn unknown_part(&self, word: &str) -> Fault {
        let fault = Fault::new(self.span(), format!("a record has no part `{word}`"));
        let lower = word.to_lowercase();
        let near = kestrel_settings::closest(&lower, Part::ALL.iter().map(|part| part.name()));
        let foreign =
            FOREIGN.iter().find(|(foreign, _)| *foreign == lower).map(|(_, help)| (*help).to_owned());
        fault.help(if self.is_after_dash() {
            "a name with a dash is written headers[\"content-type\"]".to_owned()
        } else if let Some(help) = foreign {
            help
        } else if let Some(near) = near {
            format!("did you mean `{near}`?")
        } else if Function::find(&lower).is_some() {
            format!("a function is called with parentheses: {lower}(…)")
        } else {
            format!("a field of the value is written value.{word}, and a text in quotes")
        })
    }

    /// Whether a dash without space joins the word to what stands before it.
    fn is_after_dash(&self) -> bool {
        let before = |count: usize| self.at.checked_sub(count).and_then(|at| self.tokens.get(at));
        let (Some(dash), Some(first)) = (before(1), before(2)) else { return false };
        let is_joined = first.span.end == dash.span.start && dash.span.end == self.span().start;
        is_joined && dash.kind == TokenKind::Sign("-") && matches!(first.kind, TokenKind::Name(_))
    }
}

fn unknown_function(word: &str, span: Span) -> Fault {
    let fault = Fault::new(span, format!("there is no function `{word}`"));
    match function::suggest(word) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault,
    }
}

/// What other tools call the parts of a record.
const FOREIGN: [(&str, &str); 12] = [
    ("record", "write value.a, without `record.`"),
    ("message", "write value.a, without `message.`"),
    ("payload", "write `value`"),
    ("header", "write headers.source"),
    ("ts", "write `timestamp`"),
    ("timestampms", "write `timestamp`, and a time: timestamp > time(1796026500000)"),
    ("partitionid", "write `partition`"),
    ("keyastext", "write text(key)"),
    ("valueastext", "write text(value)"),
    ("undefined", "write `null`"),
    ("none", "write `null`"),
    ("it", "`it` is the element in the condition of any() and all()"),
];
