//! The token bucket of controller mutations (KIP-599), as Apache Kafka's `TokenBucket` has it. Pure.

use std::time::Duration;

use super::window::{Tick, Windows, seconds, throttle};

/// How many milliseconds Apache Kafka remembers a bucket. It cannot be forgotten earlier, even when it is full: a higher bound
/// would then find more in it than came back.
const IDLE_MS: i64 = 60 * 60 * 1000;

/// Tokens that come back at the rate of the bound, up to as many as all windows allow. May be overdrawn by one operation.
#[derive(Debug, Clone)]
pub(super) struct TokenBucket {
    tokens: f64,
    updated: Tick,
}

impl TokenBucket {
    /// A full bucket, whatever its bound turns out to be.
    pub(super) const fn full(now: Tick) -> Self {
        Self { tokens: f64::INFINITY, updated: now }
    }

    /// Takes tokens, also more than there are.
    pub(super) fn take(&mut self, tokens: f64, bound: f64, windows: Windows, now: Tick) {
        self.refill(bound, windows, now);
        self.tokens = windows.burst(bound).min(self.tokens - tokens);
    }

    /// The time until it is no longer overdrawn; zero when it is not.
    pub(super) fn throttle(&mut self, bound: f64, windows: Windows, now: Tick) -> Duration {
        self.refill(bound, windows, now);
        if self.tokens < 0.0 { throttle(-self.tokens / bound * 1000.0) } else { Duration::ZERO }
    }

    /// Whether it was not used for so long that it is forgotten, which fills it.
    pub(super) fn is_idle(&self, now: Tick) -> bool {
        now - self.updated > IDLE_MS
    }

    fn refill(&mut self, bound: f64, windows: Windows, now: Tick) {
        let refilled = self.tokens + bound * seconds(now - self.updated);
        self.tokens = windows.burst(bound).min(refilled);
        self.updated = now;
    }
}
