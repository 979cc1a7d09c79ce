//! Which logs of a data folder a clean stop may vouch for: those that were opened whole, and no others.
//!
//! Owned by the manager. `.kafka_cleanshutdown` is one word for the whole folder, so one log that nobody has looked at keeps it
//! from being written: the next start would trust that log unseen.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::log::error::LogError;
use crate::log::format::file_names::PartitionName;

/// The logs whose folders are there, and whether the data folder is being closed.
#[derive(Debug)]
pub(in crate::log) struct Vouching(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Logs that were found or begun and never opened to the end.
    unopened: BTreeSet<PartitionName>,
    closed: bool,
}

impl Vouching {
    /// Nothing is known yet of the logs that were found.
    pub(in crate::log) fn new(found: impl Iterator<Item = PartitionName>) -> Self {
        Self(Mutex::new(State { unopened: found.collect(), closed: false }))
    }

    /// A log is about to be opened; from now on it may be changed.
    ///
    /// # Errors
    /// [`LogError::Closed`] once the data folder is being closed.
    pub(in crate::log) fn opening(&self, name: &PartitionName) -> Result<(), LogError> {
        let mut state = self.0.lock();
        if state.closed {
            return Err(LogError::Closed);
        }
        state.unopened.insert(name.clone());
        Ok(())
    }

    /// A log was opened, or its folder is nobody's any more.
    pub(in crate::log) fn settle(&self, name: &PartitionName) {
        self.0.lock().unopened.remove(name);
    }

    /// No log is opened any more; gives those that nobody can vouch for.
    pub(in crate::log) fn close(&self) -> BTreeSet<PartitionName> {
        let mut state = self.0.lock();
        state.closed = true;
        state.unopened.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_opened_to_the_end_is_not_vouched_for() {
        let name = |partition| PartitionName { topic: "t".into(), partition };
        let vouching = Vouching::new((0..3).map(name));
        for partition in [0, 1, 5] {
            vouching.opening(&name(partition)).unwrap();
        }
        vouching.settle(&name(0));
        assert_eq!(vouching.close(), [1, 2, 5].map(name).into());
        assert!(matches!(vouching.opening(&name(0)), Err(LogError::Closed)));
    }
}
