//! Readiness: how far deserializers that may have to wait are with a record, such as those that fetch a schema first.
//!
//! Kept beside the run of batches that the record is in, so that it ends with the run: what was waited for a record that is
//! not read any more says nothing about the next one.

use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use kestrel_serde::SerdeError;
use parking_lot::Mutex;

/// The progress of deserializers that get ready.
#[derive(Default)]
pub(crate) enum Readiness {
    /// They are ready for whatever was read, or have not been asked yet.
    #[default]
    Unknown,
    /// They get ready for the record at `offset`.
    Waiting {
        offset: i64,
        /// In a mutex only so that a consumer may be shared between threads; never locked.
        future: Mutex<BoxFuture<'static, Result<(), SerdeError>>>,
    },
    /// They are ready for the record at `offset`, or never will be.
    Known { offset: i64, result: Result<(), SerdeError> },
}

impl Readiness {
    pub(super) fn wait(offset: i64, future: BoxFuture<'static, Result<(), SerdeError>>) -> Self {
        Self::Waiting { offset, future: Mutex::new(future) }
    }

    /// Waits for the deserializers, if they are getting ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Waiting { offset, future } = self {
            let result = ready!(future.get_mut().as_mut().poll(cx));
            *self = Self::Known { offset: *offset, result };
        }
        Poll::Ready(())
    }

    /// Whether the deserializers are getting ready.
    pub(crate) const fn is_under_way(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }

    /// Takes out what came of getting ready for the record at `offset`.
    pub(super) fn take(&mut self, offset: i64) -> Option<Result<(), SerdeError>> {
        match std::mem::take(self) {
            Self::Known { offset: known, result } if known == offset => Some(result),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes out why the deserializers could not get ready for a record, if that says nothing about the record.
    pub(crate) fn take_holding_failure(&mut self) -> Option<(i64, SerdeError)> {
        match std::mem::take(self) {
            Self::Known { offset, result: Err(cause) } if !cause.is_poison() => Some((offset, cause)),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Whether the record at `offset` was waited for already, or one after it.
    pub(super) fn has_reached(&self, offset: i64) -> bool {
        matches!(self, Self::Known { offset: known, .. } if offset <= *known)
    }
}
