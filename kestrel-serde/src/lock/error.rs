//! SchemaLockError: why a schema is not what its subject has, or could not be held against it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use kestrel_schema::Reference;
use kestrel_schema::lock::LockError;

use super::VARIABLE;
use crate::registry::RegistryError;

/// Why a schema does not stand beside the versions of a subject, or could not be held against them.
///
/// `Debug` shows the text and its causes, since a test that fails with it prints that.
///
/// ```
/// use kestrel_schema::{Level, Schema};
/// use kestrel_serde::lock::SchemaLock;
///
/// let lock = SchemaLock::open("no/such/folder").accepting(false);
/// let error = lock.check("orders-value", Level::Full, &Schema::avro(r#""string""#)).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the schema of orders-value would be version 1, which is not recorded: run the tests with KESTREL_SCHEMAS=accept, and commit what they add"
/// );
/// ```
#[non_exhaustive]
pub enum SchemaLockError {
    /// The schema breaks a version, or is none.
    Refused {
        /// Whose versions.
        subject: String,
        /// Which version and field.
        cause: LockError,
    },
    /// The schema breaks nothing, and is not recorded.
    NotRecorded {
        /// Whose versions.
        subject: String,
        /// The version that it would be.
        version: i32,
    },
    /// A schema refers to one that is not there.
    NoReference(Reference),
    /// A schema refers to too many others, or to itself.
    References(RegistryError),
    /// A file or folder cannot be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The environment variable `KESTREL_SCHEMAS` has a value without a meaning.
    Variable {
        /// The value.
        word: String,
    },
    /// The registry did not answer as it should.
    Registry(RegistryError),
}

impl fmt::Display for SchemaLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { subject, cause } => write!(f, "the schema of {subject}: {cause}"),
            Self::NotRecorded { subject, version } => write!(
                f,
                "the schema of {subject} would be version {version}, which is not recorded: run the tests with {VARIABLE}=accept, and commit what they add"
            ),
            Self::NoReference(Reference { name, subject, version }) => {
                write!(
                    f,
                    "a schema refers to {name}, which is version {version} of {subject}, and that is not there"
                )
            }
            Self::References(_) => f.write_str("what the schema refers to cannot be collected"),
            Self::File { path, .. } => write!(f, "cannot read or write {}", path.display()),
            Self::Variable { word } => {
                write!(f, "{VARIABLE} is {word:?}, where `accept` and `check` have a meaning")
            }
            Self::Registry(_) => f.write_str("the registry cannot be asked"),
        }
    }
}

impl fmt::Debug for SchemaLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl Error for SchemaLockError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Its text is part of this one's.
            Self::Refused { cause, .. } => cause.source(),
            Self::File { cause, .. } => Some(cause),
            Self::Registry(cause) | Self::References(cause) => Some(cause),
            Self::NotRecorded { .. } | Self::NoReference(_) | Self::Variable { .. } => None,
        }
    }
}
