//! The quotas of users and clients, shared by all connections: one ledger behind a lock that is taken only where there are limits.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::connection_rates::{ConnectionRates, IpLimits, RateLimits};
use super::ledger::{Caller, QuotaLedger};
use super::limits::{Limits, QuotaKind};
use super::permits::Strictness;
use super::window::Windows;
use crate::metrics::{Counter, QuotaMetrics, ThrottleMetrics};

/// The windows of all quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuotaWindows {
    /// Of bytes and requests.
    pub(crate) rates: Windows,
    /// Of controller mutations.
    pub(crate) mutations: Windows,
}

impl QuotaWindows {
    pub(super) const fn of(&self, kind: QuotaKind) -> Windows {
        match kind {
            QuotaKind::Produce | QuotaKind::Fetch | QuotaKind::Request => self.rates,
            QuotaKind::ControllerMutation => self.mutations,
        }
    }
}

/// The quotas of users and clients.
#[derive(Debug)]
pub(crate) struct Quotas {
    ledger: Mutex<QuotaLedger>,
    connections: Mutex<ConnectionRates>,
    /// A bit for each kind that limits anybody.
    limited: AtomicU8,
    /// What was counted, by kind.
    throttled: [Throttled; QuotaKind::ALL.len()],
}

#[derive(Debug, Default)]
struct Throttled {
    count: Counter,
    nanos: Counter,
}

impl Quotas {
    /// Quotas under which nobody is limited.
    pub(crate) fn new(windows: QuotaWindows, connections: RateLimits, now: Instant) -> Self {
        Self {
            ledger: Mutex::new(QuotaLedger::new(windows, now)),
            connections: Mutex::new(ConnectionRates::new(windows.rates, connections, now)),
            limited: AtomicU8::new(0),
            throttled: Default::default(),
        }
    }

    /// Replaces all limits: they count from the next charge on.
    pub(crate) fn set_limits(&self, limits: Limits) {
        let mut ledger = self.ledger.lock();
        let limited = QuotaKind::ALL.into_iter().filter(|kind| limits.has(*kind));
        self.limited.store(limited.fold(0, |bits, kind| bits | bit(kind)), Ordering::Relaxed);
        ledger.set_limits(limits);
    }

    /// Replaces the limits of addresses.
    pub(crate) fn set_ip_limits(&self, limits: IpLimits) {
        self.connections.lock().set_ip_limits(limits);
    }

    /// As [`ConnectionRates::arrive`].
    pub(crate) fn arrive(&self, listener: usize, now: Instant) -> Duration {
        self.connections.lock().arrive(listener, now)
    }

    /// As [`ConnectionRates::admit`].
    pub(crate) fn admit(&self, listener: usize, ip: IpAddr, now: Instant) -> Result<(), Duration> {
        self.connections.lock().admit(listener, ip, now)
    }

    /// Whether anybody is limited in any way.
    pub(crate) fn limit_anybody(&self) -> bool {
        self.limited.load(Ordering::Relaxed) != 0
    }

    /// Whether anybody is limited in this way.
    pub(crate) fn limits(&self, kind: QuotaKind) -> bool {
        self.limited.load(Ordering::Relaxed) & bit(kind) != 0
    }

    /// Charges units of a rate; gives how long the caller is to be held back.
    pub(crate) fn charge(&self, kind: QuotaKind, caller: Caller<'_>, units: f64, now: Instant) -> Duration {
        if !self.limits(kind) {
            return Duration::ZERO;
        }
        let throttle = self.ledger.lock().charge(kind, caller, units, now);
        self.note(kind, throttle);
        throttle
    }

    /// Takes back what was charged just now.
    pub(crate) fn take_back(&self, kind: QuotaKind, caller: Caller<'_>, units: f64, now: Instant) {
        if self.limits(kind) {
            self.ledger.lock().take_back(kind, caller, units, now);
        }
    }

    /// The most units that can be charged at once without holding the caller back; `None` without a limit.
    pub(crate) fn most_at_once(&self, kind: QuotaKind, caller: Caller<'_>) -> Option<f64> {
        if self.limits(kind) { self.ledger.lock().most_at_once(kind, caller) } else { None }
    }

    /// Charges changes of partitions; gives how long the caller is to be held back.
    ///
    /// # Errors
    /// How long it has to wait, when the change is not to be carried out.
    pub(super) fn mutate(
        &self,
        caller: Caller<'_>,
        strictness: Strictness,
        partitions: f64,
        now: Instant,
    ) -> Result<Duration, Duration> {
        let outcome = self.ledger.lock().mutate(caller, strictness, partitions, now);
        self.note(QuotaKind::ControllerMutation, outcome.unwrap_or_else(|wait| wait));
        outcome
    }

    /// The counts now.
    pub(crate) fn metrics(&self) -> QuotaMetrics {
        let [produce, fetch, request, controller_mutation] =
            self.throttled.each_ref().map(Throttled::snapshot);
        let buckets = u64::try_from(self.ledger.lock().len()).unwrap_or(u64::MAX);
        QuotaMetrics { produce, fetch, request, controller_mutation, buckets }
    }

    fn note(&self, kind: QuotaKind, throttle: Duration) {
        let Some(throttled) = self.throttled.get(kind as usize).filter(|_| !throttle.is_zero()) else {
            return;
        };
        throttled.count.count();
        throttled.nanos.add(u64::try_from(throttle.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl Throttled {
    fn snapshot(&self) -> ThrottleMetrics {
        ThrottleMetrics { count: self.count.get(), time: Duration::from_nanos(self.nanos.get()) }
    }
}

const fn bit(kind: QuotaKind) -> u8 {
    1 << kind as u8
}

#[cfg(test)]
impl Quotas {
    /// Quotas without limits, for tests of other rooms.
    pub(crate) fn unlimited() -> std::sync::Arc<Self> {
        let windows = Windows { count: 11, length: Duration::from_secs(1) };
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let both = QuotaWindows { rates: windows, mutations: windows };
        std::sync::Arc::new(Self::new(both, RateLimits::default(), now))
    }
}
