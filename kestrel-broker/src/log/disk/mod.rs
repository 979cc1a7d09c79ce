//! The few ways in which the log changes files: each create, write, truncation, rename, removal and sync goes through here.
//!
//! Called by everything in `log/` that owns a file, and by who writes small files beside a log. Never retries a failed write
//! or sync. One seam: in tests the `tap` hears of every change below a folder, and may let it fail.

mod dir_lock;
mod file;
#[cfg(test)]
pub(crate) mod tap;

pub(super) use dir_lock::DirLock;
pub(super) use file::{DiskFile, Existing, read_at};

use std::fs;
use std::io::{self, IoSlice};
use std::path::Path;

use super::error::LogError;
#[cfg(test)]
use tap::{Call, Change};

/// Whether a file or folder has to be on the disk before the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSync {
    /// It has to be.
    Yes,
    /// The page cache will do.
    No,
}

/// Replaces a small file as a whole: a reader sees the old or the new text, also after a crash. A failure leaves the
/// old one.
pub(crate) fn replace(path: &Path, contents: &[u8], sync: FileSync) -> Result<(), LogError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    replace_by(Path::new(&temporary), path, contents, sync)
}

/// As [`replace`], with a name of its own for the file while it is written.
pub(crate) fn replace_by(
    temporary: &Path,
    path: &Path,
    contents: &[u8],
    sync: FileSync,
) -> Result<(), LogError> {
    let file = write_new(temporary, contents).map_err(|error| {
        // It would only take room.
        let _ = remove_file(temporary);
        LogError::io("write", path, error)
    })?;
    if sync == FileSync::Yes {
        file.sync_all().map_err(|error| LogError::sync_failed(path, error))?;
    }
    rename(temporary, path)?;
    match path.parent() {
        Some(dir) => sync_dir(dir, sync),
        None => Ok(()),
    }
}

/// The ending of a small file's name while it is written.
pub(super) const TEMPORARY_SUFFIX: &str = ".tmp";

fn write_new(path: &Path, contents: &[u8]) -> io::Result<DiskFile> {
    let file = DiskFile::open(path, Existing::Emptied)?;
    file.write_all_at(&mut [IoSlice::new(contents)], 0)?;
    Ok(file)
}

/// Gives a file or folder another name in the same folder.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), LogError> {
    let work = || fs::rename(from, to);
    #[cfg(test)]
    let work = || tap::change(from, Call::Rename, Change::rename(from, to), work);
    work().map_err(|error| LogError::io("rename", from, error))
}

/// Creates a folder; one that exists is [`io::ErrorKind::AlreadyExists`].
pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    let work = || fs::create_dir(dir);
    #[cfg(test)]
    let work = || tap::change(dir, Call::CreateDir, Change::create_dir(dir), work);
    work()
}

/// Makes the creations, renames and deletions in `dir` durable.
pub(super) fn sync_dir(dir: &Path, sync: FileSync) -> Result<(), LogError> {
    if sync == FileSync::No {
        return Ok(());
    }
    // That it cannot be opened says nothing about what the disk holds; that it cannot be synced does.
    let open = fs::File::open(dir);
    #[cfg(test)]
    let open = tap::fail(dir, Call::Open).and(open);
    let open = open.map_err(|error| LogError::io("open", dir, error))?;
    #[cfg(not(test))]
    let synced = open.sync_all();
    #[cfg(test)]
    let synced = tap::sync_dir(dir, &open);
    synced.map_err(|error| LogError::sync_failed(dir, error))
}

/// Deletes a file; one that is not there is deleted already.
pub(crate) fn remove_file(path: &Path) -> Result<(), LogError> {
    let work = || fs::remove_file(path);
    #[cfg(test)]
    let work = || tap::change(path, Call::Remove, Change::remove(path), work);
    match work() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LogError::io("delete", path, error)),
        _ => Ok(()),
    }
}

/// Deletes a folder with everything in it.
pub(super) fn remove_dir_all(dir: &Path) -> Result<(), LogError> {
    let work = || fs::remove_dir_all(dir);
    #[cfg(test)]
    let work = || tap::change(dir, Call::Remove, Change::remove_tree(dir), work);
    work().map_err(|error| LogError::io("delete", dir, error))
}

/// How many bytes a file has.
pub(super) fn size_of(path: &Path) -> Result<u64, LogError> {
    fs::metadata(path).map(|file| file.len()).map_err(|error| LogError::io("read", path, error))
}

/// The whole of a small file; `None` when it is not there.
pub(crate) fn read_file(path: &Path) -> Result<Option<Vec<u8>>, LogError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::io("read", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        assert_eq!(read_file(&path).unwrap(), None);
        replace(&path, b"older", FileSync::No).unwrap();
        replace(&path, b"new", FileSync::Yes).unwrap();
        assert_eq!(read_file(&path).unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        remove_file(&path).unwrap();
        remove_file(&path).unwrap();
    }
}
