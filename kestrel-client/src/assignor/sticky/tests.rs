//! What the sticky assignors promise, for random groups over several rebalances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::assignor::CooperativeSticky;
use crate::record::TopicPartition;

/// What happens to a group between two rebalances.
#[derive(Debug, Clone)]
enum Change {
    Join {
        wants: u8,
    },
    Leave {
        index: usize,
    },
    /// A member does not hear of its next assignment.
    Miss {
        index: usize,
    },
    Grow {
        topic: usize,
    },
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        3 => (1u8..16).prop_map(|wants| Change::Join { wants }),
        2 => (0usize..8).prop_map(|index| Change::Leave { index }),
        1 => (0usize..8).prop_map(|index| Change::Miss { index }),
        1 => (0usize..4).prop_map(|topic| Change::Grow { topic }),
    ];
    prop::collection::vec(change, 1..14)
}

/// A group whose members tell the truth about what they own.
#[derive(Debug)]
struct Group {
    counts: [i32; 4],
    members: BTreeMap<Arc<str>, GroupMember>,
    missing: BTreeSet<Arc<str>>,
    generation: i32,
    joined: usize,
    racks: bool,
}

const RACKS: [&str; 3] = ["a", "b", "c"];

impl Group {
    fn new(counts: [i32; 4], alike: bool, racks: bool) -> Self {
        let mut group = Self {
            counts,
            members: BTreeMap::new(),
            missing: BTreeSet::new(),
            generation: 0,
            joined: 0,
            racks,
        };
        for wants in [15, if alike { 15 } else { 6 }] {
            group.join(wants);
        }
        group
    }

    fn topics(&self) -> AssignableTopics {
        let named = self.counts.iter().enumerate();
        named
            .fold(AssignableTopics::new(), |topics, (index, count)| topics.topic(format!("t{index}"), *count))
    }

    fn join(&mut self, wants: u8) {
        let topics = (0..4).filter(|topic| wants & (1 << topic) != 0).map(|topic| format!("t{topic}"));
        let mut member = GroupMember::new(format!("m{}", self.joined), topics);
        member.rack = self.racks.then(|| RACKS[self.joined % 3].into());
        self.joined += 1;
        self.members.insert(member.member_id.clone(), member);
    }

    fn apply(&mut self, change: &Change) {
        let nth = |index: usize| self.members.keys().nth(index % self.members.len()).cloned();
        match *change {
            Change::Join { wants } => self.join(wants),
            Change::Leave { index } if self.members.len() > 1 => {
                let leaving = nth(index).unwrap();
                self.members.remove(&leaving);
            }
            Change::Leave { .. } => {}
            Change::Miss { index } => {
                self.missing.extend(nth(index));
            }
            Change::Grow { topic } => self.counts[topic] += 2,
        }
    }

    fn list(&self) -> Vec<GroupMember> {
        self.members.values().cloned().collect()
    }

    /// Members take over their assignments, except the ones that miss it and go on with what they had.
    fn take_over(&mut self, assignments: &Assignments) {
        self.generation += 1;
        for member in self.members.values_mut().filter(|member| !self.missing.contains(&member.member_id)) {
            member.owned_partitions = assignments[&member.member_id].clone();
            member.generation = Some(self.generation);
            let last = LastAssignment { partitions: &member.owned_partitions, generation: self.generation };
            member.user_data = Sticky.user_data(Some(last));
        }
        self.missing.clear();
    }

    fn wanted(&self) -> BTreeSet<TopicPartition> {
        let wanted = |p: &TopicPartition| self.members.values().any(|member| member.wants(&p.topic));
        self.topics().partitions().filter(wanted).collect()
    }

