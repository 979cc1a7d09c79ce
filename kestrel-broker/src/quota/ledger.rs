//! The ledger of quotas: what each bucket was charged of late. Session machine: the time is an argument.
//!
//! Shared by [`Quotas`](super::Quotas), which asks it only where somebody is limited.

use std::time::{Duration, Instant};

use bytestring::ByteString;

use super::limits::{Bucket, Limits, QuotaKind};
use super::permits::Strictness;
use super::quotas::QuotaWindows;
use super::rate::WindowedRate;
use super::recent::Recent;
use super::token_bucket::TokenBucket;
use super::window::Tick;

/// A sender of requests, as quotas tell them apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The name of its principal.
    pub(crate) user: &'a ByteString,
    /// Its `client.id`; empty when it has none.
    pub(crate) client_id: &'a ByteString,
}

/// The tokens a second of who has no limit: as many as Apache Kafka gives, 2 to the power of 63.
const UNLIMITED: f64 = 9_223_372_036_854_775_807.0;

/// How many buckets of a kind are remembered: clients choose their ids, before they log in too. Who was not charged for longest begins
/// anew.
const MAX_BUCKETS: usize = 16_384;

/// What each bucket was charged of late.
#[derive(Debug)]
pub(super) struct QuotaLedger {
    windows: QuotaWindows,
    origin: Instant,
    limits: Limits,
    /// By kind, in the order of [`QuotaKind::ALL`].
    rates: [Recent<WindowedRate>; QuotaKind::ALL.len()],
    mutations: Recent<TokenBucket>,
    /// When idle buckets were last forgotten.
    swept: Tick,
}

impl QuotaLedger {
    /// A ledger in which nobody is limited.
    pub(super) fn new(windows: QuotaWindows, origin: Instant) -> Self {
        Self {
            windows,
            origin,
            limits: Limits::default(),
            rates: QuotaKind::ALL.map(|_| Recent::new(MAX_BUCKETS)),
            mutations: Recent::new(MAX_BUCKETS),
            swept: Tick::since(origin, origin),
        }
    }

    /// Replaces all limits. What was charged stays, so that a new limit counts at once.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Charges units of a rate; gives how long the caller is to be held back.
    pub(super) fn charge(
        &mut self,
        kind: QuotaKind,
        caller: Caller<'_>,
        units: f64,
        now: Instant,
    ) -> Duration {
        let (now, windows) = (self.sweep(now), self.windows.of(kind));
        let bucket = self.limits.bucket(kind, caller);
        let bound = self.limits.of_bucket(kind, &bucket);
        let rate = self.rate(kind, &bucket);
        rate.record(units, windows, now);
        let throttle = bound.map_or(Duration::ZERO, |bound| rate.throttle(bound, windows, now));
        match kind {
            // A request may take long without being anybody's fault.
            QuotaKind::Request => throttle.min(windows.length),
            _ => throttle,
        }
    }

    /// Takes back what was charged just now for something that is not done after all.
    pub(super) fn take_back(&mut self, kind: QuotaKind, caller: Caller<'_>, units: f64, now: Instant) {
        let (now, windows) = (Tick::since(self.origin, now), self.windows.of(kind));
        let bucket = self.limits.bucket(kind, caller);
        self.rate(kind, &bucket).record(-units, windows, now);
    }

    fn rate(&mut self, kind: QuotaKind, bucket: &Bucket) -> &mut WindowedRate {
        let rates = self.rates.get_mut(kind as usize).expect("each kind has its rates");
        rates.entry(bucket, WindowedRate::default)
    }

    /// The most units that can be charged at once without holding the caller back; `None` without a limit.
    pub(super) fn most_at_once(&self, kind: QuotaKind, caller: Caller<'_>) -> Option<f64> {
        let bound = self.limits.of_bucket(kind, &self.limits.bucket(kind, caller))?;
        Some(self.windows.of(kind).most_at_once(bound))
    }

    /// Charges changes of partitions, unless the quota is exhausted and strict; gives how long to wait.
    ///
    /// # Errors
    /// How long the caller has to wait until its changes are carried out again.
    pub(super) fn mutate(
        &mut self,
        caller: Caller<'_>,
        strictness: Strictness,
        partitions: f64,
        now: Instant,
    ) -> Result<Duration, Duration> {
        let (now, windows) = (self.sweep(now), self.windows.of(QuotaKind::ControllerMutation));
        let bucket = self.limits.bucket(QuotaKind::ControllerMutation, caller);
        let bound = self.limits.of_bucket(QuotaKind::ControllerMutation, &bucket).unwrap_or(UNLIMITED);
        let tokens = self.mutations.entry(&bucket, || TokenBucket::full(now));
        if strictness == Strictness::Strict {
            let throttle = tokens.throttle(bound, windows, now);
            if !throttle.is_zero() {
                return Err(throttle);
            }
        }
        tokens.take(partitions, bound, windows, now);
        Ok(match strictness {
            Strictness::Strict => Duration::ZERO,
            Strictness::Permissive => tokens.throttle(bound, windows, now),
        })
    }

    /// How many buckets are remembered.
    pub(super) fn len(&self) -> usize {
        self.rates.iter().map(Recent::len).sum::<usize>() + self.mutations.len()
    }

    /// Forgets idle buckets now and then: a new one in their place would do the same.
    fn sweep(&mut self, now: Instant) -> Tick {
        let now = Tick::since(self.origin, now);
        let longest = QuotaKind::ALL.into_iter().map(|kind| self.windows.of(kind).span_ms()).max();
        if now - self.swept >= longest.unwrap_or_default() {
            self.swept = now;
            self.forget_idle(now);
        }
        now
    }

    pub(super) fn forget_idle(&mut self, now: Tick) {
        let Self { windows, rates, mutations, .. } = self;
        for (kind, rates) in QuotaKind::ALL.into_iter().zip(rates) {
            rates.retain(|rate| !rate.is_idle(windows.of(kind), now));
        }
        mutations.retain(|tokens| !tokens.is_idle(now));
    }
}
