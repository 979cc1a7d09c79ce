//! What becomes of a batch after it was sent: stored, sent again, taken apart, given up, or too late.

use std::sync::Arc;
use std::time::Instant;

use super::verdict::{ProduceAnswer, Refusal, Verdict, judge};
use super::{Dispatcher, Draw, Retry};
use crate::environment::after;
use crate::error::Error;
use crate::producer::batch::{ProducerBatch, Settled, Split};
use crate::producer::delivery::Outcome;
use crate::producer::partition_id::PartitionId;
use crate::producer::sequences::Certainty;

impl Dispatcher {
    pub(super) fn handle_answer(&mut self, batch: ProducerBatch, answer: ProduceAnswer, now: Instant) {
        let id = batch.partition_id();
        let Some(partition) = self.partitions.get_mut(id) else { return };
        partition.forget_sent(batch.state());
        let is_followed = batch.stamp.is_some_and(|stamp| partition.sequences.is_followed(stamp));
        match judge(&batch, is_followed, answer) {
            Verdict::Stored(outcome) => {
                if let Some(stamp) = batch.stamp {
                    partition.sequences.handle_stored(stamp, batch.record_count());
                }
                partition.not_before = None;
                partition.last_error = None;
                self.settle(batch, outcome);
            }
            Verdict::Retry(refusal) => self.retry(batch, refusal, now),
            // In a transaction nothing is numbered anew.
            Verdict::OutOfOrder(refusal)
                if self.transactions.is_some() && partition.is_first(batch.order) =>
            {
                self.complaints.note(&refusal.error, now);
                self.give_up(batch, refusal);
            }
            Verdict::OutOfOrder(refusal) => {
                if let Some(stamp) = batch.stamp.filter(|_| partition.is_first(batch.order)) {
                    partition.sequences.handle_gap_found(stamp);
                }
                self.retry(batch, refusal, now);
            }
            Verdict::Split(refusal) => self.split(batch, refusal),
            Verdict::Fail(refusal) => {
                self.complaints.note(&refusal.error, now);
                self.give_up(batch, refusal);
            }
            Verdict::Fatal(error) => {
                let error = self.named(error);
                self.settle(batch, Outcome::Failed(error.clone()));
                self.fail(error);
            }
        }
        self.reschedule(id, now);
    }

    pub(super) fn settle(&mut self, batch: ProducerBatch, outcome: Outcome) {
        self.settled.push_back(batch.settled(outcome));
    }

    fn retry(&mut self, mut batch: ProducerBatch, refusal: Refusal, now: Instant) {
        self.metadata_wanted |= refusal.refresh;
        if batch.attempts > self.settings.retries || self.failure.is_some() || self.refuses_batches() {
            return self.give_up(batch, refusal);
        }
        batch.possibly_written |= refusal.certainty == Certainty::Possible;
        batch.last_error = Some(refusal.error.clone());
        // Its deliveries have failed while it was on its way, because it took too long: it is not sent again.
        if now >= after(batch.created_at, self.settings.delivery_timeout) {
            return self.time_out(batch);
        }
        let Some(partition) = self.partitions.get_mut(batch.partition_id()) else { return };
        let failures = batch.attempts;
        // A single failure is what happens when leaders move and brokers restart.
        if failures > 1 || !refusal.error.is_passing() {
            self.complaints.note(&refusal.error, now);
        }
        let backoff = self.backoff.delay(failures - u32::from(refusal.is_lost_with_connection()));
        partition.not_before = partition.not_before.max(Some(after(now, backoff)));
        partition.last_error = Some(refusal.error.clone());
        let (operation, error) = ("producing a batch", refusal.error);
        let key = partition.key.clone();
        self.retries.push_back(Retry { operation, partition: Some(key), failures, backoff, error });
        partition.mute();
        partition.put_back(batch);
    }

    fn split(&mut self, batch: ProducerBatch, refusal: Refusal) {
        let id = batch.partition_id();
        if self.failure.is_some() || self.refuses_batches() {
            return self.give_up(batch, refusal);
        }
        match batch.split() {
            Split::Whole(whole) => self.give_up(whole, refusal),
            Split::Parts(parts, whole) => {
                self.settled.push_back(whole);
                let Some(partition) = self.partitions.get_mut(id) else { return };
                partition.mute();
                for mut part in parts {
                    part.last_error = Some(refusal.error.clone());
                    partition.put_back(part);
                }
            }
        }
    }

    /// The batch failed for good with this error.
    fn give_up(&mut self, batch: ProducerBatch, refusal: Refusal) {
        let certainty = if batch.possibly_written { Certainty::Possible } else { refusal.certainty };
        self.lose(&batch, certainty);
        self.fail_transaction(&refusal.error);
        self.settle(batch, Outcome::Failed(refusal.error));
    }

    /// The batch took too long.
    fn time_out(&mut self, batch: ProducerBatch) {
        let certainty = if batch.possibly_written { Certainty::Possible } else { Certainty::Certain };
        self.lose(&batch, certainty);
        let error = self.timeout_error(batch.last_error.clone(), batch.possibly_written);
        self.fail_transaction(&error);
        self.settle(batch, Outcome::Failed(error));
    }

    pub(super) fn lose(&mut self, batch: &ProducerBatch, certainty: Certainty) {
        let Some(partition) = self.partitions.get_mut(batch.partition_id()) else { return };
        if let Some(stamp) = batch.stamp {
            partition.sequences.handle_lost(stamp, certainty);
            partition.mute();
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
    pub(super) fn expire(&mut self, now: Instant, draw: Draw<'_>) {
        let Some(oldest_allowed) = now.checked_sub(self.settings.delivery_timeout) else { return };
        self.next_expiry = None;
        let busy = self.partitions.iter().filter(|(_, partition)| !partition.is_idle());
        let busy: Vec<PartitionId> = busy.map(|(id, _)| id).collect();
        for id in busy {
            self.expire_partition(id, oldest_allowed, now, draw);
            self.reschedule(id, now);
        }
    }

    fn expire_partition(&mut self, id: PartitionId, oldest_allowed: Instant, now: Instant, draw: Draw<'_>) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        let late = partition.take_older(oldest_allowed, draw);
        let last_error = partition.last_error.clone();
        let overdue = partition.in_flight.iter().filter(|sent| sent.created_at <= oldest_allowed);
        let overdue: Vec<_> = overdue.map(|sent| Arc::clone(&sent.state)).collect();
        let in_flight_at = partition.in_flight.iter().map(|sent| sent.created_at);
        let in_time = in_flight_at.filter(|at| *at > oldest_allowed).chain(partition.oldest_at());
        if let Some(oldest_at) = in_time.min() {
            self.note_expiry(after(oldest_at, self.settings.delivery_timeout));
        }
        if !(late.is_empty() && overdue.is_empty()) {
            self.complaints.note(&self.timeout_error(last_error.clone(), false), now);
        }
        for batch in late {
            self.time_out(batch);
        }
        for state in overdue {
            let error = self.timeout_error(last_error.clone(), true);
            self.fail_transaction(&error);
            self.settled.push_back(Settled::on_its_way(state, Outcome::Failed(error)));
        }
    }

    pub(super) fn note_expiry(&mut self, at: Instant) {
        self.next_expiry = Some(self.next_expiry.map_or(at, |earlier| earlier.min(at)));
    }
}
