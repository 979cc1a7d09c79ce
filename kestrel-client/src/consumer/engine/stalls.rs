//! Stalls of the [`Engine`]: shows its partitions to the detectors, and reports those that should move and do not.

use std::time::{Duration, Instant};

use kestrel_protocol::NodeId;

use super::Engine;
use crate::config::IsolationLevel;
use crate::consumer::fetch::CompletedFetch;
use crate::consumer::position::{
    AssignedPartition, AssignmentId, FetchState, STALL_GRACE, Sight, Stall, StallDetector, Standing,
};
use crate::error::{Chain, Error, StallError};

/// How long a transaction is open at most: the brokers' `transaction.max.timeout.ms`, unless it was set.
const TRANSACTION_GRACE: Duration = Duration::from_secs(15 * 60);

/// The kinds of stall.
#[derive(Debug)]
pub(super) struct Detectors {
    /// Nothing comes.
    fetching: StallDetector,
    /// The oldest record was never acked, so nothing more is handed out.
    acks: StallDetector,
    /// A transaction does not end, so that what is behind its first record is not committed for its readers.
    transactions: StallDetector,
}

impl Detectors {
    /// `fetch_max_wait` is how long a broker may hold a request.
    pub(super) fn new(fetch_max_wait: Duration) -> Self {
        Self {
            fetching: StallDetector::new(STALL_GRACE.saturating_add(fetch_max_wait)),
            acks: StallDetector::new(STALL_GRACE),
            transactions: StallDetector::new(TRANSACTION_GRACE),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.fetching.next_deadline()
    }
}

impl Engine {
    /// Reports what does not move, now and then.
    pub(super) fn look_for_stalls(&mut self, now: Instant) {
        if !self.detectors.fetching.is_due(now) {
            return;
        }
        let fetching: Vec<_> =
            self.subscription.iter().map(|(id, partition)| self.sight(id, partition)).collect();
        let acks: Vec<_> =
            self.subscription.iter().map(|(id, partition)| self.ack_sight(id, partition)).collect();
        let transactions: Vec<_> =
            self.subscription.iter().map(|(id, partition)| self.transaction_sight(id, partition)).collect();
        self.subscription.forget_told();
        for stall in self.detectors.fetching.look(now, fetching) {
            self.report_stall(stall);
        }
        for stall in self.detectors.acks.look(now, acks) {
            self.report_ack_stall(stall);
        }
        for stall in self.detectors.transactions.look(now, transactions) {
            self.report_open_transaction(stall);
        }
    }

    fn sight(&self, id: AssignmentId, partition: &AssignedPartition) -> Sight {
        let next_offset = self.buffer.first(id).map(CompletedFetch::next_offset);
        let is_callers_turn = match partition.parking.is_on() {
            true => self.progress.is_busy(),
            false => {
                next_offset.is_some()
                    || self.held.as_ref().is_some_and(|held| held.position_id.id == id && held.size_bytes > 0)
                    || (self.fetcher.lacks_room() && partition.last_failure().is_none())
            }
        };
        let is_at_end = !partition.parking.is_on() && partition.is_at_range_end();
        let is_idle = partition.paused || partition.revoking || is_at_end;
        let is_known = partition.report.was_told() || partition.has_trouble();
        let standing = if is_idle || is_callers_turn || is_known {
            Standing::Excused
        } else if !partition.parking.is_on() && self.is_caught_up(partition) {
            Standing::CaughtUp { heard_at: self.fetcher.heard_at(partition.position_id(id)) }
        } else if self.is_held_back(id, partition) {
            Standing::HeldBack
        } else {
            Standing::Behind
        };
        let parked_at = next_offset.filter(|_| partition.parking.is_on());
        Sight { id, offset: parked_at.or_else(|| partition.fetch_offset()), standing }
    }

    /// Whether its broker, asked last, has told the client to wait because of a quota.
    fn is_held_back(&self, id: AssignmentId, partition: &AssignedPartition) -> bool {
        !partition.parking.is_on() && self.fetcher.is_held_back(partition.position_id(id))
    }

    fn is_caught_up(&self, partition: &AssignedPartition) -> bool {
        let end = match self.settings.isolation_level {
            IsolationLevel::ReadUncommitted => partition.high_watermark,
            IsolationLevel::ReadCommitted => partition.last_stable_offset,
        };
        let FetchState::Fetching(position) = partition.state() else { return false };
        end.is_some_and(|end| end <= position.offset)
    }

    /// Tasks of partitions ask for the next record when they are done: what is open there is being worked on.
    fn ack_sight(&self, id: AssignmentId, partition: &AssignedPartition) -> Sight {
        let full = partition.acks.as_ref().filter(|acks| !self.has_partition_tasks && !acks.has_room());
        let is_idle = partition.paused || partition.revoking;
        let standing = if full.is_some() && !is_idle { Standing::Behind } else { Standing::Excused };
        Sight { id, offset: full.and_then(|acks| acks.first_open()), standing }
    }

