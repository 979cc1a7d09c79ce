//! The schema lock: schemas that data were written with, as files beside a program, and a test that holds the program's schemas against them.
//!
//! The rules are `kestrel_schema::lock`'s; here are the files, and what a running registry has in their place.

mod error;
mod folder;
mod locked;
mod registry;

use std::path::PathBuf;

use kestrel_schema::Reference;
use kestrel_schema::lock::stand;
pub use kestrel_schema::lock::{LockError, Standing};
pub use kestrel_schema::{Level, Schema};

pub use self::error::SchemaLockError;
use self::folder::Folder;
pub use self::locked::Locked;
pub use self::registry::check_registry;
use crate::registry::Import;

/// The environment variable that lets a run of tests add versions.
const VARIABLE: &str = "KESTREL_SCHEMAS";

/// A folder of schemas, a folder for each subject and a file for each version in it, that is committed with the program.
///
/// A test holds a schema against it: offline, before anything is deployed, with the field that breaks in its message. A schema that has
/// changed and breaks nothing is added as the next version when the tests run with `KESTREL_SCHEMAS=accept`; without that, it is an error
/// that says so. What breaks is never added: it takes a lower level, another subject, or another schema.
///
/// Several tests, and processes, may check and add at the same time.
///
/// ```
/// use kestrel_serde::lock::{Level, Schema, SchemaLock};
///
/// # let folder = std::env::temp_dir().join(format!("kestrel-lock-doc-{}", std::process::id()));
/// let lock = SchemaLock::open(&folder).accepting(true); // as KESTREL_SCHEMAS=accept has it
/// lock.assert("names-value", Level::Backward, &Schema::avro(r#"{"type": "array", "items": "int"}"#));
/// lock.assert("names-value", Level::Backward, &Schema::avro(r#"{"type": "array", "items": "long"}"#));
///
/// let narrower = Schema::avro(r#"{"type": "array", "items": "int"}"#);
/// let broken = lock.check("names-value", Level::Backward, &narrower).unwrap_err();
/// assert!(broken.to_string().contains("long cannot be read as int (TYPE_MISMATCH at /items)"));
/// # std::fs::remove_dir_all(folder).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct SchemaLock {
    folder: Folder,
    accepts: Option<bool>,
}

impl SchemaLock {
    /// The lock in this folder, which need not be there yet. [`schema_lock!`](crate::schema_lock) finds it from the crate that it is in.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Folder::new(folder.into()), accepts: None }
    }

    /// The same, adding versions or not, whatever the environment says.
    #[must_use]
    pub fn accepting(self, accepts: bool) -> Self {
        Self { accepts: Some(accepts), ..self }
    }

    /// Holds the schema of a format, or one as a text, against the versions of a subject, and adds it if it is new and versions may be
    /// added.
    ///
    /// What the schema imports (files of Protobuf) is held against versions of its own first, in subjects that are named after the
    /// imports, as they are when formats register.
    ///
    /// Reads files, and so blocks.
    ///
    /// # Errors
    /// [`SchemaLockError::Refused`] when it breaks a version, with the field, or is no schema; [`SchemaLockError::NotRecorded`] when it is
    /// new and may not be added; otherwise when the folder cannot be read or written.
    pub fn check(
        &self,
        subject: &str,
        level: Level,
        locked: &impl Locked,
    ) -> Result<Standing, SchemaLockError> {
        let accepts = self.accepts()?;
        let mut imported: Vec<Reference> = Vec::new();
        let used = |names: &[String], imported: &[Reference]| -> Vec<Reference> {
            imported.iter().filter(|import| names.contains(&import.name)).cloned().collect()
        };
        for Import { name, schema, uses } in locked.imports() {
            let schema = schema.with_references(used(&uses, &imported));
            let (Standing::Recorded(version) | Standing::New(version)) =
                self.check_schema(&name, level, &schema, accepts)?;
            imported.push(Reference { subject: name.clone(), name, version });
        }
        let schema = locked.schema().with_references(used(&locked.uses(), &imported));
        self.check_schema(subject, level, &schema, accepts)
    }

    fn check_schema(
        &self,
        subject: &str,
        level: Level,
        schema: &Schema,
        accepts: bool,
    ) -> Result<Standing, SchemaLockError> {
        loop {
            let recorded = self.folder.versions(subject)?;
            let dependencies = self.folder.dependencies(schema)?;
            let standing = stand(level, schema, &dependencies, &recorded)
                .map_err(|cause| SchemaLockError::Refused { subject: subject.to_owned(), cause })?;
            match standing {
                Standing::Recorded(_) => return Ok(standing),
                Standing::New(version) if !accepts => {
                    return Err(SchemaLockError::NotRecorded { subject: subject.to_owned(), version });
                }
                // Another test may have added a version since: then that one counts too.
                Standing::New(version) if self.folder.add(subject, version, schema)? => return Ok(standing),
                Standing::New(_) => {}
            }
        }
    }

    /// [`check`](Self::check), for tests.
    ///
    /// # Panics
    /// With the text of the error.
    #[track_caller]
    pub fn assert(&self, subject: &str, level: Level, locked: &impl Locked) {
        if let Err(error) = self.check(subject, level, locked) {
            panic!("{error:?}");
        }
    }

    fn accepts(&self) -> Result<bool, SchemaLockError> {
        match (self.accepts, std::env::var(VARIABLE)) {
            (Some(accepts), _) => Ok(accepts),
            (None, Err(_)) => Ok(false),
            (None, Ok(word)) if word.is_empty() || word == "check" => Ok(false),
            (None, Ok(word)) if word == "accept" => Ok(true),
            (None, Ok(word)) => Err(SchemaLockError::Variable { word }),
        }
    }
}

/// The [`SchemaLock`] in a folder of the crate that this is written in.
///
/// ```no_run
/// # #[cfg(feature = "avro")] {
/// use apache_avro::AvroSchema;
/// use kestrel_serde::lock::Level;
/// use kestrel_serde::{Avro, SerdeError, schema_lock};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(AvroSchema, Serialize, Deserialize)]
/// struct Order {
///     id: String,
///     total: i64,
/// }
///
/// #[test]
/// fn orders_evolve() -> Result<(), SerdeError> {
///     schema_lock!("schemas").assert("orders-value", Level::Full, &Avro::of::<Order>()?);
///     Ok(())
/// }
/// # }
/// ```
#[macro_export]
macro_rules! schema_lock {
    ($folder:expr) => {
        $crate::lock::SchemaLock::open(
            ::std::path::Path::new(::core::env!("CARGO_MANIFEST_DIR")).join($folder),
        )
    };
}

#[cfg(test)]
mod tests;
