//! What a filter comes to for one record: yes, no, or undecided. Pure.
//!
//! `and`, `or`, `any` and `all` are decided as soon as one part settles them, whatever of the others is undecided and wherever
//! they stand. So parts that cost nothing go first, and a decoder runs only where they leave the answer open.

mod arithmetic;
mod call;
pub(crate) mod nearest;
mod path;

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::context::Context;
use crate::expression::pattern::Pattern;
use crate::expression::{Choices, Comparison, Expression, Junction, Node};
use crate::record::Record;
use crate::undecided::{Cause, Stop};
use crate::value::number::Number;
use crate::value::time;
use crate::value::{Meter, Value};

/// The evaluation of one filter on one record.
pub(crate) struct Evaluation<'a> {
    record: &'a dyn Record,
    now: i128,
    /// How many steps may still be made.
    steps: usize,
    /// The element that `it` is.
    element: Option<&'a Json>,
}

/// What a part comes to, or why it comes to nothing.
pub(crate) type Outcome<T> = Result<T, Stop>;

impl Meter for Evaluation<'_> {
    fn spend(&mut self, steps: usize) -> Result<(), Cause> {
        // At none, nothing that comes later gets through either.
        self.steps = self.steps.saturating_sub(steps);
        if self.steps == 0 { Err(Cause::TooMuchWork) } else { Ok(()) }
    }
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(record: &'a dyn Record, context: &Context) -> Self {
        // One more, so that the last of those that are allowed leaves something.
        let steps = context.max_steps().saturating_add(1);
        Self { record, now: context.now(), steps, element: None }
    }

    pub(crate) fn value(&mut self, node: &'a Node) -> Outcome<Value<'a>> {
        self.spend(1).map_err(|cause| cause.at(node.span))?;
        match &node.expression {
            Expression::Literal(literal) => Ok(literal.value()),
            Expression::Path(path) => self.path(path).map_err(|cause| cause.at(node.span)),
            Expression::Arithmetic(left, operator, right) => self.arithmetic(left, *operator, right, node),
            Expression::Negate(inner) => self.negated(inner),
            Expression::Default(first, second) => match self.value(first)? {
                Value::Missing | Value::Null => self.value(second),
                value => Ok(value),
            },
            Expression::Call(name, arguments) => self.call(*name, arguments, node),
            _ => self.condition(node).map(Value::Boolean),
        }
    }

    /// The value of a part that is a condition whatever the record.
    fn condition(&mut self, node: &'a Node) -> Outcome<bool> {
        match &node.expression {
            Expression::Not(inner) => self.truth(inner).map(|truth| !truth),
            Expression::Junction(junction, nodes) => self.junction(*junction, nodes),
            Expression::Compare(left, comparison, right) => self.compare(left, *comparison, right, node),
            Expression::In(needle, Choices::These(choices)) => self.is_one_of(needle, choices, node),
            Expression::In(needle, Choices::Of(list)) => {
                let (needle_value, elements) = (self.value(needle)?, self.list(list)?);
                self.is_element(&needle_value, elements).map_err(|cause| cause.at(node.span))
            }
            Expression::Matches(subject, pattern) => self.matches(subject, pattern),
            Expression::Exists(path) => self.exists(path),
            Expression::Each(junction, list, condition) => self.each(*junction, list, condition),
            // All others are values.
            _ => Err(Cause::Missing.at(node.span)),
        }
    }

    /// Whether a part is true.
    pub(crate) fn truth(&mut self, node: &'a Node) -> Outcome<bool> {
        match self.value(node)? {
            Value::Boolean(truth) => Ok(truth),
            other => Err(other.is_not("true or false").at(node.span)),
        }
    }

    fn junction(&mut self, junction: Junction, nodes: &'a [Node]) -> Outcome<bool> {
        let mut undecided = None;
        for is_costly in [false, true] {
            for node in nodes.iter().filter(|node| node.needs().is_costly() == is_costly) {
                match self.truth(node) {
                    Ok(truth) if truth == junction.decisive() => return Ok(truth),
                    Ok(_) => {}
                    Err(stop) => undecided = undecided.or(Some(stop)),
                }
            }
        }
        undecided.map_or_else(|| Ok(!junction.decisive()), Err)
    }

    fn each(&mut self, junction: Junction, list: &'a Node, condition: &'a Node) -> Outcome<bool> {
        let elements = self.list(list)?;
        let outer = self.element;
        let mut undecided = None;
        for element in elements {
            self.element = Some(element);
            let truth = self.truth(condition);
            self.element = outer;
            match truth {
                Ok(truth) if truth == junction.decisive() => return Ok(truth),
                Ok(_) => {}
                // The list may be longer than what is left of the steps.
                Err(stop) if stop.cause == Cause::TooMuchWork => return Err(stop),
                Err(stop) => undecided = undecided.or(Some(stop)),
            }
        }
        undecided.map_or_else(|| Ok(!junction.decisive()), Err)
    }

    fn compare(
        &mut self,
        left: &'a Node,
        comparison: Comparison,
        right: &'a Node,
        node: &'a Node,
    ) -> Outcome<bool> {
        let (one, other) = (self.value(left)?, self.value(right)?);
        let answer = if comparison.is_equality() {
            one.equals(&other, self).map(|equal| equal == (comparison == Comparison::Equal))
        } else {
            one.compare(&other, self).map(|ordering| comparison.holds(ordering))
        };
        answer.map_err(|cause| match cause {
            Cause::Missing if matches!(one, Value::Missing) => cause.at(left.span),
            Cause::Missing => cause.at(right.span),
            Cause::NoTime if matches!(one, Value::Text(_)) => cause.at(left.span),
            Cause::NoTime => cause.at(right.span),
            _ => cause.at(node.span),
        })
    }

    /// Whether a value is one of those that the filter names. What is of another type is another thing, unless all are.
    fn is_one_of(&mut self, needle: &'a Node, choices: &'a [Node], node: &'a Node) -> Outcome<bool> {
        let value = self.value(needle)?;
        let mut search = Search::default();
        for choice in choices {
            let other = self.value(choice)?;
            let place = match other {
                Value::Missing => choice.span,
                _ if matches!(value, Value::Missing) => needle.span,
                _ => node.span,
            };
            let answer = value.equals(&other, self).map_err(|cause| cause.at(place));
            if search.is_found(answer, matches!(other, Value::Null)) {
                return Ok(true);
            }
        }
        search.verdict()
    }

    /// Whether a value is in a list of the record.
    fn is_element(&mut self, value: &Value<'a>, elements: &'a [Json]) -> Result<bool, Cause> {
        if matches!(value, Value::Missing) {
            return Err(Cause::Missing);
        }
        let mut search = Search::default();
        for element in elements {
            self.spend(1)?;
            let answer = Value::of_json(element).and_then(|element| value.equals(&element, self));
            if search.is_found(answer, element.is_null()) {
                return Ok(true);
            }
        }
        search.verdict()
    }

    fn matches(&mut self, subject: &'a Node, pattern: &Pattern) -> Outcome<bool> {
        let text = self.text(subject)?;
        self.spend(pattern.steps(text.len())).map_err(|cause| cause.at(subject.span))?;
        Ok(pattern.is_match(&text))
    }

    fn exists(&mut self, path: &'a Node) -> Outcome<bool> {
        match self.value(path) {
            Ok(value) => Ok(!matches!(value, Value::Missing)),
            // What has no fields does not have this one.
            Err(Stop { cause: Cause::Without(..), .. }) => Ok(false),
            Err(stop) => Err(stop),
        }
    }

    fn text(&mut self, node: &'a Node) -> Outcome<Cow<'a, str>> {
        match self.value(node)? {
            Value::Text(text) => Ok(text),
            other => Err(other.is_not("a text").at(node.span)),
        }
    }

    fn number(&mut self, node: &'a Node) -> Outcome<Number> {
        match self.value(node)? {
            Value::Number(number) => Ok(number),
            other => Err(other.is_not("a number").at(node.span)),
        }
    }

    fn list(&mut self, node: &'a Node) -> Outcome<&'a [Json]> {
        match self.value(node)? {
            Value::List(list) => Ok(list),
            other => Err(other.is_not("a list").at(node.span)),
        }
    }

    /// A time, or the time that a text is.
    fn time(&mut self, node: &'a Node) -> Outcome<i128> {
        match self.value(node)? {
            Value::Time(time) => Ok(time),
            Value::Text(text) => time::parse(&text).ok_or_else(|| Cause::NoTime.at(node.span)),
            other => Err(other.is_not("a time").at(node.span)),
        }
    }
}

/// The search for an equal among several, as far as it has come.
struct Search<E> {
    /// Something of the same type was there.
    has_like: bool,
    /// The first of another type.
    unlike: Option<E>,
    /// The first of which nothing is known.
    unknown: Option<E>,
}

/// What a comparison fails with.
trait Failure {
    fn is_unlike(&self) -> bool;
}

impl Failure for Cause {
    fn is_unlike(&self) -> bool {
        matches!(self, Self::Unlike(..))
    }
}

impl Failure for Stop {
    fn is_unlike(&self) -> bool {
        self.cause.is_unlike()
    }
}

impl<E> Default for Search<E> {
    fn default() -> Self {
        Self { has_like: false, unlike: None, unknown: None }
    }
}

impl<E: Failure> Search<E> {
    /// Whether the answer ends the search. Null is beside every type, and so says nothing about whether one fits.
    fn is_found(&mut self, answer: Result<bool, E>, is_null: bool) -> bool {
        match answer {
            Ok(true) => return true,
            Ok(false) => self.has_like |= !is_null,
            Err(failure) if failure.is_unlike() => self.unlike = self.unlike.take().or(Some(failure)),
            Err(failure) => self.unknown = self.unknown.take().or(Some(failure)),
        }
        false
    }

    fn verdict(self) -> Result<bool, E> {
        match (self.unknown, self.unlike) {
            (Some(unknown), _) => Err(unknown),
            (None, Some(unlike)) if !self.has_like => Err(unlike),
            _ => Ok(false),
        }
    }
}