    /// A partition whose readers wait for an open transaction moves when its last stable offset does.
    fn transaction_sight(&self, id: AssignmentId, partition: &AssignedPartition) -> Sight {
        let is_idle = partition.paused || partition.revoking || partition.is_at_range_end();
        let reads_committed = self.settings.isolation_level == IsolationLevel::ReadCommitted;
        let is_held_back = partition.last_stable_offset < partition.high_watermark;
        let waits = reads_committed && is_held_back && !is_idle && self.is_caught_up(partition);
        let standing = if waits { Standing::Behind } else { Standing::Excused };
        Sight { id, offset: partition.last_stable_offset, standing }
    }

    fn report_stall(&mut self, stall: Stall) {
        let Some(partition) = self.subscription.get(stall.id) else { return };
        let waits_for = waits_for(partition, self.is_held_back(stall.id, partition));
        let cause = partition.last_failure().filter(|_| !partition.parking.is_on()).cloned();
        let error = stall_error(stall, partition, waits_for, cause);
        if partition.parking.is_on() {
            // The records that wait come after it, and not before.
            return self.report_problem(error);
        }
        self.subscription.report_stall(stall.id, error);
        self.wants_metadata = true;
    }

    fn report_ack_stall(&mut self, stall: Stall) {
        let Some(partition) = self.subscription.get(stall.id) else { return };
        let Some(acks) = &partition.acks else { return };
        let oldest = acks.first_open().unwrap_or_default();
        let waits_for = format!(
            "the record at offset {oldest} was handed out and never acknowledged, and as many after it as may be open at \
             once; acknowledge every record, also those that fail (setting max.open.records)"
        );
        self.report_problem(stall_error(stall, partition, waits_for, None));
    }

    fn report_open_transaction(&mut self, stall: Stall) {
        let Some(partition) = self.subscription.get(stall.id) else { return };
        let first_open = partition.last_stable_offset.unwrap_or_default();
        let waits_for = format!(
            "the transaction that begins at offset {first_open} is open, and what is behind it is read when it ends; if no \
             producer of a long transaction.timeout.ms is at work, it hangs: `Admin::find_hanging_transactions` and \
             `abort_transaction` end it"
        );
        self.report_problem(stall_error(stall, partition, waits_for, None));
    }
}

/// The error of a partition that does not move; the log has it once.
fn stall_error(
    stall: Stall,
    partition: &AssignedPartition,
    waits_for: String,
    cause: Option<Error>,
) -> Error {
    let error = Error::from(StallError {
        topic: partition.topic(),
        partition: partition.name.partition,
        stalled_for: stall.stalled_for,
        waits_for: waits_for.into(),
        cause,
    });
    if stall.is_first {
        tracing::warn!(partition = %partition.name, error = %Chain(&error), "a partition does not move");
    }
    error
}

/// The reason why a partition does not move, and advice.
fn waits_for(partition: &AssignedPartition, is_held_back: bool) -> String {
    if partition.parking.is_on() {
        return "its next record needs something that is on its way: a schema for it, or the dead letter that it becomes, which has to \
                be stored"
            .to_owned();
    }
    let leader = partition.leader().map_or(NodeId::NONE, |leader| leader.node);
    if is_held_back {
        return format!(
            "its broker, {leader}, holds the client back again and again, because its quota is exceeded (consumer_byte_rate, \
             request_percentage): a batch that is larger than what the quota allows in ten seconds is never given"
        );
    }
    let advice = match partition.last_failure() {
        Some(Error::Disconnected { .. } | Error::Bootstrap { .. }) => {
            " (can this machine reach the address that the broker advertises: advertised.listeners? do its answers fit: \
             receive.message.max.bytes?)"
        }
        Some(Error::UnsupportedApi { .. }) => " (broker and client are too far apart in age)",
        Some(Error::Timeout { .. }) => " (is the broker overloaded, or request.timeout.ms too short?)",
        _ => "",
    };
    match partition.state() {
        FetchState::AwaitingCommitted => {
            format!("the group's coordinator does not say what is committed for it{advice}")
        }
        _ if leader == NodeId::NONE => format!("as far as the cluster says, no broker leads it{advice}"),
        FetchState::Fetching(position) => match partition.high_watermark {
            Some(end) if partition.last_failure().is_none() && end > position.offset => format!(
                "its broker, {leader}, has records up to offset {end} and gives none from {} on{advice}",
                position.offset
            ),
            _ => format!("its broker, {leader}, does not answer{advice}"),
        },
        FetchState::AwaitingReset(_)
        | FetchState::AwaitingRangeCheck { .. }
        | FetchState::AwaitingValidation(_)
        | FetchState::Truncated { .. } => {
            format!("its broker, {leader}, does not say from where it can be read{advice}")
        }
    }
}
