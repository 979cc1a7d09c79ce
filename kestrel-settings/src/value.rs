//! The types that fields of tables have: how each is read from text and written.

use std::ops::Deref;
use std::time::Duration;

use crate::secret::Secret;

/// A type that a setting can have.
///
/// Text comes to [`parse`](Self::parse) trimmed, and was checked against the key's type and range before. So numbers are as the
/// key says; one that the field's type has no room for becomes the nearest that it has room for.
///
/// ```
/// use std::time::Duration;
///
/// use kestrel_settings::Value;
///
/// assert_eq!(Duration::parse("1500"), Ok(Duration::from_millis(1500)));
/// assert_eq!(Option::<Duration>::parse("-1"), Ok(None), "a limit that is none");
/// assert_eq!(Value::print(&Duration::from_secs(2)), "2000");
/// ```
pub trait Value: Sized {
    /// Reads the text that a properties file has.
    ///
    /// # Errors
    /// With what would have been allowed, to stand after "expected".
    fn parse(text: &str) -> Result<Self, String>;

    /// The text that a properties file would have.
    fn print(&self) -> String;

    /// The value of a setting that nobody set, from the default of its key.
    ///
    /// # Panics
    /// When the default is none of the values: a mistake in the table.
    #[must_use]
    fn of_default(text: &str) -> Self {
        Self::parse(text).expect("the default of a key is one of its values")
    }
}

/// A whole number; the key's type and range have more to say.
fn whole(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a whole number".to_owned())
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {$(
        impl Value for $type {
            fn parse(text: &str) -> Result<Self, String> {
                let number = whole(text)?;
                Ok(Self::try_from(number).unwrap_or(if number < 0 { Self::MIN } else { Self::MAX }))
            }

            fn print(&self) -> String {
                i64::try_from(*self).unwrap_or(i64::MAX).to_string()
            }
        }
    )+};
}

whole_numbers!(i16, i32, i64, u32, u64, usize);

impl Value for f64 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "a number".to_owned())
    }

    fn print(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    fn parse(text: &str) -> Result<Self, String> {
        // In upper and lower case, as Java reads it.
        text.to_ascii_lowercase().parse().map_err(|_| "true or false".to_owned())
    }

    fn print(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn print(&self) -> String {
        self.clone()
    }
}

/// No text is none.
impl Value for Option<String> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn print(&self) -> String {
        self.clone().unwrap_or_default()
    }
}

/// No text is none.
impl Value for Option<Secret> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok((!text.is_empty()).then(|| Secret::new(text)))
    }

    fn print(&self) -> String {
        self.as_ref().map(Value::print).unwrap_or_default()
    }
}

/// No text is none.
impl Value for Option<i32> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { i32::parse(text).map(Some) }
    }

    fn print(&self) -> String {
        self.map(|number| number.to_string()).unwrap_or_default()
    }
}

/// Milliseconds.
impl Value for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        let millis = whole(text)?;
        u64::try_from(millis).map(Self::from_millis).map_err(|_| "a number of milliseconds".to_owned())
    }

    /// Rounded up: what is not nothing is at least a millisecond.
    fn print(&self) -> String {
        let millis = self.as_nanos().div_ceil(1_000_000);
        i64::try_from(millis).unwrap_or(i64::MAX).to_string()
    }
}

/// A limit: a negative number and the largest one are none, as in many keys of Apache Kafka.
impl Value for Option<u64> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(None);
        }
        whole(text).map(|number| u64::try_from(number).ok().filter(|_| number != i64::MAX))
    }

    fn print(&self) -> String {
        self.unwrap_or(u64::MAX).print()
    }
}

/// A limit in milliseconds: a negative number and the largest one mean never.
impl Value for Option<Duration> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Option::<u64>::parse(text)?.map(Duration::from_millis))
    }

    fn print(&self) -> String {
        self.unwrap_or(Duration::MAX).print()
    }
}

/// A duration that the key has in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minutes(
    /// The duration.
    pub Duration,
);

impl Value for Minutes {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(Duration::from_secs(u64::parse(text)?.saturating_mul(60))))
    }

    fn print(&self) -> String {
        (self.0.as_secs() / 60).print()
    }
}

/// A value, and whether somebody chose it: where a default gives way to other settings and a choice does not.
///
/// ```
/// use kestrel_settings::{Chosen, Value};
///
/// assert!(!Chosen::<bool>::of_default("true").is_chosen());
/// assert!(Chosen::<bool>::parse("true").unwrap().is_chosen());
/// assert_eq!(*Chosen::new(5), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen<T> {
    value: T,
    is_chosen: bool,
}

impl<T> Chosen<T> {
    /// A value that somebody chose.
    pub const fn new(value: T) -> Self {
        Self { value, is_chosen: true }
    }

    /// Whether somebody chose it.
    pub const fn is_chosen(&self) -> bool {
        self.is_chosen
    }
}

impl<T> Deref for Chosen<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Value> Value for Chosen<T> {
    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Self::new)
    }

    fn print(&self) -> String {
        self.value.print()
    }

    fn of_default(text: &str) -> Self {
        Self { value: T::of_default(text), is_chosen: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_room_become_the_nearest() {
        assert_eq!(i16::parse("100000"), Ok(i16::MAX));
        assert_eq!(u32::parse("-5"), Ok(0));
        assert_eq!(i32::parse("-3000000000"), Ok(i32::MIN));
        assert_eq!(usize::MAX.print(), i64::MAX.to_string());
        assert!(i32::parse("many").is_err());
    }

    #[test]
    fn limits_have_several_ways_to_say_none() {
        for text in ["", "-1", "-7", "9223372036854775807"] {
            assert_eq!(Option::<u64>::parse(text), Ok(None), "{text}");
            assert_eq!(Option::<Duration>::parse(text), Ok(None), "{text}");
        }
        assert_eq!(Option::<u64>::parse("0"), Ok(Some(0)));
        assert_eq!(Option::<Duration>::parse("60000"), Ok(Some(Duration::from_secs(60))));
        assert_eq!(None::<Duration>.print(), i64::MAX.to_string());
        assert!(Option::<u64>::parse("x").is_err());
    }

    #[test]
    fn what_is_printed_is_read_back() {
        fn back<T: Value + PartialEq + std::fmt::Debug>(value: &T) {
            assert_eq!(T::parse(&value.print()).as_ref(), Ok(value));
        }
        back(&Duration::from_millis(7));
        back(&Minutes(Duration::from_secs(120)));
        back(&Some(Duration::from_millis(7)));
        back(&None::<u64>);
        back(&Some("a".to_owned()));
        back(&None::<i32>);
        back(&1e6);
        back(&true);
        back(&Chosen::new(7));
    }

    #[test]
    fn a_duration_that_is_not_zero_does_not_print_as_zero() {
        assert_eq!(Duration::from_nanos(1).print(), "1");
        assert_eq!(Duration::ZERO.print(), "0");
    }
}
