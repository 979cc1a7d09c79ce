//! The sequence numbers of one partition, by which its leader recognises what it has (KIP-98). A machine: no I/O, no clock.
//!
//! Kept by the dispatcher for each partition: asked when a batch is sent, answered or lost. A gap that nothing can close is
//! closed by a new epoch, to which only this partition changes at once. The others go on under the old epoch until nothing
//! of theirs is on its way, because a batch whose outcome is unknown is recognised under its own epoch only.

use kestrel_protocol::record::{ProducerStamp, increment_sequence};

use super::identity::ProducerIdAndEpoch;

/// The sequence numbers of one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartitionSequences {
    /// Under which identity the numbers count.
    identity: Option<ProducerIdAndEpoch>,
    next: i32,
    /// The last number that the broker confirmed.
    last_acked: Option<i32>,
    gap: Option<Gap>,
}

/// A batch with sequence numbers was given up: later ones may have no place any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    /// The batch's first number.
    at: i32,
    certainty: Certainty,
}

/// How certain it is that a batch that was given up is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// It may be stored.
    Possible,
    /// It is not stored.
    Certain,
}

/// What to do about a partition in which nothing is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// There is no gap, or what waits will show whether there is one.
    GoOn,
    /// There is a gap: begin anew under another identity, and number what waits again.
    Renew,
}

impl PartitionSequences {
    /// The identity that the numbers count under.
    pub(crate) const fn identity(&self) -> Option<ProducerIdAndEpoch> {
        self.identity
    }

    /// Counts from 0 under `identity`.
    pub(crate) fn begin(&mut self, identity: ProducerIdAndEpoch) {
        *self = Self { identity: Some(identity), ..Self::default() };
    }

    /// Takes over the producer's current identity, for a partition that has none or has nothing on its way.
    pub(crate) fn adopt(&mut self, current: ProducerIdAndEpoch, idle: bool) {
        if self.identity != Some(current) && (idle || self.identity.is_none()) {
            self.begin(current);
        }
    }

    /// Numbers a batch of `record_count` records; `None` without an identity.
    pub(crate) fn stamp(&mut self, record_count: i32) -> Option<ProducerStamp> {
        let ProducerIdAndEpoch { id, epoch } = self.identity?;
        let base_sequence = self.next;
        self.next = increment_sequence(base_sequence, record_count);
        Some(ProducerStamp { producer_id: id, producer_epoch: epoch, base_sequence })
    }

    /// Whether more than one batch may be on its way: no identity is needed, or the broker has confirmed a batch of it.
    ///
    /// A broker that knows nothing of a producer takes any number from it: if the very first batch were lost and the
    /// second one arrived, the first would come behind it when it is sent again.
    pub(crate) const fn may_pipeline(&self) -> bool {
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

    /// Whether numbers are lost that may have no place any more.
    pub(crate) const fn has_gap(&self) -> bool {
        self.gap.is_some()
    }

    /// What to do now that nothing is in flight; `first_waiting` is the number of the first batch that is to be sent again.
    pub(crate) fn resolve(&mut self, first_waiting: Option<i32>) -> Resolution {
        let Some(gap) = self.gap else { return Resolution::GoOn };
        match (first_waiting, gap.certainty) {
            // What was sent before the gap may be stored: it is recognised under its own number only.
            (Some(first), _) if is_before(first, gap.at) => Resolution::GoOn,
            (_, Certainty::Certain) => Resolution::Renew,
            // The next batch shows it: a broker takes it only if it has the one before.
            (Some(_), Certainty::Possible) => Resolution::GoOn,
            (None, Certainty::Possible) if self.is_all_acked() => {
                self.gap = None;
                Resolution::GoOn
            }
            (None, Certainty::Possible) => Resolution::Renew,
        }
    }

    fn is_all_acked(&self) -> bool {
        self.last_acked.map_or(0, |last| increment_sequence(last, 1)) == self.next
    }

    fn is_of(&self, stamp: ProducerStamp) -> bool {
        self.identity == Some(ProducerIdAndEpoch { id: stamp.producer_id, epoch: stamp.producer_epoch })
    }
}

/// Whether sequence number `left` comes before `right`, which may have wrapped.
fn is_before(left: i32, right: i32) -> bool {
    let distance = right.wrapping_sub(left) & i32::MAX;
    distance != 0 && distance < i32::MAX / 2
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::{ProducerEpoch, ProducerId};

    use super::*;

    fn epoch(epoch: i16) -> ProducerIdAndEpoch {
        ProducerIdAndEpoch { id: ProducerId(7), epoch: ProducerEpoch(epoch) }
    }

    fn sequences() -> PartitionSequences {
        let mut sequences = PartitionSequences::default();
        assert_eq!(sequences.stamp(1), None, "there is no identity to count under");
        sequences.adopt(epoch(0), false);
        sequences
    }

    fn numbers(stamp: Option<ProducerStamp>) -> (i16, i32) {
        let stamp = stamp.unwrap();
        (stamp.producer_epoch.0, stamp.base_sequence)
    }

    #[test]
    fn sequences_count_records_and_wrap() {
        let mut sequences = sequences();
        assert_eq!(numbers(sequences.stamp(3)), (0, 0));
        assert_eq!(numbers(sequences.stamp(2)), (0, 3));
        sequences.next = i32::MAX;
        assert_eq!(numbers(sequences.stamp(2)), (0, i32::MAX));
        assert_eq!(numbers(sequences.stamp(1)), (0, 1));
        assert!(is_before(i32::MAX, 1) && !is_before(1, i32::MAX) && !is_before(4, 4));
    }

    #[test]
    fn a_new_epoch_is_taken_over_when_nothing_is_on_its_way() {
        let mut sequences = sequences();
        sequences.stamp(5);
        sequences.adopt(epoch(1), false);
        assert_eq!(numbers(sequences.stamp(1)), (0, 5), "its batches may be on their way");
        sequences.adopt(epoch(1), true);
        assert_eq!(numbers(sequences.stamp(1)), (1, 0));
        sequences.adopt(epoch(1), true);
        assert_eq!(numbers(sequences.stamp(1)), (1, 1), "it has it already");
    }

    #[test]
    fn a_possible_gap_is_closed_by_a_later_success() {
        let mut sequences = sequences();
        let lost = sequences.stamp(3).unwrap();
        let next = sequences.stamp(2).unwrap();
        sequences.handle_lost(lost, Certainty::Possible);
        assert_eq!(sequences.resolve(Some(3)), Resolution::GoOn, "the next batch will show it");
        sequences.handle_stored(next, 2);
        assert_eq!(sequences.resolve(None), Resolution::GoOn);
        assert_eq!(numbers(sequences.stamp(1)), (0, 5));
    }

    #[test]
    fn a_gap_that_nothing_can_close_needs_a_new_epoch() {
        let mut lone = sequences();
        let lost = lone.stamp(3).unwrap();
        lone.handle_lost(lost, Certainty::Possible);
        assert_eq!(lone.resolve(None), Resolution::Renew);

        let mut sequences = sequences();
        let lost = sequences.stamp(3).unwrap();
        let next = sequences.stamp(2).unwrap();
        sequences.handle_lost(lost, Certainty::Possible);
        sequences.handle_gap_found(next);
        assert_eq!(sequences.resolve(Some(3)), Resolution::Renew);
        assert_eq!(sequences.resolve(Some(0)), Resolution::GoOn, "what is before the gap keeps its numbers");
    }
}
