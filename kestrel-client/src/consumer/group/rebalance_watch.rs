//! RebalanceWatch: tells the client's observer when a member's rebalances begin and end. Part of the driver.

use std::collections::BTreeSet;
use std::time::Instant;

use super::machine::MemberStanding;
use crate::observer::{ObserverSeat, RebalanceEnded, RebalanceStarted};
use crate::record::TopicPartition;

/// The rebalance that is under way, if there is one. Counts nothing without an observer.
#[derive(Debug, Default)]
pub(crate) struct RebalanceWatch {
    begun_at: Option<Instant>,
    moved: Moved,
}

/// The partitions that a rebalance has moved.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    pub(crate) assigned: BTreeSet<TopicPartition>,
    pub(crate) revoked: BTreeSet<TopicPartition>,
    pub(crate) lost: BTreeSet<TopicPartition>,
}

impl RebalanceWatch {
    /// An effect has moved partitions.
    pub(crate) fn note(&mut self, observer: &ObserverSeat, moved: Moved) {
        if !observer.is_taken() {
            return;
        }
        self.moved.assigned.extend(moved.assigned);
        self.moved.revoked.extend(moved.revoked);
        self.moved.lost.extend(moved.lost);
    }

    /// Looks where the member stands. What was lost outside of a rebalance is one that begins and ends at once.
    pub(crate) fn look(
        &mut self,
        observer: &ObserverSeat,
        group: &str,
        standing: MemberStanding<'_>,
        now: Instant,
    ) {
        if !observer.is_taken() {
            return;
        }
        let MemberStanding { member_id, generation, is_rebalancing } = standing;
        let has_lost = !self.moved.lost.is_empty() || !self.moved.revoked.is_empty();
        if self.begun_at.is_none() && (is_rebalancing || has_lost) {
            self.begun_at = Some(now);
            observer.tell(|observer| {
                observer.on_rebalance_started(&RebalanceStarted { group, member: member_id, generation });
            });
        }
        if let Some(begun_at) = self.begun_at.take_if(|_| !is_rebalancing) {
            let Moved { assigned, revoked, lost } = std::mem::take(&mut self.moved);
            let [assigned, revoked, lost] =
                [assigned, revoked, lost].map(|moved| moved.into_iter().collect::<Vec<_>>());
            observer.tell(|observer| {
                observer.on_rebalance_ended(&RebalanceEnded {
                    group,
                    member: member_id,
                    generation,
                    took: now.saturating_duration_since(begun_at),
                    assigned: &assigned,
                    revoked: &revoked,
                    lost: &lost,
                });
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::consumer::testing::Clock;
    use crate::observer::Observer;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Observer for Notes {
        fn on_rebalance_started(&self, event: &RebalanceStarted<'_>) {
            self.0.lock().push(format!("{} leaves generation {}", event.member, event.generation));
        }

        fn on_rebalance_ended(&self, event: &RebalanceEnded<'_>) {
            let [assigned, revoked, lost] = [event.assigned, event.revoked, event.lost].map(<[_]>::len);
            let millis = event.took.as_millis();
            self.0.lock().push(format!(
                "generation {} after {millis} ms: +{assigned} -{revoked} lost {lost}",
                event.generation
            ));
        }
    }

    #[test]
    fn an_observer_hears_of_each_rebalance_once() {
        let (clock, notes) = (Clock::start(), Arc::new(Notes::default()));
        let (seat, mut watch) = (ObserverSeat::new(notes.clone()), RebalanceWatch::default());
        let standing =
            |generation, is_rebalancing| MemberStanding { member_id: "m", generation, is_rebalancing };
        let partitions = |numbers: &[i32]| numbers.iter().map(|&n| TopicPartition::new("t", n)).collect();
        for (millis, generation, is_rebalancing) in [(0, -1, true), (5, 1, true)] {
            watch.look(&seat, "g", standing(generation, is_rebalancing), clock.at(millis));
        }
        watch.note(&seat, Moved { assigned: partitions(&[0, 1]), ..Moved::default() });
        watch.look(&seat, "g", standing(1, false), clock.at(20));
        watch.look(&seat, "g", standing(1, false), clock.at(30));
        // The group went on without the member, which does not come back by itself.
        watch.note(&seat, Moved { lost: partitions(&[0, 1]), ..Moved::default() });
        watch.look(&seat, "g", standing(-1, false), clock.at(40));
        let heard = [
            "m leaves generation -1",
            "generation 1 after 20 ms: +2 -0 lost 0",
            "m leaves generation -1",
            "generation -1 after 0 ms: +0 -0 lost 2",
        ];
        assert_eq!(*notes.0.lock(), heard);
    }
}
