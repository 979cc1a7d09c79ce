//! Whether a new version of a schema gets along with the earlier ones, as a level of compatibility demands.

use std::fmt;

use crate::{Budget, BudgetExceeded, Incompatibility, Level, ParsedSchema};

/// An earlier version of a schema, for [`check`].
///
/// ```
/// # #[cfg(feature = "avro")] {
/// use kestrel_schema::{ParsedSchema, Schema, Version};
///
/// let schema = ParsedSchema::parse(&Schema::avro(r#""string""#), &[])?;
/// let first = Version { number: 1, schema: &schema };
/// # }
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// Its number.
    pub number: i32,
    /// The schema itself.
    pub schema: &'a ParsedSchema,
}

/// Who reads whose data; [`check`] tells it with each reason.
///
/// ```
/// use kestrel_schema::{Direction, Level};
///
/// let counts = |direction, level: Level| match direction {
///     Direction::Backward => level.is_backward(),
///     Direction::Forward => level.is_forward(),
/// };
/// assert!(counts(Direction::Backward, Level::Full) && !counts(Direction::Forward, Level::Backward));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The new version reads what the earlier one wrote.
    Backward,
    /// The earlier version reads what the new one writes.
    Forward,
}

/// What a new version of a schema breaks: the version that it does not get along with, and why.
///
/// Its text is for people: one line for each reason, with the field. [`check`] makes it, and has an example.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Breakage {
    /// The level that was asked for.
    pub level: Level,
    /// The number of the earlier version.
    pub version: i32,
    /// Each reason, and who cannot read whose data for it.
    pub reasons: Vec<(Direction, Incompatibility)>,
}

/// Compares a new version of a schema with earlier ones, given in any order, and tells the first that it breaks; none if it breaks none.
///
/// The versions are taken from the last to the first, the last one alone if the level is not transitive. Where both directions count, both
/// are looked at: first what earlier programs cannot read, then what new ones cannot, as Confluent's registry lists it.
///
/// Each reading of one schema's data by the other one may cost [`Budget::STEPS_OF_A_PAIR`], and all of them together `budget`: for a
/// subject with many versions that is [`Budget::STEPS_OF_A_SUBJECT`].
///
/// # Errors
/// When there is no verdict within the budget.
///
/// ```
/// use kestrel_schema::{Budget, Level, ParsedSchema, Schema, SchemaError, Version, check};
///
/// # #[cfg(feature = "avro")]
/// # fn example() -> Result<(), SchemaError> {
/// let order = |fields: &str| {
///     let text = format!(r#"{{"type": "record", "name": "Order", "fields": [{fields}]}}"#);
///     ParsedSchema::parse(&Schema::avro(text), &[])
/// };
/// let old = order(r#"{"name": "id", "type": "string"}"#)?;
/// let new = order(r#"{"name": "id", "type": "string"}, {"name": "total", "type": "long"}"#)?;
/// let earlier = [Version { number: 1, schema: &old }];
///
/// let broken = check(Level::Backward, &new, &earlier, &mut Budget::default()).unwrap().unwrap();
/// assert_eq!(
///     broken.to_string(),
///     "BACKWARD is broken with version 1:\n  the new schema cannot read data of version 1: field total of Order: it was not written, and has no default (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1)"
/// );
/// assert_eq!(check(Level::Forward, &new, &earlier, &mut Budget::default()).unwrap(), None);
/// # Ok(())
/// # }
/// # #[cfg(feature = "avro")]
/// # example().unwrap();
/// ```
pub fn check(
    level: Level,
    new: &ParsedSchema,
    earlier: &[Version<'_>],
    budget: &mut Budget,
) -> Result<Option<Breakage>, BudgetExceeded> {
    let mut earlier: Vec<_> = earlier.iter().collect();
    earlier.sort_by_key(|version| std::cmp::Reverse(version.number));
    for version in earlier.into_iter().take(level.versions_that_count()) {
        let reasons = check_pair(level, new, version.schema, |reader, writer| {
            budget.share(Budget::STEPS_OF_A_PAIR, |share| reader.incompatibilities(writer, share))
        })?;
        if !reasons.is_empty() {
            return Ok(Some(Breakage { level, version: version.number, reasons }));
        }
    }
    Ok(None)
}

/// Compares a new version of a schema with one earlier version in the directions of a level, by a `read` that tells what keeps its
/// first schema, as the reader's, from reading data of its second: for judgements by other rules than those of [`check`].
///
/// What earlier programs cannot read comes first, then what new ones cannot, as Confluent's registry lists it.
///
/// # Errors
/// Those of `read`.
///
/// ```
/// use kestrel_schema::{Level, ParsedSchema, Schema, SchemaError, check_pair};
///
/// # #[cfg(feature = "avro")]
/// # fn example() -> Result<(), SchemaError> {
/// let schema = ParsedSchema::parse(&Schema::avro(r#""long""#), &[])?;
/// let mut asked = 0;
/// let reasons = check_pair(Level::Full, &schema, &schema, |_, _| {
///     asked += 1;
///     Ok::<_, SchemaError>(Vec::new())
/// })?;
/// assert_eq!((asked, reasons.len()), (2, 0));
/// # Ok(())
/// # }
/// # #[cfg(feature = "avro")]
/// # example().unwrap();
/// ```
pub fn check_pair<E>(
    level: Level,
    new: &ParsedSchema,
    old: &ParsedSchema,
    mut read: impl FnMut(&ParsedSchema, &ParsedSchema) -> Result<Vec<Incompatibility>, E>,
) -> Result<Vec<(Direction, Incompatibility)>, E> {
    let mut reasons = Vec::new();
    if level.is_forward() {
        reasons.extend(read(old, new)?.into_iter().map(|found| (Direction::Forward, found)));
    }
    // Two languages do not get along either way, which one line says.
    let is_told = new.schema_type() != old.schema_type() && !reasons.is_empty();
    if level.is_backward() && !is_told {
        reasons.extend(read(new, old)?.into_iter().map(|found| (Direction::Backward, found)));
    }
    Ok(reasons)
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, version, reasons } = self;
        write!(f, "{level} is broken with version {version}:")?;
        for (direction, reason) in reasons {
            match direction {
                Direction::Backward => {
                    write!(f, "\n  the new schema cannot read data of version {version}: {reason}")?;
                }
                Direction::Forward => {
                    write!(f, "\n  version {version} cannot read data of the new schema: {reason}")?;
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for Breakage {}

#[cfg(feature = "avro")]
#[cfg(test)]
mod tests;
