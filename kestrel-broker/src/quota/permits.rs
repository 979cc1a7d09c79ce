//! The permits of one request for changes of partitions (KIP-599): taken by the controller, topic by topic.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use parking_lot::Mutex;

use super::ledger::Caller;
use super::limits::QuotaKind;
use super::quotas::Quotas;

/// How an exhausted quota of controller mutations is enforced: newer requests know an error for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// What comes while it is exhausted is refused.
    Strict,
    /// What comes is done, and the connection muted.
    Permissive,
}

impl Strictness {
    /// How it is enforced on a request whose `version` knows the error from `first` on.
    pub(crate) const fn since(first: i16, version: i16) -> Self {
        if version >= first { Self::Strict } else { Self::Permissive }
    }
}

/// The permits of one request. A clone is of the same request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permits(Option<Arc<Limited>>);

#[derive(Debug)]
struct Limited {
    quotas: Arc<Quotas>,
    user: ByteString,
    client_id: ByteString,
    strictness: Strictness,
    /// Until when the caller is to be held back, as of the latest charge.
    until: Mutex<Option<Instant>>,
}

impl Permits {
    /// The permits of a caller: without end as long as nobody is limited.
    pub(crate) fn of(quotas: &Arc<Quotas>, caller: Caller<'_>, strictness: Strictness) -> Self {
        Self(quotas.limits(QuotaKind::ControllerMutation).then(|| {
            Arc::new(Limited {
                quotas: Arc::clone(quotas),
                user: caller.user.clone(),
                client_id: caller.client_id.clone(),
                strictness,
                until: Mutex::new(None),
            })
        }))
    }

    /// Permits without end: what the broker does by itself.
    pub(crate) const fn unlimited() -> Self {
        Self(None)
    }

    /// Takes a permit for each of so many partitions; gives whether they may be changed.
    #[must_use]
    pub(crate) fn take(&self, partitions: usize, now: Instant) -> bool {
        let Some(limited) = &self.0 else { return true };
        let caller = Caller { user: &limited.user, client_id: &limited.client_id };
        let partitions = u32::try_from(partitions).unwrap_or(u32::MAX).into();
        let outcome = limited.quotas.mutate(caller, limited.strictness, partitions, now);
        let (Ok(throttle) | Err(throttle)) = outcome;
        if !throttle.is_zero() {
            *limited.until.lock() = Some(now + throttle);
        }
        outcome.is_ok()
    }

    /// How long the caller is still to be held back.
    pub(crate) fn throttle(&self, now: Instant) -> Duration {
        let until = self.0.as_ref().and_then(|limited| *limited.until.lock());
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}
