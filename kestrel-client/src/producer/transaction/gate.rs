//! Gate: whether the open transaction takes records, for those who send them.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::command::EndFailure;
use crate::error::{Error, Result};

/// Whether the open transaction takes records: read for each, so without a lock as long as it does.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_shut: AtomicBool,
    cause: Mutex<Option<Cause>>,
}

/// Why a gate is shut.
#[derive(Debug)]
struct Cause {
    error: Error,
    /// Whether the producer is finished, and not only its transaction.
    is_final: bool,
}

impl Gate {
    /// Refuses what comes from now on because of `cause`; the first one counts.
    pub(crate) fn shut(&self, cause: &Error) {
        self.cause.lock().get_or_insert_with(|| Cause { error: cause.clone(), is_final: false });
        self.is_shut.store(true, Ordering::Release);
    }

    /// Refuses what comes from now on, because the producer is finished.
    pub(crate) fn shut_for_good(&self, error: &Error) {
        let mut cause = self.cause.lock();
        if cause.as_ref().is_none_or(|cause| !cause.is_final) {
            *cause = Some(Cause { error: error.clone(), is_final: true });
        }
        self.is_shut.store(true, Ordering::Release);
    }

    pub(crate) fn open(&self) {
        *self.cause.lock() = None;
        self.is_shut.store(false, Ordering::Release);
    }

    /// # Errors
    /// [`Error::TransactionFailed`] once it is shut.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_shut.load(Ordering::Acquire) { self.refuse() } else { Ok(()) }
    }

    /// As [`Self::check`], of a commit.
    pub(crate) fn check_end(&self) -> Result<(), EndFailure> {
        self.check().map_err(|error| match &*self.cause.lock() {
            Some(Cause { error, is_final: true }) => EndFailure::Fatal(error.clone()),
            _ => EndFailure::Abortable(error),
        })
    }

    #[cold]
    fn refuse(&self) -> Result<()> {
        match &*self.cause.lock() {
            Some(cause) => Err(Error::TransactionFailed { cause: Box::new(cause.error.clone()) }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_told_whether_its_producer_is_finished() {
        let gate = Gate::default();
        assert!(gate.check_end().is_ok());
        gate.shut(&Error::closed("record"));
        assert!(matches!(gate.check_end(), Err(EndFailure::Abortable(Error::TransactionFailed { .. }))));
        let fenced = || Error::ProducerFenced {
            transactional_id: "billing-1".into(),
            cause: Box::new(Error::closed("id")),
        };
        gate.shut_for_good(&fenced());
        gate.shut(&Error::closed("record"));
        assert!(matches!(gate.check_end(), Err(EndFailure::Fatal(Error::ProducerFenced { .. }))));
    }
}
