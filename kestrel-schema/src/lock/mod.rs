//! The schema lock: versions of schemas that are kept beside a program, and whether its schemas still get along with them.
//!
//! Only the rules are here, and how versions are named and laid out as files; who has a folder brings what is in it. `kestrel-serde` does,
//! for tests, with `schema_lock!`.

mod file_name;
mod layout;

use std::fmt;

pub use self::file_name::{file_of_version, folder_of_subject, version_of_file};
pub use self::layout::laid_out;
use crate::{
    Breakage, Budget, BudgetExceeded, Dependency, Level, ParsedSchema, Schema, SchemaError, Version, check,
};

/// A version of a schema as a lock or a registry has it, with the texts of all that it refers to.
///
/// ```
/// use kestrel_schema::Schema;
/// use kestrel_schema::lock::RecordedVersion;
///
/// let first = RecordedVersion::new(1, Schema::avro(r#""string""#));
/// assert_eq!(first.number, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedVersion {
    /// Its number, from 1.
    pub number: i32,
    /// The schema itself.
    pub schema: Schema,
    /// What it refers to, directly or not, each after those that it refers to itself.
    pub dependencies: Vec<Dependency>,
}

impl RecordedVersion {
    /// A version of a schema that refers to nothing.
    #[must_use]
    pub const fn new(number: i32, schema: Schema) -> Self {
        Self { number, schema, dependencies: Vec::new() }
    }

    /// The same, of a schema that refers to these.
    #[must_use]
    pub fn with_dependencies(self, dependencies: Vec<Dependency>) -> Self {
        Self { dependencies, ..self }
    }

    fn parse(&self) -> Result<ParsedSchema, LockError> {
        ParsedSchema::parse(&self.schema, &self.dependencies)
            .map_err(|cause| LockError::Recorded { version: self.number, cause })
    }
}

/// What the recorded versions say of a schema that breaks none of them.
///
/// ```
/// use kestrel_schema::lock::Standing;
///
/// assert_eq!(Standing::Recorded(2).to_string(), "version 2");
/// assert_eq!(Standing::New(3).to_string(), "version 3, which is not recorded");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is this version.
    Recorded(i32),
    /// It would be this version, the next one.
    New(i32),
}

/// Why a schema does not stand beside the recorded versions. Its text names the field.
///
/// ```
/// # #[cfg(feature = "avro")] {
/// use kestrel_schema::lock::{LockError, stand};
/// use kestrel_schema::{Level, Schema};
///
/// let error = stand(Level::Full, &Schema::avro(r#"{"type": "decimal"}"#), &[], &[]).unwrap_err();
/// assert!(matches!(&error, LockError::Schema(cause) if cause.to_string() == "decimal is defined nowhere"));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The new schema is none, or one that a registry refuses.
    #[error("the schema cannot be used")]
    Schema(#[source] SchemaError),
    /// A recorded version is no schema.
    #[error("recorded version {version} cannot be read")]
    #[non_exhaustive]
    Recorded {
        /// Its number.
        version: i32,
        /// What is wrong with it.
        #[source]
        cause: SchemaError,
    },
    /// The new schema does not get along with a recorded version.
    #[error("{0}")]
    Broken(Breakage),
    /// There is no verdict.
    #[error(transparent)]
    Undecided(#[from] BudgetExceeded),
}

/// Holds a schema against recorded versions, given in any order, at a level of compatibility.
///
/// A schema that is the last version stands without a question. Any other one has to get along with the recorded ones as the level demands,
/// also one that was an earlier version: data of the versions since then has to be read.
///
/// # Errors
/// When it does not, when one of the schemas is none, or when there is no verdict: each comparison may cost
/// [`Budget::STEPS_OF_A_PAIR`], all of them together [`Budget::STEPS_OF_A_SUBJECT`].
///
/// ```
/// # #[cfg(feature = "avro")] {
/// use kestrel_schema::lock::{RecordedVersion, Standing, stand};
/// use kestrel_schema::{Level, Schema};
///
/// let recorded = [RecordedVersion::new(1, Schema::avro(r#""int""#))];
/// assert_eq!(stand(Level::Backward, &Schema::avro(r#""int""#), &[], &recorded), Ok(Standing::Recorded(1)));
/// assert_eq!(stand(Level::Backward, &Schema::avro(r#""long""#), &[], &recorded), Ok(Standing::New(2)));
/// let broken = stand(Level::Full, &Schema::avro(r#""long""#), &[], &recorded).unwrap_err();
/// assert!(broken.to_string().contains("version 1 cannot read data of the new schema"));
/// # }
/// ```
pub fn stand(
    level: Level,
    schema: &Schema,
    dependencies: &[Dependency],
    recorded: &[RecordedVersion],
) -> Result<Standing, LockError> {
    let new = ParsedSchema::parse(schema, dependencies).map_err(LockError::Schema)?;
    new.validate().map_err(LockError::Schema)?;
    let parsed = recorded.iter().map(RecordedVersion::parse).collect::<Result<Vec<_>, _>>()?;

    let canonical = new.canonical();
    let same = |(version, parsed): &(&RecordedVersion, &ParsedSchema)| {
        parsed.schema_type() == new.schema_type()
            && version.schema.references == schema.references
            && parsed.canonical() == canonical
    };
    let last = recorded.iter().map(|version| version.number).max().unwrap_or(0);
    let same = recorded.iter().zip(&parsed).filter(same).map(|(version, _)| version.number).max();
    if same.is_some_and(|same| same == last) {
        return Ok(Standing::Recorded(last));
    }

    let versions: Vec<_> = recorded
        .iter()
        .zip(&parsed)
        .map(|(version, schema)| Version { number: version.number, schema })
        .collect();
    match check(level, &new, &versions, &mut Budget::new(Budget::STEPS_OF_A_SUBJECT))? {
        Some(broken) => Err(LockError::Broken(broken)),
        None => Ok(same.map_or(Standing::New(last + 1), Standing::Recorded)),
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded(version) => write!(f, "version {version}"),
            Self::New(version) => write!(f, "version {version}, which is not recorded"),
        }
    }
}

#[cfg(feature = "avro")]
#[cfg(test)]
mod tests;
