//! Functions and their arguments. Pure.

use crate::error::Fault;
use crate::expression::function::{Function, Name};
use crate::expression::{Expression, Junction, Node};
use crate::parser::Parser;
use crate::parser::token::TokenKind;
use crate::span::Span;

impl Parser<'_> {
    /// What stands in the parentheses, after what was there before.
    pub(super) fn arguments(
        &mut self,
        function: &Function,
        mut before: Vec<Node>,
    ) -> Result<Vec<Node>, Fault> {
        self.expect_sign("(")?;
        while !self.takes_sign(")") {
            let is_condition = before.len() == 1 && matches!(function.name, Name::Any | Name::All);
            self.lists += usize::from(is_condition);
            before.push(self.disjunction()?);
            self.lists -= usize::from(is_condition);
            if !self.takes_sign(",") && *self.kind() != TokenKind::Sign(")") {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(before)
    }

    /// The node of a call, if the arguments are as many as the function takes.
    pub(super) fn call(
        &mut self,
        function: &'static Function,
        arguments: Vec<Node>,
        name: Span,
        span: Span,
    ) -> Result<Node, Fault> {
        if !function.arity.contains(&arguments.len()) {
            let amount = if arguments.len() < *function.arity.start() { "few" } else { "many" };
            let message = format!("`{}` has too {amount} arguments", function.text);
            return Err(Fault::new(name, message).help(format!("it is {}", function.signature())));
        }
        let mut rest = arguments.into_iter();
        let expression = match (function.name, rest.next(), rest.next()) {
            (Name::Matches, Some(text), Some(pattern)) => {
                return Ok(self.matching(text, &pattern)?.at(span));
            }
            (Name::Exists, Some(path), _) if is_field(&path) => Expression::Exists(Box::new(path)),
            (Name::Exists, Some(other), _) => {
                return Err(Fault::new(other.span, "`exists` takes a field or a header")
                    .help("write exists(value.a), and key != null for a part"));
            }
            (Name::Default, Some(first), Some(second)) => {
                Expression::Default(Box::new(first), Box::new(second))
            }
            (Name::Any, Some(list), Some(condition)) => {
                Expression::Each(Junction::Or, Box::new(list), Box::new(condition))
            }
            (Name::All, Some(list), Some(condition)) => {
                Expression::Each(Junction::And, Box::new(list), Box::new(condition))
            }
            (name, first, second) => Expression::Call(name, first.into_iter().chain(second).collect()),
        };
        self.node(expression, span)
    }
}

fn is_field(node: &Node) -> bool {
    matches!(&node.expression, Expression::Path(path) if !path.steps.is_empty())
}
