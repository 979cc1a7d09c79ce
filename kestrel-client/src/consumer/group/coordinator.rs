//! Coordinator: which broker coordinates the group, as far as is known. A machine: no I/O, no clock.
//!
//! Part of [`Membership`](crate::consumer::group::classic::Membership). Found when it is needed, forgotten when a broker says that it is
//! another one or does not answer; asked for again after a pause that grows with each failure.

use std::time::Instant;

use kestrel_protocol::NodeId;

use crate::environment::after;
use crate::net::ExponentialBackoff;

/// The knowledge of where the coordinator is.
///
/// ```text
///   Unknown ── poll ──► Asking ── answer ──► Known
///      ▲  pause over       │ failure           │ NOT_COORDINATOR, lost connection, silence
///      └───────────────────┴───────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    Unknown,
    Asking,
    Known(NodeId),
}

/// Finds the group's coordinator, and forgets it.
#[derive(Debug)]
pub(crate) struct Coordinator {
    state: Whereabouts,
    failures: u32,
    not_before: Option<Instant>,
    backoff: ExponentialBackoff,
}

impl Coordinator {
    pub(crate) const fn new(backoff: ExponentialBackoff) -> Self {
        Self { state: Whereabouts::Unknown, failures: 0, not_before: None, backoff }
    }

    pub(crate) const fn node(&self) -> Option<NodeId> {
        match self.state {
            Whereabouts::Known(node) => Some(node),
            Whereabouts::Unknown | Whereabouts::Asking => None,
        }
    }

    /// Whether to ask for it now; counts as asked then.
    pub(crate) fn poll(&mut self, now: Instant) -> bool {
        let may_ask = self.state == Whereabouts::Unknown && self.not_before.is_none_or(|at| at <= now);
        if may_ask {
            self.state = Whereabouts::Asking;
        }
        may_ask
    }

    /// When it may be asked for; `None` when it is known or asked for.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        (self.state == Whereabouts::Unknown).then(|| self.not_before.unwrap_or(now))
    }

    pub(crate) fn handle_found(&mut self, node: NodeId) {
        self.state = Whereabouts::Known(node);
        self.not_before = None;
    }

    /// The question failed, or the answer was that there is none at the moment.
    pub(crate) fn handle_failure(&mut self, now: Instant) {
        self.state = Whereabouts::Unknown;
        self.pause(now);
    }

    /// Puts the next question off until `at`.
    pub(crate) fn wait_until(&mut self, at: Instant) {
        self.not_before = Some(at);
    }

    /// `node` is not the coordinator any more, or cannot be reached. Older news than the last answer are ignored.
    pub(crate) fn forget(&mut self, node: NodeId, now: Instant) {
        if self.state == Whereabouts::Known(node) {
            self.state = Whereabouts::Unknown;
            self.pause(now);
        }
    }

    /// The coordinator did what it was asked for: the next failure is the first again.
    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
    }

    fn pause(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(after(now, self.backoff.delay(self.failures)));
    }
}
