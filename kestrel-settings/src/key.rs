//! What is known of a setting apart from its value: the columns of the tables.

use crate::value_type::{Allowed, Expected, ValueType, check};

/// A setting: its name, type, default, range and meaning.
///
/// ```
/// use kestrel_settings::{Allowed, Key, ValueType};
///
/// const LINGER: Key = Key { name: "linger.ms", value_type: ValueType::Long, allowed: Allowed::AtLeast(0), ..Key::EMPTY };
/// assert!(LINGER.check("5").is_ok());
/// assert_eq!(LINGER.check("soon").unwrap_err().to_string(), "a whole number from 0 to 9223372036854775807");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Apache Kafka's name.
    pub name: &'static str,
    /// Other names of the same setting, as librdkafka has them.
    pub aliases: &'static [&'static str],
    /// The type of its value.
    pub value_type: ValueType,
    /// Its value when nobody sets it; `None` is null.
    pub default: Option<&'static str>,
    /// The values of the type that it takes.
    pub allowed: Allowed,
    /// Its meaning, in Markdown: the first paragraph alone says it all, further ones add details.
    pub doc: &'static str,
    /// Whether a running broker takes a new value of it.
    pub scope: Scope,
    /// The keys whose values it takes over when it has none itself, in the order in which they are asked.
    pub synonyms: &'static [Synonym],
    /// The feature that it belongs to, when Kestrel lacks it and so accepts the key without effect.
    pub belongs_to: Option<&'static str>,
}

/// Whether a key of a broker can be changed while the broker runs (KIP-226).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only at the start.
    ReadOnly,
    /// On one broker in Apache Kafka; only at the start here.
    PerBroker,
    /// On one broker or on all of them in Apache Kafka; only at the start here.
    ClusterWide,
    /// On one broker or on all of them, here too.
    Dynamic,
}

/// A key that another one takes its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synonym {
    /// Its name.
    pub name: &'static str,
    /// How many of the other key's unit one of its own is: 3,600,000 from hours to milliseconds.
    pub factor: i64,
}

impl Key {
    /// A key without a name: a text that takes every value. Tables fill in what a row says.
    pub const EMPTY: Self = Self {
        name: "",
        aliases: &[],
        value_type: ValueType::String,
        default: None,
        allowed: Allowed::Any,
        doc: "",
        scope: Scope::ReadOnly,
        synonyms: &[],
        belongs_to: None,
    };

    /// All names that the key has, Apache Kafka's first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Checks a value against the type and the range.
    ///
    /// # Errors
    /// With what would be allowed.
    pub fn check(&self, value: &str) -> Result<(), Expected> {
        check(self.value_type, self.allowed, value)
    }

    /// The values that it takes, in words.
    #[must_use]
    pub const fn expected(&self) -> Expected {
        Expected::new(self.value_type, self.allowed)
    }

    /// Whether its value is a secret, which is never shown.
    #[must_use]
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.value_type, ValueType::Password)
    }

    /// Its meaning in one line: the first paragraph of the documentation.
    #[must_use]
    pub fn summary(&self) -> String {
        let lines = self.doc.lines().map(str::trim).take_while(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    }
}
