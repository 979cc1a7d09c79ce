//! An open file: positioned reads and writes, its length, its syncs.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::path::Path;
use std::time::SystemTime;

use rustix::buffer::spare_capacity;

/// How many slices one write may have: the system's limit (`IOV_MAX`).
const MAX_SLICES: usize = 1024;

/// The fate of a file that has the name already when one is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Existing {
    /// It has to be there.
    Needed,
    /// It is opened; without one, a new one is created.
    Opened,
    /// It is emptied; without one, a new one is created.
    Emptied,
    /// There must be none.
    Refused,
}

/// A file that is open for reading and writing.
#[derive(Debug)]
pub(in crate::log) struct DiskFile {
    file: File,
    #[cfg(test)]
    tap: Option<super::tap::Tap>,
}

impl DiskFile {
    /// Opens the file at `path`.
    pub(in crate::log) fn open(path: &Path, existing: Existing) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        match existing {
            Existing::Needed => {}
            Existing::Opened => _ = options.create(true).truncate(false),
            Existing::Emptied => _ = options.create(true).truncate(true),
            Existing::Refused => _ = options.create_new(true),
        }
        #[cfg(test)]
        return super::tap::open(path, existing, || options.open(path)).map(|(file, tap)| Self { file, tap });
        #[cfg(not(test))]
        options.open(path).map(|file| Self { file })
    }

    /// Reads up to `length` bytes at `position`: fewer only where the file ends.
    pub(in crate::log) fn read_at(&self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        read_at(&self.file, position, length)
    }

    /// The file, to send from it.
    #[cfg(target_os = "linux")]
    pub(in crate::log) const fn as_file(&self) -> &File {
        &self.file
    }

    /// Writes all of `slices`, one after the other, at `position`: one system call unless the system takes less. After a
    /// failure some of it may be there.
    pub(in crate::log) fn write_all_at(&self, slices: &mut [IoSlice<'_>], position: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(tap) = &self.tap {
            return tap.write(slices, position, |slices| write_slices(&self.file, slices, position));
        }
        write_slices(&self.file, slices, position)
    }

    /// Cuts the file off, or fills it up with zeros.
    pub(in crate::log) fn set_len(&self, size_bytes: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(tap) = &self.tap {
            return tap.set_len(size_bytes, || self.file.set_len(size_bytes));
        }
        self.file.set_len(size_bytes)
    }

    /// Says that the file was last changed at another time.
    pub(in crate::log) fn set_modified(&self, modified: SystemTime) -> io::Result<()> {
        self.file.set_modified(modified)
    }

    /// Makes the bytes durable, and of the rest what it takes to read them back.
    pub(in crate::log) fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(tap) = &self.tap {
            return tap.sync();
        }
        self.file.sync_data()
    }

    /// Makes the file durable; not its name, which is the folder's.
    pub(in crate::log) fn sync_all(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(tap) = &self.tap {
            return tap.sync();
        }
        self.file.sync_all()
    }
}

/// Reads up to `length` bytes of a file at `position`: fewer only where it ends.
pub(in crate::log) fn read_at(file: &File, position: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let next = position + bytes.len() as u64;
        // Into room that is not zeroed first; the vector may have a little more of it than was asked for.
        match rustix::io::pread(file, spare_capacity(&mut bytes), next) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn write_slices(file: &File, mut slices: &mut [IoSlice<'_>], mut position: u64) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let count = slices.len().min(MAX_SLICES);
        let (now, _) = slices.split_at(count);
        match rustix::io::pwritev(file, now, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                position += written as u64;
                IoSlice::advance_slices(&mut slices, written);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_in_slices_is_read_back_in_parts() {
        let dir = tempfile::tempdir().unwrap();
        let file = DiskFile::open(&dir.path().join("file"), Existing::Refused).unwrap();
        let parts: Vec<Vec<u8>> = (0..3000u16).map(|n| n.to_be_bytes().to_vec()).collect();
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        file.write_all_at(&mut slices, 5).unwrap();
        assert_eq!(file.read_at(5, 6000).unwrap(), parts.concat());
        assert_eq!(file.read_at(5 + 5998, 100).unwrap(), 2999u16.to_be_bytes());
        assert!(file.read_at(9999, 1).unwrap().is_empty());
        assert!(file.read_at(0, 0).unwrap().is_empty());
    }

    #[test]
    fn what_exists_is_opened_as_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(DiskFile::open(&path, Existing::Needed).is_err());
        let file = DiskFile::open(&path, Existing::Opened).unwrap();
        file.write_all_at(&mut [IoSlice::new(b"records")], 0).unwrap();
        assert!(DiskFile::open(&path, Existing::Refused).is_err());
        assert_eq!(DiskFile::open(&path, Existing::Opened).unwrap().read_at(0, 9).unwrap(), b"records");
        file.set_len(3).unwrap();
        assert_eq!(DiskFile::open(&path, Existing::Needed).unwrap().read_at(0, 9).unwrap(), b"rec");
        assert_eq!(DiskFile::open(&path, Existing::Emptied).unwrap().read_at(0, 9).unwrap(), b"");
    }
}
