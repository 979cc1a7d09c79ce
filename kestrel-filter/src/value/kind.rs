//! The types of the language, and which of them can be compared. Pure.

use std::fmt;

/// The types of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    Text,
    Bytes,
    Time,
    Duration,
    List,
    Object,
}

impl Kind {
    /// What `type()` gives.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::List => "list",
            Self::Object => "object",
        }
    }

    /// Whether `==` is decided between values of these types.
    pub(crate) fn equates(self, other: Self) -> bool {
        self == Self::Null || other == Self::Null || self == other || self.converts(other)
    }

    /// Whether `<` is decided between values of these types.
    pub(crate) fn orders(self, other: Self) -> bool {
        let is_ordered = !matches!(self, Self::Null | Self::Boolean | Self::List | Self::Object);
        self == other && is_ordered || self.converts(other)
    }

    /// Whether a text is compared with the other one as what that is.
    const fn converts(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Text, Self::Time | Self::Bytes) | (Self::Time | Self::Bytes, Self::Text)
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Null => "null",
            Self::Bytes => "bytes",
            _ => return write!(f, "a {}", self.name()),
        })
    }
}
