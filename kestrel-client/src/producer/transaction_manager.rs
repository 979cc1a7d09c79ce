//! Who the producer is to the brokers (producer id and epoch, KIP-98), and the sequence numbers of each partition.
//! A machine: no I/O, no clock.
//!
//! Asked by the dispatcher when batches are sent, answered and lost. The epoch is raised when a partition has a gap that
//! can't be closed, and only that partition changes to it at once: the others go on under the old epoch until nothing of
//! theirs is on its way, because a batch whose outcome is unknown is recognised as a duplicate under its own epoch only.
//!
//! ```text
//!   Wanted ──▶ Asked ──▶ Known(id, epoch) ──bump──▶ Known(id, epoch + 1)
//!      ▲         │ retriable error    │ epoch used up
//!      └─────────┴────────────────────┘              any fatal error ──▶ Failed
//! ```

use kestrel_protocol::record::{ProducerStamp, increment_sequence};
use kestrel_protocol::{ProducerEpoch, ProducerId};

use crate::error::Error;

/// A producer id with its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
}

/// The producer's identity, and how far the way to it has come.
#[derive(Debug)]
pub(crate) struct TransactionManager {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not idempotent: batches have neither identity nor sequence.
    Off,
    Wanted,
    Asked,
    Known(Identity),
    Failed(Error),
}

/// The sequence numbers of one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartitionSequences {
    /// Under which identity the numbers count; the current one is taken over when nothing is on its way.
    identity: Option<Identity>,
    next: i32,
    /// The last number that the broker confirmed.
    last_acked: Option<i32>,
    gap: Option<Gap>,
}

/// A batch with sequence numbers was given up: later ones may have no place any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    /// Its first number.
    at: i32,
    certainty: Certainty,
}

/// Whether a batch that was given up is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// No one knows.
    Possible,
    /// It is not.
    Certain,
}

/// What to do about a partition in which nothing is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// There is no gap, or what waits will show whether there is one.
    GoOn,
    /// There is a gap: raise the epoch and number what waits anew.
    Bump,
}

impl TransactionManager {
    pub(crate) fn new(idempotent: bool) -> Self {
        Self { state: if idempotent { State::Wanted } else { State::Off } }
    }

