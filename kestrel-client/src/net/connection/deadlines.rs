//! Deadlines: watches how long requests wait, written or not, and how long a connection is silent.
//!
//! Part of the connection's task; rung when a deadline comes up that is earlier than its timer.

use std::time::Instant;

use super::Shared;
use crate::environment::{self, after};

impl Shared {
    /// Ends when a request is overdue or the connection has been silent for too long; gives the reason.
    pub(super) async fn watch_deadlines(&self) -> &'static str {
        loop {
            match self.check_deadlines() {
                Ok(next) => tokio::select! {
                    () = environment::sleep_until(Some(next)) => {}
                    () = self.rearm.notified() => {}
                },
                Err(cause) => return cause,
            }
        }
    }

    /// A request has come that is not written at once. Called by the outbox, which is locked meanwhile.
    pub(super) fn note_queued(&self, asked_at: Instant, deadline: Instant) {
        let mut waits = self.waits();
        waits.active_at = waits.active_at.max(asked_at);
        if deadline < waits.armed {
            drop(waits);
            self.rearm.notify_one();
        }
    }

    /// A request is about to be written that will not be answered.
    pub(super) fn note_use(&self, now: Instant) {
        self.waits().note_use(now);
    }

    /// The timer has fired or is to be set anew: when is the next look due, or what has happened?
    fn check_deadlines(&self) -> Result<Instant, &'static str> {
        let now = environment::now();
        // The outbox is not looked at under this lock, because it takes the lock itself: what comes meanwhile has to ring.
        self.waits().armed = after(now, environment::FOREVER);
        let next_unwritten = self.outbox.expire(now, self);
        let mut waits = self.waits();
        if waits.in_flight.is_overdue(now) {
            return Err("a request was not answered in time");
        }
        let idle_at = after(waits.active_at, self.options.max_idle);
        if waits.in_flight.is_empty() && next_unwritten.is_none() && idle_at <= now {
            return Err("the connection was idle (setting connections.max.idle.ms)");
        }
        let deadlines = waits.in_flight.next_deadline().into_iter().chain(next_unwritten);
        waits.armed = deadlines.min().unwrap_or(idle_at);
        Ok(waits.armed)
    }
}
