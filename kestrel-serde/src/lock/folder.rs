//! The folder of a lock: reads versions from files, and adds files.
//!
//! `orders-value/2.avsc` is the text of version 2, `orders-value/2.references.json` what it refers to, if anything. What else is in the
//! folder is left alone.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io, process};

use kestrel_schema::lock::{RecordedVersion, file_of_version, folder_of_subject, laid_out, version_of_file};
use kestrel_schema::{Dependency, Reference, Schema, SchemaType};

use super::SchemaLockError;
use crate::registry::References;

#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// All versions of a subject; none if it has no folder.
    pub(super) fn versions(&self, subject: &str) -> Result<Vec<RecordedVersion>, SchemaLockError> {
        self.files(subject)?
            .into_iter()
            .map(|(version, schema_type)| {
                let schema = self.schema(subject, version, schema_type)?;
                let dependencies = self.dependencies(&schema)?;
                Ok(RecordedVersion::new(version, schema).with_dependencies(dependencies))
            })
            .collect()
    }

    /// All that a schema refers to, directly or not, each after those that it refers to itself.
    pub(super) fn dependencies(&self, schema: &Schema) -> Result<Vec<Dependency>, SchemaLockError> {
        let mut references = References::of(schema);
        while let Some(reference) = references.poll_needed().map_err(SchemaLockError::References)? {
            let Reference { subject, version, .. } = &reference;
            let file = self.files(subject)?.into_iter().find(|(number, _)| number == version);
            let (_, schema_type) = file.ok_or_else(|| SchemaLockError::NoReference(reference.clone()))?;
            let schema = self.schema(subject, *version, schema_type)?;
            references.handle_schema(reference, &schema);
        }
        Ok(references.finish())
    }

    /// Adds a version; false if another one of that number has been added in the meantime.
    pub(super) fn add(&self, subject: &str, version: i32, schema: &Schema) -> Result<bool, SchemaLockError> {
        let folder = self.0.join(folder_of_subject(subject));
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        if !schema.references.is_empty() {
            let path = folder.join(references_file(version));
            let text = serde_json::to_string_pretty(&schema.references)
                .map_err(io::Error::other)
                .map_err(at(&path))?;
            let whole = Whole::write(&folder, &(text + "\n"))?;
            fs::rename(&whole.0, &path).map_err(at(&path))?;
        }
        let path = folder.join(file_of_version(version, schema.schema_type));
        let whole = Whole::write(&folder, &laid_out(&schema.text))?;
        // A link, and not a rename, which would replace what another process has added.
        match fs::hard_link(&whole.0, &path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// The numbers and languages of the versions of a subject.
    fn files(&self, subject: &str) -> Result<Vec<(i32, SchemaType)>, SchemaLockError> {
        let folder = self.0.join(folder_of_subject(subject));
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(at(&folder))?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let name = entry.map_err(at(&folder))?.file_name();
            files.extend(name.to_str().and_then(version_of_file));
        }
        Ok(files)
    }

    fn schema(
        &self,
        subject: &str,
        version: i32,
        schema_type: SchemaType,
    ) -> Result<Schema, SchemaLockError> {
        let folder = self.0.join(folder_of_subject(subject));
        let path = folder.join(file_of_version(version, schema_type));
        let schema = Schema::new(schema_type, fs::read_to_string(&path).map_err(at(&path))?);
        Ok(schema.with_references(read_references(&folder.join(references_file(version)))?))
    }
}

/// A file that is written whole under a name of its own before it gets the name by which it is read: who reads meanwhile finds all
/// of it or nothing. The name of its own goes when this goes.
struct Whole(PathBuf);

impl Whole {
    fn write(folder: &Path, text: &str) -> Result<Self, SchemaLockError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let whole = Self(folder.join(format!(".{}-{next}.tmp", process::id())));
        fs::write(&whole.0, text).map_err(at(&whole.0))?;
        Ok(whole)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        // Not there any more after a rename; and what stays after a fault is read by nobody.
        let _ = fs::remove_file(&self.0);
    }
}

fn references_file(version: i32) -> String {
    format!("{version}.references.json")
}

fn read_references(path: &Path) -> Result<Vec<Reference>, SchemaLockError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        text => serde_json::from_str(&text.map_err(at(path))?).map_err(io::Error::other).map_err(at(path)),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> SchemaLockError {
    let path = path.to_owned();
    move |cause| SchemaLockError::File { path: path.clone(), cause }
}
