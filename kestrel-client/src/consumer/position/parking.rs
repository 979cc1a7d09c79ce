//! Parking: whether a partition waits for its next record, so that nothing of it is handed out or fetched although nobody has
//! paused it.
//!
//! Part of [`AssignedPartition`](super::AssignedPartition): a machine, no I/O and no clock.
//!
//! ```text
//!   moving ── park ──► waiting ── unpark ──► moving          a schema, a letter on its way: the caller's task has it in hand
//!     │                    │
//!     └──────── hold ──────┴──► held ── poll ──► resting ── poll, the pause is over ──► moving
//! ```

use std::time::{Duration, Instant};

use crate::environment::after;

/// Whether a partition waits for its next record.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    parked: Option<Parked>,
    /// How often in a row the next record could neither be handed out nor passed.
    holds: u32,
}

/// Why a partition is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parked {
    /// The caller's task waits for something that the next record needs, and says when it has it.
    Waiting,
    /// The next record could neither be handed out nor passed: its pause begins when the driver looks.
    Held,
    /// It is tried again then.
    Resting { until: Instant },
}

impl Parking {
    /// Whether nothing is to be handed out or fetched.
    pub(crate) const fn is_on(&self) -> bool {
        self.parked.is_some()
    }

    /// The caller's task waits for something that the next record needs, until [`Self::unpark`].
    pub(crate) const fn park(&mut self) {
        self.parked = Some(Parked::Waiting);
    }

    /// The caller's task has what it waited for. A pause goes on.
    pub(crate) fn unpark(&mut self) {
        self.parked.take_if(|parked| *parked == Parked::Waiting);
    }

    /// The next record could neither be handed out nor passed: it is tried again after a pause. Pauses grow until the caller has gone
    /// past it.
    pub(crate) const fn hold(&mut self) {
        self.holds = self.holds.saturating_add(1);
        self.parked = Some(Parked::Held);
    }

    /// The caller has gone past the record: the next hold is the first again.
    pub(crate) const fn forget_holds(&mut self) {
        self.holds = 0;
    }

    /// The position was set anew: there is another next record.
    pub(super) const fn end(&mut self) {
        self.parked = None;
    }

    /// Begins and ends the pause of a record that is held, `pause` being how long it is after so many holds. True when it ends.
    pub(super) fn poll(&mut self, now: Instant, pause: impl FnOnce(u32) -> Duration) -> bool {
        match self.parked {
            Some(Parked::Held) => {
                self.parked = Some(Parked::Resting { until: after(now, pause(self.holds)) });
            }
            Some(Parked::Resting { until }) if until <= now => return self.end_rest(),
            _ => {}
        }
        false
    }

    /// Tries a record that is held again at once. True when there is one.
    pub(crate) fn end_rest(&mut self) -> bool {
        self.parked.take_if(|parked| *parked != Parked::Waiting).is_some()
    }

    /// When [`Self::poll`] has more to do.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self.parked {
            Some(Parked::Resting { until }) => Some(until),
            Some(Parked::Waiting | Parked::Held) | None => None,
        }
    }
}
