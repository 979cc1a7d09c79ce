//! Records as a log hands them out: in memory, or as a part of a segment's file whose bytes go to a socket from there.
//!
//! Made by the segment, sent by `net/`. Never checked again: the bounds are those of whole batches below the high
//! watermark, and nobody cuts a file off there or writes there again; a segment that is deleted or compacted meanwhile
//! loses its name, and the file stays for as long as this has it open.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;

use super::disk::DiskFile;

/// Whole record batches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LogRecords {
    /// Their bytes.
    Memory(Bytes),
    /// Where their bytes are.
    File(FileRecords),
}

impl LogRecords {
    /// How many bytes.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(records) => records.len(),
        }
    }
}

impl Default for LogRecords {
    fn default() -> Self {
        Self::Memory(Bytes::new())
    }
}

/// Whole record batches in a file that is open for as long as this is there.
#[derive(Debug, Clone)]
pub(crate) struct FileRecords {
    file: Arc<DiskFile>,
    position: u64,
    len_bytes: usize,
}

impl FileRecords {
    /// The `len_bytes` bytes at `position`.
    pub(super) const fn new(file: Arc<DiskFile>, position: u64, len_bytes: usize) -> Self {
        Self { file, position, len_bytes }
    }

    /// How many bytes are left.
    pub(crate) const fn len(&self) -> usize {
        self.len_bytes
    }

    /// Leaves the first `count` bytes out: they were sent.
    ///
    /// # Panics
    /// When there are not so many.
    pub(crate) fn advance(&mut self, count: usize) {
        self.len_bytes = self.len_bytes.checked_sub(count).expect("no more is sent than there is");
        self.position += count as u64;
    }

    /// The first bytes, `limit` at most.
    ///
    /// # Errors
    /// When they cannot be read, or the file is shorter than it was.
    pub(crate) fn read(&self, limit: usize) -> io::Result<Bytes> {
        let length = self.len_bytes.min(limit);
        let bytes = self.file.read_at(self.position, length)?;
        if bytes.len() == length { Ok(bytes.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Sends some of the first bytes, `limit` at most, without copying them into this process; gives how many.
    ///
    /// # Errors
    /// When the socket takes none now, when it or the file cannot do this, or when the file is shorter than it was.
    #[cfg(target_os = "linux")]
    pub(crate) fn send_to(&self, socket: impl AsFd, limit: usize) -> io::Result<usize> {
        match self.file.send_to(socket, self.position, self.len_bytes.min(limit))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            sent => Ok(sent),
        }
    }
}

impl PartialEq for FileRecords {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
            && (self.position, self.len_bytes) == (other.position, other.len_bytes)
    }
}
