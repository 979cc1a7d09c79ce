//! What the value of a configuration key may be. Used by the tables of broker and topic keys; reads nothing, keeps nothing.

use std::fmt;

/// The type of a key's value, as DescribeConfigs names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueType {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 64 bits.
    Long,
    /// A number with a fraction.
    Double,
    /// Texts separated by commas.
    List,
    /// The name of a Java class.
    Class,
    /// A text that is never shown.
    Password,
}

impl ValueType {
    /// The number of the type in DescribeConfigs (KIP-569).
    pub(crate) const fn wire(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }
}

/// Which values of its type a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Allowed {
    /// Every value of the type.
    Any,
    /// A number of at least this.
    AtLeast(i64),
    /// A number from the first to the second, both included.
    Between(i64, i64),
    /// -1, or a number from the first to the second.
    MinusOneOrBetween(i64, i64),
    /// A number from the first to the second, fractions included.
    Fraction(f64, f64),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these texts, in upper or lower case.
    OneOfAnyCase(&'static [&'static str]),
    /// A list of these texts.
    Each(&'static [&'static str]),
}

/// What a value must be, in words: `expected` of "num.partitions=x: expected ...".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expected {
    value_type: ValueType,
    allowed: Allowed,
}

/// Whether `value` is one that a key of this type and range takes.
///
/// # Errors
/// With what would be allowed.
pub(crate) fn check(value_type: ValueType, allowed: Allowed, value: &str) -> Result<(), Expected> {
    let value = value.trim();
    let of_type = match value_type {
        ValueType::Boolean => ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)),
        ValueType::Int => value.parse::<i32>().is_ok(),
        ValueType::Short => value.parse::<i16>().is_ok(),
        ValueType::Long => value.parse::<i64>().is_ok(),
        ValueType::Double => value.parse::<f64>().is_ok(),
        ValueType::String | ValueType::List | ValueType::Class | ValueType::Password => true,
    };
    let in_range =
        |low: i64, high: i64| value.parse::<i64>().is_ok_and(|number| (low..=high).contains(&number));
    let is_allowed = match allowed {
        Allowed::Any => true,
        Allowed::AtLeast(low) => in_range(low, i64::MAX),
        Allowed::Between(low, high) => in_range(low, high),
        Allowed::MinusOneOrBetween(low, high) => in_range(-1, -1) || in_range(low, high),
        Allowed::Fraction(low, high) => {
            value.parse::<f64>().is_ok_and(|number| (low..=high).contains(&number))
        }
        Allowed::OneOf(words) => words.contains(&value),
        Allowed::OneOfAnyCase(words) => words.iter().any(|word| word.eq_ignore_ascii_case(value)),
        Allowed::Each(words) => list(value).all(|item| words.contains(&item)),
    };
    if of_type && is_allowed { Ok(()) } else { Err(Expected { value_type, allowed }) }
}

/// The texts of a list, without the space around them and without empty ones.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.allowed, self.value_type) {
            (Allowed::OneOf(words) | Allowed::OneOfAnyCase(words), _) => {
                write!(f, "one of {}", words.join(", "))
            }
            (Allowed::Each(words), _) => write!(f, "a list of {}", words.join(", ")),
            (_, ValueType::Boolean) => f.write_str("true or false"),
            (Allowed::Between(low, high), _) => write!(f, "a whole number from {low} to {high}"),
            (Allowed::MinusOneOrBetween(low, high), _) => {
                write!(f, "-1, or a whole number from {low} to {high}")
            }
            (Allowed::Fraction(low, high), _) => write!(f, "a number from {low} to {high}"),
            (allowed, ValueType::Int) => whole_number(f, allowed, i64::from(i32::MIN), i64::from(i32::MAX)),
            (allowed, ValueType::Short) => whole_number(f, allowed, i64::from(i16::MIN), i64::from(i16::MAX)),
            (allowed, ValueType::Long) => whole_number(f, allowed, i64::MIN, i64::MAX),
            (_, ValueType::Double) => f.write_str("a number"),
            (_, ValueType::String | ValueType::List | ValueType::Class | ValueType::Password) => {
                f.write_str("a text")
            }
        }
    }
}

fn whole_number(f: &mut fmt::Formatter<'_>, allowed: Allowed, low: i64, high: i64) -> fmt::Result {
    let low = if let Allowed::AtLeast(at_least) = allowed { at_least } else { low };
    write!(f, "a whole number from {low} to {high}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_would_be_allowed() {
        let cases = [
            (ValueType::Boolean, Allowed::Any, "yes", "true or false"),
            (ValueType::Int, Allowed::AtLeast(1), "0", "a whole number from 1 to 2147483647"),
            (ValueType::Int, Allowed::Any, "3000000000", "a whole number from -2147483648 to 2147483647"),
            (ValueType::Short, Allowed::AtLeast(1), "40000", "a whole number from 1 to 32767"),
            (ValueType::Double, Allowed::Fraction(0.0, 1.0), "1.5", "a number from 0 to 1"),
            (ValueType::String, Allowed::OneOf(&["a", "b"]), "A", "one of a, b"),
            (
                ValueType::List,
                Allowed::Each(&["compact", "delete"]),
                "delete, x",
                "a list of compact, delete",
            ),
            (ValueType::Int, Allowed::MinusOneOrBetween(1, 9), "0", "-1, or a whole number from 1 to 9"),
        ];
        for (value_type, allowed, value, expected) in cases {
            assert_eq!(check(value_type, allowed, value).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn what_is_in_range_passes() {
        let cases = [
            (ValueType::Boolean, Allowed::Any, "TRUE"),
            (ValueType::Int, Allowed::AtLeast(1), " 1 "),
            (ValueType::Int, Allowed::MinusOneOrBetween(1, 9), "-1"),
            (ValueType::Double, Allowed::Any, "1.7976931348623157E308"),
            (ValueType::List, Allowed::Each(&["compact", "delete"]), "compact, delete"),
            (ValueType::String, Allowed::OneOfAnyCase(&["UPGRADE"]), "upgrade"),
        ];
        for (value_type, allowed, value) in cases {
            assert_eq!(check(value_type, allowed, value), Ok(()), "{value}");
        }
    }
}
