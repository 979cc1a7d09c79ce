//! The parts of a record by name, and sets of them: what a filter touches. Pure.

use crate::value::kind::Kind;

/// A part of a record, as filters name it.
///
/// ```
/// use kestrel_filter::{Filter, Part};
///
/// let filter = Filter::parse(r#"partition == 3 and key starts_with "us""#)?;
/// assert!(filter.needs(Part::Key) && !filter.needs(Part::Value));
/// assert_eq!(Part::RawValue.name(), "raw_value");
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The key, decoded.
    Key,
    /// The value, decoded.
    Value,
    /// The headers, by name.
    Headers,
    /// The timestamp.
    Timestamp,
    /// The partition's number.
    Partition,
    /// The offset.
    Offset,
    /// The topic's name.
    Topic,
    /// The bytes of the key, whatever they mean.
    RawKey,
    /// The bytes of the value, whatever they mean.
    RawValue,
}

impl Part {
    /// All parts, in the order in which the documentation has them.
    pub const ALL: [Self; 9] = [
        Self::Key,
        Self::Value,
        Self::Headers,
        Self::Timestamp,
        Self::Partition,
        Self::Offset,
        Self::Topic,
        Self::RawKey,
        Self::RawValue,
    ];

    /// How filters call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Headers => "headers",
            Self::Timestamp => "timestamp",
            Self::Partition => "partition",
            Self::Offset => "offset",
            Self::Topic => "topic",
            Self::RawKey => "raw_key",
            Self::RawValue => "raw_value",
        }
    }

    /// The type that it always has.
    pub(crate) const fn kind(self) -> Option<Kind> {
        match self {
            Self::Timestamp => Some(Kind::Time),
            Self::Partition | Self::Offset => Some(Kind::Number),
            Self::Topic => Some(Kind::Text),
            Self::Key | Self::Value | Self::Headers | Self::RawKey | Self::RawValue => None,
        }
    }

    /// Whether it may have fields.
    pub(crate) const fn has_fields(self) -> bool {
        matches!(self, Self::Key | Self::Value)
    }
}

/// What a filter, or a part of one, looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs(u16);

impl Needs {
    pub(crate) const NOTHING: Self = Self(0);
    /// The element of a list that `any` or `all` is at.
    pub(crate) const ELEMENT: Self = Self(1 << 14);
    pub(crate) const NOW: Self = Self(1 << 15);

    pub(crate) const fn of(part: Part) -> Self {
        Self(1 << part as u16)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, part: Part) -> bool {
        self.0 & Self::of(part).0 != 0
    }

    /// Whether it comes to the same for all records at all times.
    pub(crate) const fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// Whether it comes to the same for all records.
    pub(crate) const fn is_constant(self) -> bool {
        self.0 & !Self::NOW.0 == 0
    }

    /// Whether something has to be decoded or searched for it.
    pub(crate) const fn is_costly(self) -> bool {
        let cheap = Self::of(Part::Timestamp)
            .and(Self::of(Part::Partition))
            .and(Self::of(Part::Offset))
            .and(Self::of(Part::Topic))
            .and(Self::NOW);
        self.0 & !cheap.0 != 0
    }
}
