//! Losses: partitions that went before what had been handed out of them was committed.
//!
//! A machine without I/O and clock, owned by the [`Engine`](super::Engine). A commit that covers a loss has to fail, also the
//! second and the third time; it may succeed again when the caller has gone on to something else after it heard of the loss.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::acks::PartitionAcks;
use crate::consumer::position::AssignmentId;
use crate::record::TopicPartition;

/// The losses of a consumer, by partition.
#[derive(Debug, Default)]
pub(crate) struct Losses(BTreeMap<TopicPartition, Loss>);

/// A partition that was lost before what was done of it was committed.
#[derive(Debug)]
pub(crate) struct Loss {
    /// The assignment that has ended.
    pub(crate) id: AssignmentId,
    /// The end of what was done.
    pub(crate) done_end: Option<i64>,
    /// Whether the caller worked on something, or had not yet said that it was done.
    pub(crate) was_in_hand: bool,
    /// The acks of the lost assignment, which count those that come too late, when the caller acks each record.
    pub(crate) acks: Option<Arc<PartitionAcks>>,
    /// The count of hand-outs at the loss.
    pub(crate) lost_after: u64,
    /// The count of hand-outs when a commit failed because of it.
    pub(crate) reported_after: Option<u64>,
}

impl Loss {
    fn is_due(&self) -> bool {
        self.done_end.is_some()
            || self.was_in_hand
            || self.acks.as_ref().is_some_and(|acks| acks.has_late_acks())
    }
}

impl Losses {
    pub(crate) fn note(&mut self, partition: TopicPartition, loss: Loss) {
        self.0.insert(partition, loss);
    }

    /// The group has `offset` of an assignment after all, or of a later one: what lies before it is not lost.
    pub(crate) fn handle_committed(&mut self, partition: &TopicPartition, id: AssignmentId, offset: i64) {
        let is_covered = |loss: &Loss| {
            let is_done = loss.done_end.is_some_and(|end| end <= offset);
            loss.id <= id && is_done && !loss.was_in_hand && loss.acks.is_none()
        };
        if self.0.get(partition).is_some_and(is_covered) {
            self.0.remove(partition);
        }
    }

    /// A commit failed, so the caller has heard of all losses.
    pub(crate) fn mark_reported(&mut self, hand_outs: u64) {
        for loss in self.0.values_mut().filter(|loss| loss.is_due()) {
            loss.reported_after.get_or_insert(hand_outs);
        }
    }

    /// The partitions of which a commit now would cover something that is lost; they count as reported then.
    pub(crate) fn report(&mut self, hand_outs: u64) -> Vec<TopicPartition> {
        self.0.retain(|_, loss| loss.reported_after.is_none_or(|reported| reported >= hand_outs));
        // Whose last token is gone cannot be acknowledged too late any more.
        self.0.retain(|_, loss| loss.is_due() || loss.acks.as_ref().is_some_and(PartitionAcks::has_tokens));
        self.mark_reported(hand_outs);
        self.0.iter().filter(|(_, loss)| loss.is_due()).map(|(partition, _)| partition.clone()).collect()
    }

    /// The partitions of which the last things that the caller was done with are lost: it has been handed out nothing since.
    pub(crate) fn at_last(&self, hand_outs: u64) -> Vec<TopicPartition> {
        let is_last = |loss: &Loss| {
            let was_done =
                loss.done_end.is_some() || loss.acks.as_ref().is_some_and(|acks| acks.has_late_acks());
            loss.lost_after >= hand_outs && was_done
        };
        self.0.iter().filter(|(_, loss)| is_last(loss)).map(|(partition, _)| partition.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> TopicPartition {
        TopicPartition::new("clicks", 0)
    }

    /// A loss of assignment 3, after something had been handed out `lost_after` times.
    fn lost(done_end: Option<i64>, lost_after: u64) -> Losses {
        let mut losses = Losses::default();
        let loss = loss(None, lost_after);
        losses.note(partition(), Loss { done_end, was_in_hand: done_end.is_none(), ..loss });
        losses
    }

    fn loss(acks: Option<Arc<PartitionAcks>>, lost_after: u64) -> Loss {
        let id = AssignmentId(3);
        Loss { id, done_end: None, was_in_hand: false, acks, lost_after, reported_after: None }
    }

    #[test]
    fn a_loss_is_reported_until_the_caller_goes_on() {
        let mut losses = lost(Some(50), 7);
        // What is handed out before the caller hears of it changes nothing.
        assert_eq!(losses.report(9), [partition()]);
        assert_eq!(losses.report(9), [partition()], "the second commit lies no more than the first");
        assert_eq!(losses.report(10), []);
        assert_eq!(losses.report(9), []);
    }

    #[test]
    fn what_the_group_has_after_all_is_not_lost() {
        let mut losses = lost(Some(50), 7);
        losses.handle_committed(&partition(), AssignmentId(3), 49);
        assert_eq!(losses.report(7), [partition()]);
        losses.handle_committed(&partition(), AssignmentId(3), 50);
        assert_eq!(losses.report(7), []);
        // The same records were read again by this member, and committed.
        let mut losses = lost(Some(50), 7);
        losses.handle_committed(&partition(), AssignmentId(4), 60);
        assert_eq!(losses.report(7), []);
        let mut losses = lost(None, 7);
        losses.handle_committed(&partition(), AssignmentId(3), 60);
        assert_eq!(losses.report(7), [partition()], "an older commit says nothing of what was in hand");
    }

    #[test]
    fn acks_that_come_too_late_are_a_loss() {
        let acks = PartitionAcks::new(10, || {});
        let tokens = [0, 1].map(|offset| acks.hand_out(offset, None).unwrap());
        acks.close();
        let mut losses = Losses::default();
        losses.note(partition(), loss(Some(acks), 2));
        assert_eq!(losses.report(2), [], "nothing was said to be done");
        tokens[0].ack();
        assert_eq!(losses.report(2), [partition()]);
        assert_eq!(losses.report(3), []);
        // Nobody can say it any more.
        let acks = PartitionAcks::new(10, || {});
        drop(acks.hand_out(0, None));
        acks.close();
        losses.note(partition(), loss(Some(acks), 2));
        assert!(losses.report(2).is_empty() && losses.0.is_empty());
    }

    #[test]
    fn closing_fails_only_for_what_was_done_last() {
        assert_eq!(lost(Some(50), 7).at_last(7), [partition()]);
        assert_eq!(lost(Some(50), 7).at_last(8), []);
        assert_eq!(lost(None, 7).at_last(7), [], "what was in hand is not committed by closing");
    }
}
