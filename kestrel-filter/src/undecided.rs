//! Why a filter does not say whether it takes a record. Pure.

use std::fmt;
use std::mem::discriminant;
use std::sync::Arc;

use crate::span::Span;
use crate::value::kind::Kind;

/// The error of a record of which a filter can say neither yes nor no: what it looked for is missing, cannot be decoded, or is of
/// another type than the filter takes it for.
///
/// Such a record is neither shown nor dropped in silence: whoever filters counts it, and prints the first. Two that are equal have the
/// same reason at the same place of the same filter.
///
/// ```
/// use std::time::SystemTime;
///
/// use kestrel_filter::{Context, Filter, PlainRecord};
///
/// let filter = Filter::parse("value.magnitude >= 4.5")?;
/// let record = PlainRecord::new("earthquakes", 0, 17).with_value(br#"{"magnitude": "4.7"}"#);
/// let undecided = filter.matches(&record, &Context::at(SystemTime::UNIX_EPOCH)).unwrap_err();
/// assert_eq!(
///     undecided.to_string(),
///     "`value.magnitude >= 4.5` compares a text with a number: number(…) reads a text, text(…) writes a number"
/// );
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Undecided {
    text: Arc<str>,
    stop: Stop,
}

/// An [`Undecided`] that does not know the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Stop {
    pub(crate) span: Span,
    pub(crate) cause: Cause,
}

/// What makes a value, and perhaps the whole filter, undecided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    Missing,
    Unlike(Kind, Kind),
    /// Of a kind where another one is wanted.
    Wrong(Kind, &'static str),
    /// Of a kind that has no fields, or no elements.
    Without(Kind, &'static str),
    Undecodable(Box<str>),
    OutOfRange,
    DivisionByZero,
    NoNumber,
    NoTime,
    NoOffset,
    NoText,
    TooDeep,
    TooMuchWork,
}

impl Cause {
    pub(crate) const fn at(self, span: Span) -> Stop {
        Stop { span, cause: self }
    }
}

impl Stop {
    pub(crate) fn in_text(self, text: &Arc<str>) -> Undecided {
        Undecided { text: Arc::clone(text), stop: self }
    }
}

impl Undecided {
    /// The part of the filter that is not decided, as it was written.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.stop.span.of(&self.text)
    }

    /// Whether both have the same kind of reason at the same place, be it of different values.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let (one, another) = (&self.stop, &other.stop);
        one.span == another.span
            && discriminant(&one.cause) == discriminant(&another.cause)
            && self.text == other.text
    }

    /// Where something is missing.
    pub(crate) fn missing(&self) -> Option<Span> {
        Some(self.stop.span).filter(|_| self.stop.cause == Cause::Missing)
    }

    /// Whether the record would have taken more steps than [`Context::with_max_steps`](crate::Context::with_max_steps) allows.
    #[must_use]
    pub const fn is_too_much_work(&self) -> bool {
        matches!(self.stop.cause, Cause::TooMuchWork)
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.subject(), self.stop.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Unlike(left, right) => {
                write!(f, "compares {left} with {right}")?;
                advice(*left, *right).map_or(Ok(()), |advice| write!(f, ": {advice}"))
            }
            Self::Wrong(kind, wanted) => write!(f, "is {kind} and not {wanted}"),
            Self::Without(kind, parts) => write!(f, "asks for {parts} of {kind}"),
            Self::Undecodable(why) => write!(f, "cannot be decoded: {why}"),
            Self::OutOfRange => f.write_str("is beyond the range of numbers"),
            Self::DivisionByZero => f.write_str("divides by zero"),
            Self::NoNumber => f.write_str("is no number"),
            Self::NoTime => f.write_str("is no time such as 2026-11-30T08:15:00Z"),
            Self::NoOffset => f.write_str("is no offset from UTC such as +01:00"),
            Self::NoText => f.write_str("is bytes that are no text in UTF-8"),
            Self::TooDeep => f.write_str("is nested too deep"),
            Self::TooMuchWork => f.write_str("takes more steps than a record may"),
        }
    }
}

/// How values of two types could be compared.
const fn advice(left: Kind, right: Kind) -> Option<&'static str> {
    match (left, right) {
        (Kind::Text, Kind::Number) | (Kind::Number, Kind::Text) => {
            Some("number(…) reads a text, text(…) writes a number")
        }
        (Kind::Time, Kind::Number) | (Kind::Number, Kind::Time) => {
            Some("time(…) makes a time of milliseconds")
        }
        _ => None,
    }
}

impl std::error::Error for Undecided {}
