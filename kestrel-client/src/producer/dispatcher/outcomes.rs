//! What becomes of a batch after it was sent: stored, sent again, taken apart, given up, or too late.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::slot::Slot;
use super::verdict::{Answer, Refusal, Verdict, judge};
use super::{Dispatcher, Outbound};
use crate::environment::after;
use crate::error::Error;
use crate::producer::accumulator::SlotId;
use crate::producer::batch::{ProducerBatch, Split};
use crate::producer::delivery::Outcome;
use crate::producer::transaction_manager::Certainty;

impl Dispatcher {
    pub(super) fn handle_answer(&mut self, outbound: Outbound, answer: Answer, now: Instant) {
        let Outbound { slot: id, batch } = outbound;
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.forget_sent(batch.state());
        let is_followed = batch.stamp.is_some_and(|stamp| slot.sequences.is_followed(stamp));
        match judge(&batch, is_followed, answer) {
            Verdict::Stored(outcome) => {
                if let Some(stamp) = batch.stamp {
                    slot.sequences.handle_stored(stamp, batch.record_count());
                }
                slot.failures = 0;
                slot.not_before = None;
                slot.last_error = None;
                batch.settle(outcome, self.accumulator.memory());
            }
            Verdict::Retry(refusal) => self.retry(id, batch, refusal, now),
            Verdict::OutOfOrder(refusal) => {
                if let Some(stamp) = batch.stamp.filter(|_| slot.is_first(batch.order)) {
                    slot.sequences.handle_gap_found(stamp);
                }
                self.retry(id, batch, refusal, now);
            }
            Verdict::Split(refusal) => self.split(id, batch, refusal),
            Verdict::Fail(refusal) => {
                self.complaints.note(&refusal.error, now);
                self.give_up(id, batch, refusal);
            }
            Verdict::Fatal(error) => {
                batch.settle(Outcome::Failed(error.clone()), self.accumulator.memory());
                self.fail(error);
            }
        }
        self.relist(id, now);
    }

    fn retry(&mut self, id: SlotId, mut batch: ProducerBatch, refusal: Refusal, now: Instant) {
        self.metadata_wanted |= refusal.refresh;
        if batch.attempts > self.settings.retries {
            return self.give_up(id, batch, refusal);
        }
        batch.possibly_written |= refusal.certainty == Certainty::Possible;
        batch.last_error = Some(refusal.error.clone());
        // Its deliveries were told that it took too long while it was on its way: it is not sent again.
        if batch.state().is_settled() || now >= after(batch.created_at, self.settings.delivery_timeout) {
            return self.time_out(id, batch);
        }
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.failures = slot.failures.saturating_add(1);
        // Once is what happens when leaders move and brokers restart.
        if slot.failures > 1 || !refusal.error.is_passing() {
            self.complaints.note(&refusal.error, now);
        }
        slot.not_before = Some(after(now, self.backoff.delay(slot.failures)));
        slot.last_error = Some(refusal.error);
        slot.muted = !slot.in_flight.is_empty();
        slot.put_back(batch);
    }

    fn split(&mut self, id: SlotId, batch: ProducerBatch, refusal: Refusal) {
        let stamp = batch.stamp;
        match batch.split(self.settings.builder) {
            Split::Whole(whole) => self.give_up(id, *whole, refusal),
            Split::Parts(mut parts) => {
                Slot::stamp_parts(&mut parts, stamp);
                let Some(slot) = self.slots.get_mut(&id) else { return };
                slot.muted = !slot.in_flight.is_empty();
                for mut part in parts {
                    part.last_error = Some(refusal.error.clone());
                    slot.put_back(part);
                }
            }
        }
    }

    /// The batch failed for good with this error.
    fn give_up(&mut self, id: SlotId, batch: ProducerBatch, refusal: Refusal) {
        let certainty = if batch.possibly_written { Certainty::Possible } else { refusal.certainty };
        self.lose(id, &batch, certainty);
        batch.settle(Outcome::Failed(refusal.error), self.accumulator.memory());
    }

    /// The batch took too long.
    fn time_out(&mut self, id: SlotId, batch: ProducerBatch) {
        let certainty = if batch.possibly_written { Certainty::Possible } else { Certainty::Certain };
        self.lose(id, &batch, certainty);
        let cause = batch.last_error.clone();
        let error = self.timeout_error(cause, batch.possibly_written);
        batch.settle(Outcome::Failed(error), self.accumulator.memory());
    }

    fn lose(&mut self, id: SlotId, batch: &ProducerBatch, certainty: Certainty) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if let Some(stamp) = batch.stamp {
            slot.sequences.handle_lost(stamp, certainty);
            slot.muted = !slot.in_flight.is_empty();
        }
    }

    fn timeout_error(&self, cause: Option<Error>, possibly_written: bool) -> Error {
        Error::Timeout {
            operation: "delivery",
            after: self.settings.delivery_timeout,
            setting: Some("delivery.timeout.ms"),
            cause: cause.map(Box::new),
            possibly_written,
        }
    }

    /// Fails all batches that are older than the delivery timeout, wherever they are, and finds the next one to expire.
    pub(super) fn expire(&mut self, now: Instant) {
        let timeout = self.settings.delivery_timeout;
        let Some(oldest_allowed) = now.checked_sub(timeout) else { return };
        self.next_expiry = None;
        let ids: Vec<SlotId> = self.slots.keys().copied().collect();
        for id in ids {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            if slot.is_idle() {
                continue;
            }
            let (unsent, view) = slot.queue.take_older(oldest_allowed);
            slot.view = view;
            let (expired, waiting): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut slot.waiting)
                .into_iter()
                .partition(|batch| batch.created_at <= oldest_allowed);
            slot.waiting = waiting;
            let last_error = slot.last_error.clone();
            let overdue = slot.in_flight.iter().filter(|sent| sent.created_at <= oldest_allowed);
            let overdue: Vec<_> = overdue.map(|sent| Arc::clone(&sent.state)).collect();
            let in_flight_at = slot.in_flight.iter().map(|sent| sent.created_at);
            let waiting_at = slot.waiting.iter().map(|batch| batch.created_at);
            let oldest_at =
                in_flight_at.filter(|at| *at > oldest_allowed).chain(waiting_at).chain(view.oldest_at).min();
            if !(unsent.is_empty() && expired.is_empty() && overdue.is_empty()) {
                self.complaints.note(&self.timeout_error(last_error.clone(), false), now);
            }
            for mut batch in unsent {
                batch.last_error = last_error.clone();
                self.time_out(id, batch);
            }
            for batch in expired {
                self.time_out(id, batch);
            }
            for state in overdue {
                state.settle(Outcome::Failed(self.timeout_error(last_error.clone(), true)));
            }
            if let Some(oldest_at) = oldest_at {
                self.note_expiry(after(oldest_at, timeout));
            }
            self.relist(id, now);
        }
    }

    pub(super) fn note_expiry(&mut self, at: Instant) {
        self.next_expiry = Some(self.next_expiry.map_or(at, |earlier| earlier.min(at)));
    }
}
