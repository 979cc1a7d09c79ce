//! Report: what the caller and the log are told of a partition's trouble: one error waits at most, and the log has it once.
//!
//! Part of [`AssignedPartition`](super::AssignedPartition).

use crate::error::{Chain, Error};
use crate::record::TopicPartition;

/// What the caller and the log are told of a partition.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The error that waits for the caller.
    error: Option<Error>,
    /// The records that wait for the caller came after the error that does.
    comes_first: bool,
    /// The last error that the log has.
    warned: Option<String>,
    /// Whether the caller was told of an error lately.
    told: bool,
}

impl Report {
    /// Keeps an error of `partition` for the caller; the log has it once, until something goes well.
    pub(super) fn tell(&mut self, partition: &TopicPartition, error: Error) {
        let text = error.to_string();
        if self.warned.as_ref() != Some(&text) {
            tracing::warn!(%partition, error = %Chain(&error), "a partition has a problem");
            self.warned = Some(text);
        }
        self.told = true;
        self.error = Some(error);
        self.comes_first = false;
    }

    /// Keeps an error for the caller, unless another one waits already.
    pub(super) fn tell_besides(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// The caller has an error of the partition from somewhere else.
    pub(crate) const fn note_told(&mut self) {
        self.told = true;
    }

    /// Takes out the error that waits.
    pub(super) fn take(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// The partition has brought records: that it did not is no news any more. `are_next` says that nothing else of it waits.
    pub(crate) fn handle_records(&mut self, are_next: bool) {
        self.error.take_if(|error| matches!(error, Error::Stalled(_)));
        if are_next {
            self.comes_first = self.error.is_some();
        }
    }

    /// Whether the error comes before the records that wait.
    pub(crate) const fn comes_first(&self) -> bool {
        self.comes_first
    }

    /// The position was set anew: what was wrong with the old one is no news.
    pub(super) fn retract(&mut self) {
        self.error = None;
    }

    /// Something went well: the next error is news for the log.
    pub(super) fn succeed(&mut self) {
        self.warned = None;
    }

    /// Whether the caller was told of an error since [`Self::forget_told`].
    pub(crate) const fn was_told(&self) -> bool {
        self.told
    }

    pub(super) const fn forget_told(&mut self) {
        self.told = false;
    }
}