    /// Whether batches can be sent: there is an identity, or none is needed.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Off | State::Known(_))
    }

    /// The error that ended it.
    pub(crate) fn failure(&self) -> Option<&Error> {
        match &self.state {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Whether to ask a broker for a producer id now.
    pub(crate) fn poll_request(&mut self) -> bool {
        let wanted = matches!(self.state, State::Wanted);
        if wanted {
            self.state = State::Asked;
        }
        wanted
    }

    /// A broker gave the identity.
    pub(crate) fn handle_identity(&mut self, identity: Identity) {
        self.state = State::Known(identity);
    }

    /// Asking failed; it has to be done again.
    pub(crate) fn handle_retriable_error(&mut self) {
        if matches!(self.state, State::Asked) {
            self.state = State::Wanted;
        }
    }

    /// The producer can't go on.
    pub(crate) fn handle_fatal_error(&mut self, error: Error) {
        if !matches!(self.state, State::Failed(_)) {
            self.state = State::Failed(error);
        }
    }

    /// Numbers a batch of `record_count` records; `idle` says that nothing of the partition is on its way.
    pub(crate) fn stamp(
        &self,
        sequences: &mut PartitionSequences,
        record_count: i32,
        idle: bool,
    ) -> Option<ProducerStamp> {
        let State::Known(current) = self.state else { return None };
        if sequences.identity != Some(current) && (idle || sequences.identity.is_none()) {
            sequences.begin(current);
        }
        let identity = sequences.identity?;
        let base_sequence = sequences.next;
        sequences.next = increment_sequence(base_sequence, record_count);
        Some(ProducerStamp { producer_id: identity.id, producer_epoch: identity.epoch, base_sequence })
    }

    /// Gives the partition an epoch that none of its batches was sent under. Gives whether that worked: when the epochs
    /// are used up, a new producer id has to be asked for first.
    pub(crate) fn bump(&mut self, sequences: &mut PartitionSequences) -> bool {
        let State::Known(current) = self.state else { return false };
        let mut fresh = current;
        if sequences.identity == Some(current) {
            let Some(epoch) = current.epoch.0.checked_add(1) else {
                self.state = State::Wanted;
                return false;
            };
            fresh.epoch = ProducerEpoch(epoch);
            self.state = State::Known(fresh);
        }
        sequences.begin(fresh);
        true
    }
}

impl PartitionSequences {
    fn begin(&mut self, identity: Identity) {
        *self = Self { identity: Some(identity), ..Self::default() };
    }

    /// Whether more than one batch may be on its way: no identity is needed, or the broker has confirmed a batch of it.
    ///
    /// A broker that knows nothing of a producer takes any number from it: if the very first batch were lost and the
    /// second one arrived, the first would come behind it when it is sent again.
    pub(crate) fn may_pipeline(&self) -> bool {
        self.identity.is_none() || self.last_acked.is_some()
    }

    /// Whether a batch that comes after this one is stored, and so this one too.
    pub(crate) fn is_followed(&self, stamp: ProducerStamp) -> bool {
        self.is_of(stamp) && self.last_acked.is_some_and(|last| is_before(stamp.base_sequence, last))
    }

    /// A batch was stored, and with it everything before it: brokers take them in order only.
    pub(crate) fn handle_stored(&mut self, stamp: ProducerStamp, record_count: i32) {
        if !self.is_of(stamp) {
            return;
        }
        self.last_acked = Some(increment_sequence(stamp.base_sequence, record_count - 1));
        if self.gap.is_some_and(|gap| is_before(gap.at, stamp.base_sequence)) {
            self.gap = None;
        }
    }

    /// A batch that was sent is given up.
    pub(crate) fn handle_lost(&mut self, stamp: ProducerStamp, certainty: Certainty) {
        if !self.is_of(stamp) {
            return;
        }
        let at = stamp.base_sequence;
        self.gap = Some(match self.gap {
            Some(gap) if is_before(gap.at, at) => gap,
            Some(gap) => Gap { at, certainty: certainty.max(gap.certainty) },
            None => Gap { at, certainty },
        });
    }

    /// The broker does not have what comes before this batch, and nothing of that is on its way any more.
    pub(crate) fn handle_gap_found(&mut self, stamp: ProducerStamp) {
        if self.is_of(stamp) {
            self.gap = Some(Gap { at: stamp.base_sequence, certainty: Certainty::Certain });
        }
    }

    /// What to do now that nothing is in flight; `first_waiting` is the number of the first batch that is to be sent again.
    pub(crate) fn resolve(&mut self, first_waiting: Option<i32>) -> Resolution {
        let Some(gap) = self.gap else { return Resolution::GoOn };
        match (first_waiting, gap.certainty) {
            // What was sent before the gap may be stored: it is recognised under its own number only.
            (Some(first), _) if is_before(first, gap.at) => Resolution::GoOn,
            (_, Certainty::Certain) => Resolution::Bump,
            // The next batch shows it: a broker takes it only if it has the one before.
            (Some(_), Certainty::Possible) => Resolution::GoOn,
            (None, Certainty::Possible) if self.is_all_acked() => {
                self.gap = None;
                Resolution::GoOn
            }
            (None, Certainty::Possible) => Resolution::Bump,
        }
    }

    fn is_all_acked(&self) -> bool {
        self.last_acked.map_or(0, |last| increment_sequence(last, 1)) == self.next
    }

    fn is_of(&self, stamp: ProducerStamp) -> bool {
        self.identity == Some(Identity { id: stamp.producer_id, epoch: stamp.producer_epoch })
    }
}

/// Whether sequence number `left` comes before `right`, which may have wrapped.
pub(crate) fn is_before(left: i32, right: i32) -> bool {
    let distance = right.wrapping_sub(left) & i32::MAX;
    distance != 0 && distance < i32::MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(epoch: i16) -> TransactionManager {
        let mut manager = TransactionManager::new(true);
        assert!(!manager.is_ready());
        assert!(manager.poll_request());
        assert!(!manager.poll_request(), "it was asked already");
        manager.handle_identity(Identity { id: ProducerId(7), epoch: ProducerEpoch(epoch) });
        assert!(manager.is_ready());
        manager
    }

    fn numbers(stamp: Option<ProducerStamp>) -> (i16, i32) {
        let stamp = stamp.unwrap();
        (stamp.producer_epoch.0, stamp.base_sequence)
    }

    #[test]
    fn sequences_count_records_and_wrap() {
        let manager = known(0);
        let mut sequences = PartitionSequences::default();
        assert_eq!(numbers(manager.stamp(&mut sequences, 3, true)), (0, 0));
        assert_eq!(numbers(manager.stamp(&mut sequences, 2, false)), (0, 3));
        sequences.next = i32::MAX;
        assert_eq!(numbers(manager.stamp(&mut sequences, 2, false)), (0, i32::MAX));
        assert_eq!(numbers(manager.stamp(&mut sequences, 1, false)), (0, 1));
        assert!(is_before(i32::MAX, 1) && !is_before(1, i32::MAX) && !is_before(4, 4));
    }

    #[test]
    fn a_bump_leaves_other_partitions_alone_until_they_are_idle() {
        let mut manager = known(0);
        let (mut gone, mut busy) = (PartitionSequences::default(), PartitionSequences::default());
        manager.stamp(&mut gone, 5, true);
        manager.stamp(&mut busy, 5, true);
        assert!(manager.bump(&mut gone));
        assert_eq!(numbers(manager.stamp(&mut gone, 1, false)), (1, 0));
        assert_eq!(numbers(manager.stamp(&mut busy, 1, false)), (0, 5), "its batches may be on their way");
        assert_eq!(numbers(manager.stamp(&mut busy, 1, true)), (1, 0));
        assert!(manager.bump(&mut busy));
        assert!(manager.bump(&mut gone), "it takes over the epoch that is there");
        assert_eq!(numbers(manager.stamp(&mut gone, 1, false)), (2, 0));
    }

    #[test]
    fn epochs_that_are_used_up_need_a_new_id() {
        let mut manager = known(i16::MAX);
        let mut sequences = PartitionSequences::default();
        manager.stamp(&mut sequences, 1, true);
        assert!(!manager.bump(&mut sequences));
        assert!(manager.poll_request());
        manager.handle_identity(Identity { id: ProducerId(8), epoch: ProducerEpoch(0) });
        assert!(manager.bump(&mut sequences));
        assert_eq!(manager.stamp(&mut sequences, 1, false).unwrap().producer_id, ProducerId(8));
    }

    #[test]
    fn a_possible_gap_is_closed_by_a_later_success() {
        let manager = known(0);
        let mut sequences = PartitionSequences::default();
        let lost = manager.stamp(&mut sequences, 3, true).unwrap();
        let next = manager.stamp(&mut sequences, 2, false).unwrap();
        sequences.handle_lost(lost, Certainty::Possible);
        assert_eq!(sequences.resolve(Some(3)), Resolution::GoOn, "the next batch will show it");
        sequences.handle_stored(next, 2);
        assert_eq!(sequences.resolve(None), Resolution::GoOn);
        assert_eq!(numbers(manager.stamp(&mut sequences, 1, true)), (0, 5));
    }

    #[test]
    fn a_gap_that_nothing_can_close_is_bumped() {
        let manager = known(0);
        let mut sequences = PartitionSequences::default();
        let lost = manager.stamp(&mut sequences, 3, true).unwrap();
        sequences.handle_lost(lost, Certainty::Possible);
        assert_eq!(sequences.resolve(None), Resolution::Bump);

        let mut sequences = PartitionSequences::default();
        let lost = manager.stamp(&mut sequences, 3, true).unwrap();
        let next = manager.stamp(&mut sequences, 2, false).unwrap();
        sequences.handle_lost(lost, Certainty::Possible);
        sequences.handle_gap_found(next);
        assert_eq!(sequences.resolve(Some(3)), Resolution::Bump);
        assert_eq!(sequences.resolve(Some(0)), Resolution::GoOn, "what is before the gap keeps its numbers");
    }
}
