//! One file of a segment with a file descriptor that is open only while it pays.
//!
//! The files of the active segment are opened once; those of older segments are opened for each use, so that a log
//! holds three descriptors at most however many segments it has, and none but the `.log`'s while nobody writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::log::disk::{DiskFile, Existing};

/// A file of a segment, opened when it is first needed.
#[derive(Debug)]
pub(in crate::log) struct DataFile {
    path: PathBuf,
    open: Mutex<Handle>,
}

/// The state of the descriptor.
#[derive(Debug)]
struct Handle {
    file: Option<Arc<DiskFile>>,
    keep: bool,
    /// Whether the name belongs to something else by now.
    gone: bool,
}

impl DataFile {
    /// The file at `path`, whose descriptor is kept once it is open.
    pub(in crate::log) fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::new(Handle { file: None, keep: true, gone: false }) }
    }

    /// The same open file under another name, which it gets later.
    pub(in crate::log) fn under_name(&self, path: PathBuf) -> io::Result<Self> {
        let file = Some(self.open()?);
        Ok(Self { path, open: Mutex::new(Handle { file, keep: true, gone: false }) })
    }

    /// Where it is.
    pub(in crate::log) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has; `None` when it does not exist.
    pub(in crate::log) fn size_bytes(&self) -> io::Result<Option<u64>> {
        match fs::metadata(&self.path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The open file; creates it when it does not exist.
    pub(in crate::log) fn create(&self) -> io::Result<Arc<DiskFile>> {
        self.open_with(Existing::Opened)
    }

    /// The open file.
    pub(in crate::log) fn open(&self) -> io::Result<Arc<DiskFile>> {
        self.open_with(Existing::Needed)
    }

    /// Closes the file as soon as no one reads it; from now on it is opened for each use.
    pub(in crate::log) fn release(&self) {
        let mut handle = self.lock();
        *handle = Handle { file: None, keep: false, gone: handle.gone };
    }

    /// Closes the file as soon as no one reads it; a reader that opens it from now on finds it gone, whatever has its name.
    pub(in crate::log) fn retire(&self) {
        *self.lock() = Handle { file: None, keep: false, gone: true };
    }

    fn open_with(&self, existing: Existing) -> io::Result<Arc<DiskFile>> {
        let mut handle = self.lock();
        if handle.gone {
            return Err(io::ErrorKind::NotFound.into());
        }
        if let Some(file) = &handle.file {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(DiskFile::open(&self.path, existing)?);
        if handle.keep {
            handle.file = Some(Arc::clone(&file));
        }
        Ok(file)
    }

    fn lock(&self) -> MutexGuard<'_, Handle> {
        self.open.lock()
    }
}
