//! Clock: the only file of the crate that asks for the time. Tests set it by hand.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Tells the time. Clones tell the same.
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// The machine's.
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    pub(super) fn system() -> Self {
        Self(Arc::new(Instant::now))
    }

    /// One that tells what `now` says.
    #[cfg(test)]
    pub(super) fn by_hand(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(super) fn now(&self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
