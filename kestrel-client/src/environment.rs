//! Time and randomness: the only file of the client that asks the outside world for either.
//!
//! Shells call it and hand the values to the machines, which never do. Time is tokio's, so that tests can pause it.

use std::time::{Duration, Instant, SystemTime};

use kestrel_protocol::Timestamp;

/// The current instant of the runtime's clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The current wall time, for the timestamps of records.
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub(crate) fn wall() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// The longest wait that is told from never.
pub(crate) const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The instant `wait` after `start`. A wait that is too long for a clock, such as [`Duration::MAX`], ends in a hundred years:
/// `Instant + Duration` would panic. Everything that adds a setting, or a caller's patience, to a time does it here.
pub(crate) fn after(start: Instant, wait: Duration) -> Instant {
    start.checked_add(wait.min(FOREVER)).unwrap_or(start)
}

/// A duration in the milliseconds that requests carry; longer ones are as long as that goes, 24 days.
pub(crate) fn wire_millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// Waits until `deadline`; for ever when there is none.
pub(crate) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// An unpredictable seed for jitter and for the choice of partitions: never for secrets.
pub(crate) fn seed() -> u64 {
    getrandom::u64().unwrap_or(0x9e37_79b9_7f4a_7c15)
}

/// Random bytes that are fit for secrets.
///
/// # Errors
/// When the system has none.
pub(crate) fn secret_random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// The next value of a small generator (splitmix64) whose state is `state`.
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mix(*state)
}

/// Spreads the bits of `value` (the output function of splitmix64).
pub(crate) const fn mix(value: u64) -> u64 {
    let mut bits = value;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_is_too_long_for_the_clock_is_very_long() {
        let now = now();
        assert_eq!(after(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        let never = after(now, Duration::MAX);
        assert!(never > now + Duration::from_secs(365 * 24 * 60 * 60));
        assert!(after(never, Duration::MAX) >= never);
    }
}
