//! Bytes on their way to a reader: in memory, or still in a file that is only named.
//!
//! Made by `segment/read.rs`, sent by `net/`. A file that is named stays open and keeps its bytes, also when retention or
//! compaction takes its name away: nothing that a reader may see is ever written again or cut off.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::log::disk::DiskFile;

/// A run of bytes, in memory or in a file.
#[derive(Debug, Clone)]
pub(crate) enum ByteRun {
    /// In memory.
    Memory(Bytes),
    /// In a file.
    File(FileRun),
}

/// A part of a file.
#[derive(Debug, Clone)]
pub(crate) struct FileRun {
    file: Arc<DiskFile>,
    position: u64,
    length: usize,
}

impl ByteRun {
    /// How many bytes there are.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(run) => run.length,
        }
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves out the first `count` bytes.
    ///
    /// # Panics
    /// When there are fewer.
    pub(crate) fn advance(&mut self, count: usize) {
        match self {
            Self::Memory(bytes) => bytes.advance(count),
            Self::File(run) => {
                run.length = run.length.checked_sub(count).expect("no more is left out than there is");
                run.position += count as u64;
            }
        }
    }

    /// All of them in memory.
    ///
    /// # Errors
    /// When the file cannot be read, or is shorter.
    pub(crate) fn into_bytes(self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes),
            Self::File(run) => match run.read(run.length)? {
                bytes if bytes.len() == run.length => Ok(bytes.into()),
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            },
        }
    }
}

impl Default for ByteRun {
    fn default() -> Self {
        Self::Memory(Bytes::new())
    }
}

impl From<Bytes> for ByteRun {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

impl FileRun {
    /// `length` bytes of `file` from `position` on.
    pub(in crate::log) const fn new(file: Arc<DiskFile>, position: u64, length: usize) -> Self {
        Self { file, position, length }
    }

    /// A part of the file at `path`.
    #[cfg(test)]
    pub(crate) fn of(path: &std::path::Path, position: u64, length: usize) -> Self {
        let file = DiskFile::open(path, crate::log::disk::Existing::Needed).unwrap();
        Self::new(Arc::new(file), position, length)
    }

    /// Where in the file the run ends.
    pub(in crate::log) const fn end(&self) -> u64 {
        self.position + self.length as u64
    }

    /// The open file.
    #[cfg(target_os = "linux")]
    pub(crate) fn file(&self) -> &std::fs::File {
        self.file.as_file()
    }

    /// Where in it the run begins.
    #[cfg(target_os = "linux")]
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes there are.
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    /// The first bytes, `limit` at most; fewer when the file ends before the run does.
    pub(crate) fn read(&self, limit: usize) -> io::Result<Vec<u8>> {
        self.file.read_at(self.position, self.length.min(limit))
    }
}
