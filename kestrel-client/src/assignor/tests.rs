//! The assignors against the answers of Apache Kafka's (`testdata/assignors`), and against what they promise.
//!
//! `range` and `roundrobin` give every member exactly what Java's give. Java's sticky assignors decide between equals by
//! the order of a hash map, so of `sticky` and `cooperative-sticky` the promises are compared: every partition has one
//! reader that wants it, counts are at least as even as Java's, and over all groups as many partitions stay and are near.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use serde::Deserialize;

use super::sticky::Ownership;
use super::*;

#[derive(Debug, Deserialize)]
struct Line {
    assignor: String,
    topics: BTreeMap<String, Vec<Vec<String>>>,
    members: Vec<LineMember>,
}

#[derive(Debug, Deserialize)]
struct LineMember {
    id: String,
    instance: Option<String>,
    metadata: String,
    assignment: String,
}

/// A group of the file with Java's answer.
#[derive(Debug)]
struct Case {
    topics: AssignableTopics,
    members: Vec<GroupMember>,
    java: Assignments,
}

impl Case {
    fn has_racks(&self) -> bool {
        self.members.iter().any(|member| member.rack.is_some())
    }
}

fn from_hex(text: &str) -> Bytes {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn cases(assignor: &str) -> Vec<Case> {
    let text = include_str!("../../testdata/assignors/answers.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    let cases: Vec<_> = lines.filter(|line| line.assignor == assignor).map(case).collect();
    assert!(cases.len() >= 50, "{} cases", cases.len());
    cases
}

fn case(line: Line) -> Case {
    let topics = line
        .topics
        .into_iter()
        .fold(AssignableTopics::new(), |topics, (name, racks)| topics.topic_with_racks(name, racks));
    let members = line.members.iter().map(|member| {
        GroupMember::from_metadata(&member.id, member.instance.as_deref(), from_hex(&member.metadata))
            .unwrap()
    });
    let java = line.members.iter().map(|member| {
        let mut partitions = decode_assignment(from_hex(&member.assignment)).unwrap();
        partitions.sort();
        (Arc::from(member.id.as_str()), partitions)
    });
    Case { topics, members: members.collect(), java: java.collect() }
}

/// What any assignment has to be, whoever made it: wanted partitions, each given once; all of them unless some may wait.
fn assert_valid(case: &Case, assignments: &Assignments, some_may_wait: bool) {
    let mut given = BTreeSet::new();
    assert_eq!(assignments.len(), case.members.len());
    for member in &case.members {
        for partition in &assignments[&member.member_id] {
            assert!(member.wants(&partition.topic), "{} has {partition}: {case:#?}", member.member_id);
            assert!(given.insert(partition.clone()), "{partition} is given twice: {case:#?}");
        }
    }
    let wanted = |topic: &str| case.members.iter().any(|member| member.wants(topic));
    let all: BTreeSet<_> = case.topics.partitions().filter(|partition| wanted(&partition.topic)).collect();
    assert!(given.is_subset(&all));
    assert!(some_may_wait || given == all, "not all is given: {assignments:#?} {case:#?}");
}

/// The smaller, the more even.
fn sum_of_squares(assignments: &Assignments) -> usize {
    assignments.values().map(|partitions| partitions.len().pow(2)).sum()
}

/// How many partitions stay with a member that says it had them.
fn staying(assignments: &Assignments, ownership: &Ownership) -> usize {
    let all = assignments.iter().flat_map(|(member, partitions)| partitions.iter().map(move |p| (member, p)));
    all.filter(|(member, partition)| ownership.owner(partition) == Some(member)).count()
}

/// How many partitions are read in a rack in which they have a replica.
fn near(case: &Case, assignments: &Assignments) -> usize {
    let racks: HashMap<_, _> = case.members.iter().map(|m| (&m.member_id, &m.rack)).collect();
    let all = assignments.iter().flat_map(|(member, partitions)| partitions.iter().map(move |p| (member, p)));
    let is_near = |member: &Arc<str>, partition: &TopicPartition| {
        let replicas = case.topics.racks(&partition.topic, partition.partition);
        racks[member].as_ref().is_none_or(|rack| replicas.contains(rack))
    };
    all.filter(|(member, partition)| is_near(member, partition)).count()
}

#[test]
fn subscriptions_and_assignments_have_the_bytes_that_java_writes() {
    let text = include_str!("../../testdata/assignors/answers.jsonl");
    for line in text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap()) {
        for member in line.members {
            let metadata = from_hex(&member.metadata);
            let read = GroupMember::from_metadata(&member.id, None, metadata.clone()).unwrap();
            assert_eq!(encode_subscription(&read).unwrap(), metadata);
            let assignment = from_hex(&member.assignment);
            assert_eq!(
                encode_assignment(&decode_assignment(assignment.clone()).unwrap()).unwrap(),
                assignment
            );
        }
    }
}

#[test]
fn range_and_round_robin_give_what_java_gives() {
    for assignor in [&Range as &dyn Assignor, &RoundRobin] {
        for case in cases(assignor.name()) {
            let mut ours = assignor.assign(&case.topics, &case.members);
            assert_valid(&case, &ours, false);
            ours.values_mut().for_each(|partitions| partitions.sort());
            assert_eq!(ours, case.java, "{assignor:?}: {case:#?}");
        }
    }
}

/// What all groups of the file come to, with this crate and with Java.
#[derive(Debug, Default)]
struct Sums {
    stay: (usize, usize),
    near: (usize, usize),
}

/// Compares a sticky answer with Java's.
fn compare(case: &Case, ours: &Assignments, ownership: &Ownership, sums: &mut Sums) {
    let (evenness, java_evenness) = (sum_of_squares(ours), sum_of_squares(&case.java));
    assert!(evenness <= java_evenness, "Java's is more even: {ours:#?} {case:#?}");
    sums.near.0 += near(case, ours);
    sums.near.1 += near(case, &case.java);
    if evenness == java_evenness && !case.has_racks() {
        sums.stay.0 += staying(ours, ownership);
        sums.stay.1 += staying(&case.java, ownership);
        let wanted = |member: &GroupMember| member.topics.iter().cloned().collect::<BTreeSet<_>>();
        let are_alike = case.members.windows(2).all(|pair| wanted(&pair[0]) == wanted(&pair[1]));
        if are_alike && ownership.is_nothing() {
            assert_eq!(ours, &case.java);
        }
    }
}

#[test]
fn sticky_is_as_even_as_java_and_as_much_stays() {
    let mut sums = Sums::default();
    for case in cases("sticky") {
        let ours = Sticky.assign(&case.topics, &case.members);
        assert_valid(&case, &ours, false);
        assert_valid(&case, &case.java, false);
        let ownership = Ownership::resolve(&case.topics, case.members.iter().map(sticky::claim));
        compare(&case, &ours, &ownership, &mut sums);
    }
    assert!(sums.stay.0 >= sums.stay.1, "{sums:?}");
    assert!(sums.near.0 * 100 >= sums.near.1 * 99, "{sums:?}");
}

#[test]
fn cooperative_sticky_gives_nothing_that_another_holds_and_as_much_stays_as_with_java() {
    let mut stay = (0, 0);
    for case in cases("cooperative-sticky") {
        let ours = CooperativeSticky.assign(&case.topics, &case.members);
        assert_valid(&case, &ours, true);
        assert_valid(&case, &case.java, true);
        let ownership = Ownership::resolve(&case.topics, case.members.iter().map(cooperative_sticky::claim));
        for (member, partitions) in &ours {
            assert!(partitions.iter().all(|partition| !ownership.is_held_by_another(partition, member)));
        }
        // What waits for its owner is in no answer: the next rebalance gives it. Where racks matter it may take more.
        let second = settled(&case, &ours);
        assert_valid(&case, &second, case.has_racks());
        let last = (0..4).fold(second.clone(), |assignments, _| settled(&case, &assignments));
        assert_valid(&case, &last, false);
        let java_second = settled(&case, &case.java);
        if !case.has_racks() && sum_of_squares(&second) == sum_of_squares(&java_second) {
            stay.0 += staying(&ours, &ownership);
            stay.1 += staying(&case.java, &ownership);
        }
    }
    assert!(stay.0 >= stay.1 && stay.1 > 100, "{stay:?}");
}

/// What the next rebalance gives when every member owns what it was given.
fn settled(case: &Case, assignments: &Assignments) -> Assignments {
    let members: Vec<_> = case
        .members
        .iter()
        .map(|member| {
            let mut member = member.clone();
            member.owned_partitions = assignments[&member.member_id].clone();
            member.generation = Some(1000);
            member
        })
        .collect();
    CooperativeSticky.assign(&case.topics, &members)
}

#[test]
fn members_of_cooperative_sticky_alone_rebalance_cooperatively() {
    let both: [Arc<dyn Assignor>; 2] = [Arc::new(CooperativeSticky), Arc::new(Range)];
    assert_eq!(common_protocol(&both), RebalanceProtocol::Eager);
    assert_eq!(common_protocol(&both[..1]), RebalanceProtocol::Cooperative);
    assert_eq!(common_protocol(&[]), RebalanceProtocol::Eager);
}

#[test]
fn user_data_has_the_bytes_that_java_writes() {
    let partitions =
        [("t".into(), 3), ("t".into(), 1)].map(|(topic, p): (Arc<str>, _)| TopicPartition::new(topic, p));
    let last = LastAssignment { partitions: &partitions, generation: 5 };
    let expected = b"\0\0\0\x01\0\x01t\0\0\0\x02\0\0\0\x03\0\0\0\x01\0\0\0\x05";
    assert_eq!(Sticky.user_data(Some(last)).unwrap(), &expected[..]);
    assert_eq!(Sticky.user_data(None), None);
    assert_eq!(CooperativeSticky.user_data(Some(last)).unwrap(), &[0, 0, 0, 5][..]);
    assert_eq!(CooperativeSticky.user_data(None).unwrap(), &[255; 4][..]);
    assert_eq!(Range.user_data(Some(last)), None);
}
