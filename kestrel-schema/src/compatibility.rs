//! Levels of compatibility, and what a schema breaks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SchemaError;

/// Which data a new version of a schema must get along with. `Display`, `FromStr` and serde use the registry's names.
///
/// ```
/// use kestrel_schema::Level;
///
/// let level: Level = "FULL_TRANSITIVE".parse()?;
/// assert!(level.is_backward() && level.is_forward() && level.is_transitive());
/// assert_eq!(Level::default(), Level::Backward);
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Anything goes.
    None,
    /// The new version reads what the last one wrote: readers are upgraded first.
    #[default]
    Backward,
    /// The new version reads what every earlier one wrote.
    BackwardTransitive,
    /// The last version reads what the new one writes: writers are upgraded first.
    Forward,
    /// Every earlier version reads what the new one writes.
    ForwardTransitive,
    /// Both ways, with the last version.
    Full,
    /// Both ways, with every earlier version.
    FullTransitive,
}

impl Level {
    /// All levels, from the one that asks for nothing to the one that asks for most.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The registry's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// Whether the new version has to read what earlier ones wrote.
    #[must_use]
    pub const fn is_backward(self) -> bool {
        matches!(self, Self::Backward | Self::BackwardTransitive | Self::Full | Self::FullTransitive)
    }

    /// Whether earlier versions have to read what the new one writes.
    #[must_use]
    pub const fn is_forward(self) -> bool {
        matches!(self, Self::Forward | Self::ForwardTransitive | Self::Full | Self::FullTransitive)
    }

    /// Whether all earlier versions count, and not the last alone.
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    /// How many of the earlier versions count, from the last one on: none, one, or all of them (`usize::MAX`).
    #[must_use]
    pub const fn versions_that_count(self) -> usize {
        match self {
            Self::None => 0,
            transitive if transitive.is_transitive() => usize::MAX,
            _ => 1,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = SchemaError;

    fn from_str(name: &str) -> Result<Self, SchemaError> {
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| SchemaError::new(format!("unknown level of compatibility {name}")))
    }
}

/// One thing that keeps a reader from reading what a writer wrote.
///
/// ```
/// use kestrel_schema::Incompatibility;
///
/// let found = Incompatibility {
///     kind: "READER_FIELD_MISSING_DEFAULT_VALUE",
///     path: "/fields/2".into(),
///     problem: "field total of Order: it was not written, and has no default".into(),
/// };
/// assert_eq!(
///     found.to_string(),
///     "field total of Order: it was not written, and has no default (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/2)"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incompatibility {
    /// The registry's word for the kind of it, such as `READER_FIELD_MISSING_DEFAULT_VALUE` or `PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL`.
    pub kind: &'static str,
    /// Where in the schemas, as a path from the root: `/fields/2/type`, `#/properties/name`.
    pub path: String,
    /// What is wrong, in one sentence that names the field or type.
    pub problem: String,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} at {})", self.problem, self.kind, self.path)
    }
}
