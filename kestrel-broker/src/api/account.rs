//! The account of a request: what its sender is charged by quotas, and how long it is held back for that.
//!
//! Part of [`RequestContext`](super::RequestContext). It is nobody's as long as the metadata limits nobody: then everything here
//! is one check of an option.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use parking_lot::Mutex;

use super::{RequestContext, State};
use crate::clock::Clock;
use crate::quota::{Caller, Permits, QuotaKind, Quotas, Strictness};

/// The account that a request is charged to. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account(Option<Arc<Holder>>);

#[derive(Debug)]
struct Holder {
    quotas: Arc<Quotas>,
    clock: Clock,
    user: ByteString,
    client_id: ByteString,
    work: Mutex<Work>,
}

/// How long a request was worked on.
#[derive(Debug, Default)]
struct Work {
    spent: Duration,
    /// Since when it is being worked on, if it is.
    since: Option<Instant>,
    is_charged: bool,
}

impl Account {
    /// The account of a request's sender.
    pub(super) fn of(context: &RequestContext, state: &State) -> Self {
        Self(state.quotas.limit_anybody().then(|| {
            Arc::new(Holder {
                quotas: Arc::clone(&state.quotas),
                clock: state.clock.clone(),
                user: context.principal.name(),
                client_id: context.client_id.clone(),
                work: Mutex::default(),
            })
        }))
    }

    /// Charges units of a rate; gives how long the sender is to be held back.
    pub(super) fn charge(&self, kind: QuotaKind, units: usize) -> Duration {
        let Some(holder) = &self.0 else { return Duration::ZERO };
        holder.quotas.charge(kind, holder.caller(), float(units), holder.clock.now())
    }

    /// Takes back what was charged just now for something that is not done after all.
    pub(super) fn take_back(&self, kind: QuotaKind, units: usize) {
        if let Some(holder) = &self.0 {
            holder.quotas.take_back(kind, holder.caller(), float(units), holder.clock.now());
        }
    }

    /// The most units that can be charged at once without holding the sender back.
    pub(super) fn most_at_once(&self, kind: QuotaKind) -> usize {
        let most = self.0.as_ref().and_then(|holder| holder.quotas.most_at_once(kind, holder.caller()));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest number that there is"
        )]
        most.map_or(usize::MAX, |most| most as usize)
    }

    /// The permits of the request to change partitions (KIP-599).
    pub(super) fn permits(&self, strictness: Strictness) -> Permits {
        self.0.as_ref().map_or_else(Permits::unlimited, |holder| {
            Permits::of(&holder.quotas, holder.caller(), strictness)
        })
    }

    /// Does a part of the work that the request takes.
    pub(super) fn work<T>(&self, part: impl FnOnce() -> T) -> T {
        let Some(holder) = self.0.as_ref().filter(|holder| holder.quotas.limits(QuotaKind::Request)) else {
            return part();
        };
        holder.work.lock().since = Some(holder.clock.now());
        let done = part();
        holder.work.lock().pause(holder.clock.now());
        done
    }

    /// Does the waiting part of the work: the waiting itself is not counted.
    pub(super) async fn work_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.work(|| future.as_mut().poll(cx))).await
    }

    /// Charges the work up to now, once; gives how long the sender is to be held back.
    pub(super) fn charge_work(&self) -> Duration {
        let Some(holder) = self.0.as_ref().filter(|holder| holder.quotas.limits(QuotaKind::Request)) else {
            return Duration::ZERO;
        };
        let now = holder.clock.now();
        let mut work = holder.work.lock();
        if std::mem::replace(&mut work.is_charged, true) {
            return Duration::ZERO;
        }
        let spent =
            work.spent + work.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        drop(work);
        holder.quotas.charge(QuotaKind::Request, holder.caller(), percent_of_a_second(spent), now)
    }

    /// Lets the work go uncharged.
    pub(super) fn exempt_work(&self) {
        if let Some(holder) = &self.0 {
            holder.work.lock().is_charged = true;
        }
    }
}

impl Holder {
    const fn caller(&self) -> Caller<'_> {
        Caller { user: &self.user, client_id: &self.client_id }
    }
}

impl Work {
    fn pause(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.spent += now.saturating_duration_since(since);
        }
    }
}

/// The percentage of a thread that so much work in a second is.
fn percent_of_a_second(spent: Duration) -> f64 {
    spent.as_secs_f64() * 100.0
}

/// A number of bytes as a float.
#[expect(clippy::cast_precision_loss, reason = "no request has more than 53 bits of bytes")]
const fn float(units: usize) -> f64 {
    units as f64
}

#[cfg(test)]
mod tests;
