//! Whether a broker holds a data folder, found out without taking its lock.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

use crate::log::error::LogError;
use crate::log::format::file_names::LOCK;

/// The process that holds the data folder, Kestrel or Apache Kafka; `None` when nobody does.
///
/// Not for a folder that a broker of this process holds: the system's record locks do not keep a process from itself.
pub(crate) fn holder_of(data_dir: &Path) -> Result<Option<i32>, LogError> {
    let path = data_dir.join(LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::io("open", &path, error)),
    };
    // From the start to the end of the file, as both brokers lock it.
    let whole = Flock {
        start: 0,
        length: 0,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    let held = fcntl_getlk(&file, &whole)
        .map_err(|error| LogError::io("ask for the lock of", &path, error.into()))?;
    Ok(held.map(|lock| lock.pid.map_or(0, rustix::process::Pid::as_raw_pid)))
}
