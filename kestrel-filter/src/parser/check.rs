//! What can be known to be wrong before there is a record: types that never fit, and constants that come to nothing. Pure.

use crate::context::Context;
use crate::error::Fault;
use crate::evaluation::Evaluation;
use crate::expression::function::Name;
use crate::expression::{Arithmetic, Choices, Comparison, Expression, Node};
use crate::record::nothing::Nothing;
use crate::value::kind::Kind;
use crate::value::time;

/// Whether a whole tree can be a filter.
///
/// # Errors
/// If it gives something other than yes or no, or a part without anything of a record comes to nothing.
pub(crate) fn check(node: &Node) -> Result<(), Fault> {
    is_boolean(node, "a filter says yes or no, and this is")?;
    constants(node)
}

/// Whether the types of what a node joins fit, as far as they are known.
pub(super) fn types(node: &Node, text: &str) -> Result<(), Fault> {
    match &node.expression {
        Expression::Not(inner) => is_boolean(inner, "`not` takes a condition, and this is"),
        Expression::Junction(junction, nodes) => {
            let message = format!("`{}` joins conditions, and this is", junction.word());
            nodes.iter().try_for_each(|node| is_boolean(node, &message))
        }
        Expression::Each(_, list, condition) => {
            is_one_of(list, &[Kind::List], "a list is wanted here, and this is")?;
            is_boolean(condition, "the condition says yes or no, and this is")
        }
        Expression::Compare(left, comparison, right) => compares(left, *comparison, right, text),
        Expression::In(needle, Choices::These(choices)) => {
            choices.iter().try_for_each(|choice| compares(needle, Comparison::Equal, choice, text))
        }
        Expression::In(_, Choices::Of(list)) => {
            is_one_of(list, &[Kind::List], "`in` takes a list, and this is")
        }
        Expression::Matches(subject, _) => {
            is_one_of(subject, &[Kind::Text], "`~` searches a text, and this is")
        }
        Expression::Arithmetic(left, operator, right) => calculates(left, *operator, right),
        Expression::Negate(inner) => is_one_of(
            inner,
            &[Kind::Number, Kind::Duration],
            "only numbers and durations have a sign, and this is",
        ),
        Expression::Call(name, arguments) => takes(*name, arguments),
        Expression::Literal(_) | Expression::Path(_) | Expression::Exists(_) | Expression::Default(..) => {
            Ok(())
        }
    }
}

fn is_boolean(node: &Node, message: &str) -> Result<(), Fault> {
    is_one_of(node, &[Kind::Boolean], message)
}

fn is_one_of(node: &Node, kinds: &[Kind], message: &str) -> Result<(), Fault> {
    match node.kind() {
        Some(kind) if !kinds.is_empty() && !kinds.contains(&kind) => {
            Err(Fault::new(node.span, format!("{message} {kind}")))
        }
        _ => Ok(()),
    }
}

fn takes(name: Name, arguments: &[Node]) -> Result<(), Fault> {
    let function = name.function();
    for (at, argument) in arguments.iter().enumerate() {
        let message = format!("{} does not take", function.signature());
        is_one_of(argument, function.takes[at.min(1)], &message)?;
    }
    match arguments {
        [_, offset] if matches!(name, Name::Date | Name::Hour | Name::Weekday) => {
            let is_wrong = offset.as_text().is_some_and(|text| time::parse_offset(text).is_none());
            let fault =
                || Fault::new(offset.span, "this is no offset from UTC").help("write \"+01:00\" or \"Z\"");
            if is_wrong { Err(fault()) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn calculates(left: &Node, operator: Arithmetic, right: &Node) -> Result<(), Fault> {
    match (left.kind(), right.kind()) {
        (Some(one), Some(other)) if operator.kind(one, other).is_none() => {
            let message = format!("`{}` does not join {one} and {other}", operator.symbol());
            let fault = Fault::new(left.span.to(right.span), message);
            Err(if [one, other].contains(&Kind::Time) && [one, other].contains(&Kind::Number) {
                fault.help("a duration has a unit: 1h, 30m, 15s, 250ms")
            } else {
                fault
            })
        }
        _ => Ok(()),
    }
}

fn compares(left: &Node, comparison: Comparison, right: &Node, text: &str) -> Result<(), Fault> {
    let (Some(one), Some(other)) = (left.kind(), right.kind()) else { return Ok(()) };
    let span = left.span.to(right.span);
    let is_decided = if comparison.is_equality() { one.equates(other) } else { one.orders(other) };
    if !is_decided {
        let fault = Fault::new(span, format!("this compares {one} with {other}"));
        return Err(help(left, right, text).into_iter().fold(fault, Fault::help));
    }
    for (node, beside) in [(left, other), (right, one)] {
        if beside == Kind::Time && node.as_text().is_some_and(|text| time::parse(text).is_none()) {
            return Err(Fault::new(node.span, "this is no time")
                .help("write \"2026-11-30\" or \"2026-11-30T08:15:00Z\""));
        }
    }
    Ok(())
}

/// What was meant by a comparison of unlike types.
fn help(left: &Node, right: &Node, text: &str) -> Option<String> {
    for (node, beside) in [(left, right), (right, left)] {
        let (kind, written) = (beside.kind()?, node.span.of(text));
        match (node.kind()?, kind) {
            (Kind::Number, Kind::Time) => {
                return Some(format!("milliseconds since 1970 are written time({written})"));
            }
            (Kind::Duration, Kind::Time) => return Some(format!("write now() - {written}")),
            (Kind::Text, Kind::Number) => return Some("a number stands without quotes".to_owned()),
            _ => {}
        }
    }
    None
}

/// Whether each part that is the same for all records comes to something.
fn constants(node: &Node) -> Result<(), Fault> {
    if !node.needs().is_nothing() {
        return node.expression.children().into_iter().try_for_each(constants);
    }
    match Evaluation::new(&Nothing, &Context::EPOCH).value(node) {
        Ok(_) => Ok(()),
        Err(stop) => Err(Fault::new(stop.span, format!("this {}", stop.cause))),
    }
}
