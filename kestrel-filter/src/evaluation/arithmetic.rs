//! Sums and products of numbers, durations and times: exact, or undecided. Pure.

use super::{Evaluation, Outcome};
use crate::expression::{Arithmetic, Node};
use crate::undecided::Cause;
use crate::value::Value;
use crate::value::number::Number;

impl<'a> Evaluation<'a> {
    pub(super) fn arithmetic(
        &mut self,
        left: &'a Node,
        operator: Arithmetic,
        right: &'a Node,
        node: &'a Node,
    ) -> Outcome<Value<'a>> {
        let (one, other) = (self.value(left)?, self.value(right)?);
        if let Some(missing) =
            [(&one, left), (&other, right)].into_iter().find(|(value, _)| value.kind().is_none())
        {
            return Err(Cause::Missing.at(missing.1.span));
        }
        let result = match (&one, &other) {
            (Value::Number(one), Value::Number(other)) => numbers(*one, operator, *other).map(Value::Number),
            _ => of_times(&one, operator, &other),
        };
        result.map_err(|cause| match cause {
            Cause::Wrong(..) if matches!(one, Value::Number(_) | Value::Time(_) | Value::Duration(_)) => {
                cause.at(right.span)
            }
            Cause::Wrong(..) => cause.at(left.span),
            _ => cause.at(node.span),
        })
    }

    pub(super) fn negated(&mut self, inner: &'a Node) -> Outcome<Value<'a>> {
        let negated = match self.value(inner)? {
            Value::Number(number) => number.negated().map(Value::Number),
            Value::Duration(duration) => duration.checked_neg().map(Value::Duration).ok_or(Cause::OutOfRange),
            other => Err(other.is_not("a number")),
        };
        negated.map_err(|cause| cause.at(inner.span))
    }
}

fn numbers(one: Number, operator: Arithmetic, other: Number) -> Result<Number, Cause> {
    match operator {
        Arithmetic::Plus => one.plus(other),
        Arithmetic::Minus => one.minus(other),
        Arithmetic::Times => one.times(other),
        Arithmetic::DividedBy => one.divided_by(other),
        Arithmetic::Modulo => one.modulo(other),
    }
}

fn of_times<'a>(one: &Value<'a>, operator: Arithmetic, other: &Value<'a>) -> Result<Value<'a>, Cause> {
    use Arithmetic::{Minus, Plus, Times};
    use Value::{Duration, Number as Count, Time};
    let (sum, is_time) = match (one, operator, other) {
        (Time(one), Minus, Time(other)) | (Duration(one), Minus, Duration(other)) => {
            (one.checked_sub(*other), false)
        }
        (Duration(one), Plus, Duration(other)) => (one.checked_add(*other), false),
        (Time(one), Plus, Duration(other)) | (Duration(one), Plus, Time(other)) => {
            (one.checked_add(*other), true)
        }
        (Time(one), Minus, Duration(other)) => (one.checked_sub(*other), true),
        (Duration(length), Times, Count(Number::Whole(count)))
        | (Count(Number::Whole(count)), Times, Duration(length)) => (length.checked_mul(*count), false),
        _ => return Err(unfit(one, other)),
    };
    sum.map(if is_time { Time } else { Duration }).ok_or(Cause::OutOfRange)
}

/// Which of two values is not what arithmetic takes.
fn unfit(one: &Value<'_>, other: &Value<'_>) -> Cause {
    match one {
        Value::Time(_) => other.is_not("a duration"),
        Value::Duration(_) => other.is_not("a whole number, a duration or a time that fits"),
        Value::Number(_) => other.is_not("a number"),
        _ => one.is_not("a number, a time or a duration"),
    }
}
