//! Time and randomness: the only file of the crate that asks the outside world for either.

use std::time::Instant;

/// The current instant of the runtime's clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A random number, for the spread of pauses: never for secrets.
pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap_or(0x9e37_79b9_7f4a_7c15)
}
