//! The few ways in which the log touches files: positioned reads and writes, atomic replacement, directory syncs.
//!
//! Called by everything in `log/` that owns a file. Never retries a failed write or sync.

use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::buffer::spare_capacity;

use super::error::LogError;

/// How many slices one write may have: the system's limit (`IOV_MAX`).
const MAX_SLICES: usize = 1024;

/// Whether a file or folder has to be on the disk before the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// It has to be.
    Yes,
    /// The page cache will do.
    No,
}

/// Reads up to `length` bytes at `position`: fewer only where the file ends.
pub(super) fn read_at(file: &File, position: u64, length: usize) -> io::Result<Vec<u8>> {
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

/// Writes all of `slices`, one after the other, at `position`: one system call unless the system takes less.
pub(super) fn write_all_at(file: &File, mut slices: &mut [IoSlice<'_>], mut position: u64) -> io::Result<()> {
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

/// Replaces a small file as a whole: whoever reads it sees the old or the new text, also after a crash.
pub(crate) fn replace(path: &Path, contents: &[u8], sync: Sync) -> Result<(), LogError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(contents)?;
        if sync == Sync::Yes {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    };
    write().map_err(|error| LogError::io("write", path, error))?;
    match path.parent() {
        Some(dir) => sync_dir(dir, sync),
        None => Ok(()),
    }
}

/// Makes the creations, renames and deletions in `dir` durable.
pub(super) fn sync_dir(dir: &Path, sync: Sync) -> Result<(), LogError> {
    if sync == Sync::No {
        return Ok(());
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| LogError::io("sync", dir, error))
}

/// Gives a file another name, which no longer means what it meant; see [`sync_dir`].
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), LogError> {
    fs::rename(from, to).map_err(|error| LogError::io("rename", from, error))?;
    #[cfg(test)]
    observer::notify();
    Ok(())
}

/// An empty file, whatever was there before.
pub(super) fn create_empty(path: &Path) -> Result<(), LogError> {
    File::create(path).map(drop).map_err(|error| LogError::io("create", path, error))
}

/// Makes what is in a file durable, its length included.
pub(super) fn sync_file(file: &File, path: &Path) -> Result<(), LogError> {
    file.sync_all().map_err(|error| LogError::io("sync", path, error))
}

/// Says that a file was last changed at another time.
pub(super) fn set_modified(file: &File, modified: SystemTime, path: &Path) -> Result<(), LogError> {
    file.set_modified(modified).map_err(|error| LogError::io("date", path, error))
}

/// Deletes a file; one that is not there is deleted already.
pub(super) fn remove_file(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LogError::io("delete", path, error)),
        _ => {
            #[cfg(test)]
            observer::notify();
            Ok(())
        }
    }
}

/// The whole of a small file; `None` when it is not there.
pub(crate) fn read_file(path: &Path) -> Result<Option<Vec<u8>>, LogError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::io("read", path, error)),
    }
}

/// For tests of what a crash leaves: is told after each file that got another name or was deleted, on this thread.
#[cfg(test)]
pub(super) mod observer {
    use std::cell::RefCell;

    thread_local! {
        static OBSERVER: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    }

    pub(crate) fn set(observer: Option<Box<dyn FnMut()>>) {
        OBSERVER.set(observer);
    }

    pub(super) fn notify() {
        if let Some(mut observer) = OBSERVER.take() {
            observer();
            OBSERVER.set(Some(observer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_in_slices_is_read_back_in_parts() {
        let file = tempfile::tempfile().unwrap();
        let parts: Vec<Vec<u8>> = (0..3000u16).map(|n| n.to_be_bytes().to_vec()).collect();
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        write_all_at(&file, &mut slices, 5).unwrap();
        assert_eq!(read_at(&file, 5, 6000).unwrap(), parts.concat());
        assert_eq!(read_at(&file, 5 + 5998, 100).unwrap(), 2999u16.to_be_bytes());
        assert_eq!(read_at(&file, 9999, 1).unwrap(), []);
        assert_eq!(read_at(&file, 0, 0).unwrap(), []);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        assert_eq!(read_file(&path).unwrap(), None);
        replace(&path, b"old", Sync::No).unwrap();
        replace(&path, b"new", Sync::Yes).unwrap();
        assert_eq!(read_file(&path).unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        remove_file(&path).unwrap();
        remove_file(&path).unwrap();
    }
}
