//! The types and ranges that values of keys have, as Apache Kafka has them.

use std::fmt;

/// The type of a key's value, as DescribeConfigs names it.
///
/// ```
/// assert_eq!(kestrel_settings::ValueType::Password.wire(), 9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
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
    #[must_use]
    pub const fn wire(self) -> i8 {
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

/// The values of its type that a key takes.
///
/// ```
/// use kestrel_settings::Allowed;
///
/// assert!(Allowed::Between(1, 9).contains("9"));
/// assert_eq!(Allowed::AtLeast(1).range(), "1 or more");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
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
    /// A list of replicas, as `PARTITION:BROKER`, or `*` for all.
    Replicas,
}

/// The values that would be allowed, in words: what stands after "expected".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    value_type: ValueType,
    allowed: Allowed,
}

/// Checks that `value` is one that a key of this type and range takes.
///
/// ```
/// use kestrel_settings::{Allowed, ValueType, check};
///
/// let refusal = check(ValueType::Short, Allowed::AtLeast(1), "0").unwrap_err();
/// assert_eq!(refusal.to_string(), "a whole number from 1 to 32767");
/// ```
///
/// # Errors
/// With what would be allowed.
pub fn check(value_type: ValueType, allowed: Allowed, value: &str) -> Result<(), Expected> {
    let value = value.trim();
    let of_type = match value_type {
        ValueType::Boolean => ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)),
        ValueType::Int => value.parse::<i32>().is_ok(),
        ValueType::Short => value.parse::<i16>().is_ok(),
        ValueType::Long => value.parse::<i64>().is_ok(),
        ValueType::Double => value.parse::<f64>().is_ok(),
        ValueType::String | ValueType::List | ValueType::Class | ValueType::Password => true,
    };
    if of_type && allowed.contains(value) { Ok(()) } else { Err(Expected { value_type, allowed }) }
}

impl Allowed {
    /// Whether it takes `value`, whatever the type.
    #[must_use]
    pub fn contains(self, value: &str) -> bool {
        let value = value.trim();
        let in_range =
            |low: i64, high: i64| value.parse::<i64>().is_ok_and(|number| (low..=high).contains(&number));
        match self {
            Self::Any => true,
            Self::AtLeast(low) => in_range(low, i64::MAX),
            Self::Between(low, high) => in_range(low, high),
            Self::MinusOneOrBetween(low, high) => in_range(-1, -1) || in_range(low, high),
            Self::Fraction(low, high) => {
                value.parse::<f64>().is_ok_and(|number| (low..=high).contains(&number))
            }
            Self::OneOf(words) => words.contains(&value),
            Self::OneOfAnyCase(words) => words.iter().any(|word| word.eq_ignore_ascii_case(value)),
            Self::Each(words) => list(value).all(|item| words.contains(&item)),
            Self::Replicas => value == "*" || list(value).all(is_replica),
        }
    }

    /// The range in a few words, for tables; nothing when there is none.
    #[must_use]
    pub fn range(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::AtLeast(low) => format!("{low} or more"),
            Self::Between(low, high) => format!("{low} to {high}"),
            Self::MinusOneOrBetween(low, high) => format!("-1, {low} to {high}"),
            Self::Fraction(low, high) => format!("{low} to {high}"),
            Self::OneOf(words) | Self::OneOfAnyCase(words) => words.join(", "),
            Self::Each(words) => format!("list of {}", words.join(", ")),
            Self::Replicas => "* or list of PARTITION:BROKER".to_owned(),
        }
    }
}

fn is_replica(item: &str) -> bool {
    let is_number = |text: &str| text.trim().parse::<i32>().is_ok_and(|number| number >= 0);
    item.split_once(':').is_some_and(|(left, right)| is_number(left) && is_number(right))
}

/// The texts of a list, without the space around them and without empty ones.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

impl Expected {
    /// What a key of this type and range takes.
    #[must_use]
    pub const fn new(value_type: ValueType, allowed: Allowed) -> Self {
        Self { value_type, allowed }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.allowed, self.value_type) {
            (Allowed::OneOf(words) | Allowed::OneOfAnyCase(words), _) => {
                write!(f, "one of {}", words.join(", "))
            }
            (Allowed::Replicas, _) => f.write_str("the literal '*' or a list of PARTITION:BROKER"),
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
