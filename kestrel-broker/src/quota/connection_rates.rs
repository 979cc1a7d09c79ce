//! The rates at which connections may be made: of the broker, of each listener and of each address (KIP-612). Session machine:
//! the time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::rate::WindowedRate;
use super::window::{Tick, Windows};

/// The rates that the configuration sets: connections a second; `None` is without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RateLimits {
    /// `max.connection.creation.rate` of the broker.
    pub(crate) broker: Option<u32>,
    /// The same key of each listener, by its place in the configuration.
    pub(crate) listeners: Vec<Option<u32>>,
}

/// The rates that the metadata sets: `connection_creation_rate` of addresses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct IpLimits {
    /// Of each address that has none of its own.
    pub(crate) default: Option<f64>,
    /// Of these addresses.
    pub(crate) by_ip: HashMap<IpAddr, f64>,
}

impl IpLimits {
    fn of(&self, ip: IpAddr) -> Option<f64> {
        self.by_ip.get(&ip).copied().or(self.default)
    }
}

/// How many connections came of late.
#[derive(Debug)]
pub(crate) struct ConnectionRates {
    windows: Windows,
    origin: Instant,
    limits: RateLimits,
    ip_limits: IpLimits,
    broker: WindowedRate,
    listeners: Vec<WindowedRate>,
    by_ip: HashMap<IpAddr, WindowedRate>,
    /// When idle addresses were last forgotten.
    swept: Tick,
}

impl ConnectionRates {
    /// No connection yet.
    pub(crate) fn new(windows: Windows, limits: RateLimits, origin: Instant) -> Self {
        let listeners = limits.listeners.iter().map(|_| WindowedRate::default()).collect();
        Self {
            windows,
            origin,
            limits,
            ip_limits: IpLimits::default(),
            broker: WindowedRate::default(),
            listeners,
            by_ip: HashMap::new(),
            swept: Tick::since(origin, origin),
        }
    }

    /// Replaces the limits of addresses.
    pub(crate) fn set_ip_limits(&mut self, limits: IpLimits) {
        self.ip_limits = limits;
    }

    /// Counts a connection to a listener; gives how long the listener waits until it goes on with it, at most one window.
    pub(crate) fn arrive(&mut self, listener: usize, now: Instant) -> Duration {
        let (now, windows) = (Tick::since(self.origin, now), self.windows);
        let counted = |rate: &mut WindowedRate, limit: Option<u32>| {
            rate.record(1.0, windows, now);
            limit.map_or(Duration::ZERO, |limit| rate.throttle(limit.into(), windows, now))
        };
        let by_broker = counted(&mut self.broker, self.limits.broker);
        let limit = self.limits.listeners.get(listener).copied().flatten();
        let by_listener = self.listeners.get_mut(listener).map(|rate| counted(rate, limit));
        by_broker.max(by_listener.unwrap_or_default()).min(windows.length)
    }

    /// Counts the connection for its address too.
    ///
    /// # Errors
    /// When the address makes too many: the connection then counts for nobody, and is to be closed after the time given, so that
    /// the next attempt does not come at once.
    pub(crate) fn admit(&mut self, listener: usize, ip: IpAddr, now: Instant) -> Result<(), Duration> {
        let Some(limit) = self.ip_limits.of(ip) else { return Ok(()) };
        let (now, windows) = (self.sweep(now), self.windows);
        let rate = self.by_ip.entry(ip).or_default();
        rate.record(1.0, windows, now);
        let throttle = rate.throttle(limit, windows, now).min(windows.length);
        if throttle.is_zero() {
            return Ok(());
        }
        let of_listener = self.listeners.get_mut(listener);
        for rate in [rate, &mut self.broker].into_iter().chain(of_listener) {
            rate.record(-1.0, windows, now);
        }
        Err(throttle)
    }

    /// Forgets idle addresses now and then: a new rate in their place would do the same.
    fn sweep(&mut self, now: Instant) -> Tick {
        let (now, windows) = (Tick::since(self.origin, now), self.windows);
        if now - self.swept >= windows.span_ms() {
            self.swept = now;
            self.by_ip.retain(|_, rate| !rate.is_idle(windows, now));
        }
        now
    }
}
