//! Gate: whether the open transaction takes records, for those who send them.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result};

/// Whether the open transaction takes records: read for each, so without a lock as long as it does.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_shut: AtomicBool,
    cause: Mutex<Option<Error>>,
}

impl Gate {
    /// Refuses what comes from now on because of `cause`; the first one counts.
    pub(crate) fn shut(&self, cause: &Error) {
        self.cause.lock().get_or_insert_with(|| cause.clone());
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

    #[cold]
    fn refuse(&self) -> Result<()> {
        match &*self.cause.lock() {
            Some(cause) => Err(Error::TransactionFailed { cause: Box::new(cause.clone()) }),
            None => Ok(()),
        }
    }
}