    fn assert_balanced(&self, assignments: &Assignments) {
        let all: Vec<_> = assignments.values().flatten().cloned().collect();
        assert_eq!(all.len(), self.wanted().len());
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), self.wanted());
        for (giver, partitions) in assignments {
            assert!(partitions.iter().all(|p| self.members[giver].wants(&p.topic)));
            for (taker, fewer) in assignments.iter().filter(|(_, fewer)| fewer.len() + 2 <= partitions.len())
            {
                let wants = partitions.iter().find(|p| self.members[taker].wants(&p.topic));
                assert_eq!(wants, None, "{giver} has {}, {taker} has {}", partitions.len(), fewer.len());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sticky_is_balanced_and_stays_when_nothing_changes(
        counts: [u8; 4], alike: bool, racks: bool, changes in changes(),
    ) {
        let mut group = Group::new(counts.map(|count| i32::from(count % 12)), alike, racks);
        for change in &changes {
            group.apply(change);
            let assignments = Sticky.assign(&group.topics(), &group.list());
            group.assert_balanced(&assignments);
            group.take_over(&assignments);
            let again = Sticky.assign(&group.topics(), &group.list());
            group.assert_balanced(&again);
            group.missing.clear();
            group.take_over(&again);
            prop_assert_eq!(Sticky.assign(&group.topics(), &group.list()), again);
        }
    }

    /// Members of like subscriptions lose only what is above their share.
    #[test]
    fn a_member_more_or_less_moves_only_what_it_must(partitions in 1i32..60, members in 1usize..9) {
        let mut group = Group::new([partitions, 0, 0, 0], true, false);
        while group.members.len() < members {
            group.join(15);
        }
        let before = Sticky.assign(&group.topics(), &group.list());
        group.take_over(&before);
        group.join(15);
        let more = Sticky.assign(&group.topics(), &group.list());
        let newcomer = more.iter().find(|(member, _)| !before.contains_key(*member)).unwrap().1.len();
        let kept: usize = before
            .iter()
            .map(|(member, had)| had.iter().filter(|partition| more[member].contains(partition)).count())
            .sum();
        prop_assert_eq!(kept + newcomer, usize::try_from(partitions).unwrap());
    }

    /// KIP-429: no partition is read by two members at any time, whoever misses an assignment, and
    /// two rebalances after the last change everything is given out and stays.
    #[test]
    fn cooperative_sticky_never_gives_what_another_member_still_owns(
        counts: [u8; 4], alike: bool, racks: bool, changes in changes(),
    ) {
        let mut group = Group::new(counts.map(|count| i32::from(count % 12)), alike, racks);
        for change in &changes {
            group.apply(change);
            let assignments = CooperativeSticky.assign(&group.topics(), &group.list());
            for (member, partitions) in &assignments {
                for other in group.members.values().filter(|other| other.member_id != *member) {
                    let taken = partitions.iter().find(|p| other.owned_partitions.contains(p));
                    prop_assert_eq!(taken, None, "{} still has it", other.member_id);
                }
            }
            // A member that misses an assignment keeps what it had only while nobody else was given it.
            group.take_over(&assignments);
        }
        for _ in 0..2 {
            let assignments = CooperativeSticky.assign(&group.topics(), &group.list());
            group.take_over(&assignments);
        }
        let settled = CooperativeSticky.assign(&group.topics(), &group.list());
        group.assert_balanced(&settled);
        for (member, partitions) in &settled {
            prop_assert_eq!(partitions, &group.members[member].owned_partitions);
        }
    }
}

fn claim_of(id: &str, generation: Option<i32>, partitions: &[i32]) -> GroupMember {
    let mut member = GroupMember::new(id, ["t"]);
    member.generation = generation;
    member.owned_partitions =
        partitions.iter().map(|&partition| TopicPartition::new("t", partition)).collect();
    member
}

#[test]
fn of_two_claims_the_later_generation_is_believed() {
    let topics = AssignableTopics::new().topic("t", 2);
    let members = [claim_of("a", Some(4), &[0, 1]), claim_of("b", Some(5), &[0])];
    let assignments = CooperativeSticky.assign(&topics, &members);
    assert_eq!(assignments["b"], [TopicPartition::new("t", 0)]);
    assert_eq!(assignments["a"], [TopicPartition::new("t", 1)]);
}

#[test]
fn two_claims_of_a_generation_make_a_partition_wait() {
    let topics = AssignableTopics::new().topic("t", 2);
    let members = [claim_of("a", Some(5), &[0, 1]), claim_of("b", Some(5), &[0])];
    let assignments = CooperativeSticky.assign(&topics, &members);
    assert_eq!(assignments["a"], [TopicPartition::new("t", 1)]);
    assert_eq!(assignments["b"], []);
}

#[test]
fn user_data_that_cannot_be_read_says_nothing() {
    let topics = AssignableTopics::new().topic("t", 2);
    let mut member = GroupMember::new("a", ["t"]);
    member.user_data = Some(Bytes::from_static(&[1, 2, 3]));
    let assignments = Sticky.assign(&topics, &[member]);
    assert_eq!(assignments["a"].len(), 2);
}

#[test]
fn many_members_and_partitions_are_balanced_in_reasonable_work() {
    let mut group = Group::new([2_000, 500, 0, 0], false, false);
    let first = Sticky.assign(&group.topics(), &group.list());
    group.take_over(&first);
    for joining in 0..60 {
        group.join(if joining % 3 == 0 { 1 } else { 3 });
    }
    let second = Sticky.assign(&group.topics(), &group.list());
    group.assert_balanced(&second);
}
