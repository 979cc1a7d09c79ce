//! The `.lock` of a data folder: one broker at a time, Kestrel or Apache Kafka, also in one process.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::fs::FlockOperation;

/// Holds a data folder. Gives it back when it is dropped, also when the process dies.
#[derive(Debug)]
pub(in crate::log) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock; `None` when someone else has it.
    ///
    /// Two locks in one: `flock` also keeps out a second broker of this process; a record lock (`fcntl`) is what
    /// Apache Kafka takes.
    pub(in crate::log) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        for lock in [rustix::fs::flock, rustix::fs::fcntl_lock] {
            match lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(Self { _file: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let first = DirLock::take(&path).unwrap();
        assert!(first.is_some());
        assert!(DirLock::take(&path).unwrap().is_none());
        drop(first);
        assert!(DirLock::take(&path).unwrap().is_some());
    }
}
