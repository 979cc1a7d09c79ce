//! A failed write or flush ends this data folder: what the disk holds is not known any more (fsync is never retried). Not
//! so a [shortage](crate::log::data_dir::shortage) whose traces could be removed.
//!
//! Owned by the manager, asked by each log before it touches the disk.

use std::sync::OnceLock;

use crate::log::error::LogError;

/// Whether a data folder is out of service, and why. Never recovers.
#[derive(Debug, Default)]
pub(in crate::log) struct Poison {
    reason: OnceLock<String>,
}

impl Poison {
    /// Fails once the folder is out of service.
    pub(in crate::log) fn check(&self) -> Result<(), LogError> {
        match self.reason.get() {
            Some(reason) => Err(LogError::Poisoned { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Takes the folder out of service when `result` is a failure of the disk, and hands it on.
    pub(in crate::log) fn guard<T>(&self, result: Result<T, LogError>) -> Result<T, LogError> {
        if let Err(error @ LogError::Io { .. }) = &result
            && self.reason.set(error.to_string()).is_ok()
        {
            tracing::error!(%error, "the data folder is out of service");
        }
        result
    }

    /// The first failure.
    pub(in crate::log) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_first_failure_of_the_disk_is_final() {
        let poison = Poison::default();
        assert!(poison.guard(Err::<(), _>(LogError::Closed)).is_err());
        assert!(poison.check().is_ok());
        for reason in ["full", "gone"] {
            let error = LogError::io("write", Path::new("x.log"), std::io::Error::other(reason));
            assert!(poison.guard(Err::<(), _>(error)).is_err());
        }
        assert_eq!(poison.reason(), Some("cannot write x.log: full"));
        assert!(matches!(poison.check(), Err(LogError::Poisoned { .. })));
    }
}
