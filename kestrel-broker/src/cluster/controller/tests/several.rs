//! A folder of several brokers on this one alone: elections, replicas that are given up, brokers that are gone, feature levels.

use super::*;
use crate::cluster::image::PartitionImage;
use crate::cluster::records::{
    FeatureLevelRecord, PartitionRecord, RegisterBrokerRecord, RegisteredFeature, TopicRecord,
};

const TOPIC: TopicId = TopicId::from_u128(5);
/// The data folder of this broker, and one that it does not have.
const HERE: Uuid = Uuid::from_u128(99);
const ELSEWHERE: Uuid = Uuid::from_u128(1 << 100);

/// A partition with these replicas, of which these are in sync.
fn held(leader: i32, replicas: &[i32], isr: &[i32]) -> PartitionRecord {
    PartitionRecord {
        partition_id: 0,
        topic_id: TOPIC,
        leader: NodeId(leader),
        leader_epoch: 0,
        replicas: nodes(replicas),
        isr: nodes(isr),
        directories: replicas.iter().map(|id| if *id == 1 { HERE } else { ELSEWHERE }).collect(),
        ..PartitionRecord::default()
    }
}

/// This broker with a folder in which broker 2 is registered and a topic has one partition.
fn with_partition(partition: PartitionRecord) -> Harness {
    let mut harness = Harness::new();
    let features = |name: &'static str, max| RegisteredFeature {
        name: name.into(),
        min_supported_version: 0,
        max_supported_version: max,
    };
    let broker = RegisterBrokerRecord {
        broker_id: NodeId(2),
        broker_epoch: 77,
        features: vec![features("metadata.version", 30), features("transaction.version", 1)],
        ..RegisterBrokerRecord::default()
    };
    let topic = TopicRecord { name: "t".into(), topic_id: TOPIC };
    harness.apply(vec![broker.into(), topic.into(), partition.into()]);
    harness
}

impl Harness {
    fn partition(&self) -> &PartitionImage {
        &self.controller.image().topic("t").unwrap().partitions[0]
    }

    fn elect(&mut self, kind: ElectionType) -> ErrorCode {
        let effects = self.controller.elect_leaders(kind, &[("t".into(), 0)]);
        code(self.carry_out(effects).remove(0))
    }

    fn reassign(&mut self, replicas: Option<&[i32]>, factor_change: FactorChange) -> Result<(), ApiError> {
        let asked = Reassignment { topic: "t".into(), partition: 0, replicas: replicas.map(nodes) };
        let effects = self.controller.reassign_partitions(&[asked], factor_change);
        self.carry_out(effects).remove(0)
    }

    fn update(&mut self, updates: &[(&'static str, i16, UpgradeType)]) -> Result<(), ApiError> {
        let update = |(name, level, upgrade_type): &(&'static str, i16, UpgradeType)| FeatureUpdate {
            feature: (*name).into(),
            level: *level,
            upgrade_type: Some(*upgrade_type),
        };
        let updates: Vec<_> = updates.iter().map(update).collect();
        let effects = self.controller.update_features(&updates, Intent::Apply, 0);
        self.carry_out(effects)
    }
}

#[test]
fn only_a_replica_that_is_here_is_elected() {
    use ElectionType::{Preferred, Unclean};
    let (none, unneeded) = (ErrorCode::None, ErrorCode::ElectionNotNeeded);
    let (no_preferred, nobody) =
        (ErrorCode::PreferredLeaderNotAvailable, ErrorCode::EligibleLeadersNotAvailable);
    let moved = PartitionRecord { directories: vec![ELSEWHERE], ..held(-1, &[1], &[1]) };
    for (partition, preferred, unclean) in [
        (held(1, &[1, 2], &[1]), unneeded, unneeded),
        (held(2, &[1, 2], &[1, 2]), none, none),
        (held(-1, &[1, 2], &[2]), no_preferred, none),
        (held(-1, &[2, 1], &[1, 2]), no_preferred, none),
        (held(1, &[2, 1], &[1, 2]), no_preferred, unneeded),
        (held(-1, &[2], &[2]), no_preferred, nobody),
        (moved, no_preferred, nobody),
    ] {
        for (kind, expected) in [(Preferred, preferred), (Unclean, unclean)] {
            let mut harness = with_partition(partition.clone());
            let before = harness.log.len();
            assert_eq!(harness.elect(kind), expected, "{kind:?} {partition:?}");
            if expected == none {
                let now = harness.partition();
                assert_eq!((now.leader, now.leader_epoch.0, &now.isr), (NodeId(1), 1, &nodes(&[1])));
            } else {
                assert_eq!(harness.log.len(), before);
            }
        }
    }
}

#[test]
fn a_partition_that_is_named_twice_is_elected_once() {
    let harness = with_partition(held(2, &[1, 2], &[1, 2]));
    let asked = ["t", "t", "u"].map(|topic| (topic.into(), 0));
    let effects = harness.controller.elect_leaders(ElectionType::Preferred, &asked);
    let codes: Vec<_> = effects.reply.into_iter().map(code).collect();
    let expected = [ErrorCode::None, ErrorCode::ElectionNotNeeded, ErrorCode::UnknownTopicOrPartition];
    assert_eq!((codes, effects.records.len()), (expected.to_vec(), 1));
}

#[test]
fn replicas_are_given_up_and_none_are_won() {
    let invalid = ErrorCode::InvalidReplicaAssignment;
    let allowed = FactorChange::Allowed;
    for (partition, wanted, expected) in [
        (held(1, &[1, 2], &[1, 2]), &[1][..], ErrorCode::None),
        (held(2, &[1, 2], &[1, 2]), &[1], ErrorCode::None),
        (held(1, &[1, 2], &[1]), &[2, 1], ErrorCode::None),
        (held(1, &[1], &[1]), &[1, 2], invalid),
        (held(2, &[1, 2], &[1, 2]), &[2], invalid),
        // What is to stay does not have everything.
        (held(2, &[1, 2], &[2]), &[1], invalid),
        (held(1, &[1], &[1]), &[3], invalid),
    ] {
        let mut harness = with_partition(partition.clone());
        let before = harness.log.len();
        assert_eq!(code(harness.reassign(Some(wanted), allowed)), expected, "{partition:?} to {wanted:?}");
        let now = harness.partition();
        if expected == ErrorCode::None {
            assert_eq!((now.leader, &now.replicas), (NodeId(1), &nodes(wanted)));
            assert!(now.isr.iter().all(|id| wanted.contains(&id.0)), "{now:?}");
            assert_eq!((now.directories.len(), now.directory_on(NodeId(1))), (wanted.len(), HERE));
            // It is so already.
            let before = harness.log.len();
            assert_eq!(harness.reassign(Some(wanted), allowed), Ok(()));
            assert_eq!(harness.log.len(), before);
        } else {
            assert_eq!(harness.log.len(), before);
        }
    }
}

#[test]
fn a_factor_stays_where_it_is_asked_to() {
    let mut harness = with_partition(held(1, &[1, 2], &[1, 2]));
    let refused = harness.reassign(Some(&[1]), FactorChange::Refused).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidReplicationFactor);
    assert_eq!(refused.message, "The replication factor is changed from 2 to 1");
    assert_eq!(harness.reassign(Some(&[2, 1]), FactorChange::Refused), Ok(()));
    assert_eq!(harness.partition().replicas, nodes(&[2, 1]));
}

#[test]
fn what_was_begun_is_called_off() {
    let moving = PartitionRecord { adding_replicas: nodes(&[2]), ..held(1, &[1, 2], &[1]) };
    let mut harness = with_partition(moving);
    assert!(harness.partition().is_reassigned());
    assert_eq!(harness.reassign(None, FactorChange::Allowed), Ok(()));
    let now = harness.partition();
    assert_eq!((now.leader, now.leader_epoch.0, &now.replicas), (NodeId(1), 0, &nodes(&[1])));
    assert!(!now.is_reassigned());
    let none = harness.reassign(None, FactorChange::Allowed);
    assert_eq!(code(none), ErrorCode::NoReassignmentInProgress);
    // Calling it off would leave nobody who has everything.
    let arrived = PartitionRecord { adding_replicas: nodes(&[2]), ..held(2, &[1, 2], &[2]) };
    let mut harness = with_partition(arrived);
    let refused = harness.reassign(None, FactorChange::Allowed);
    assert_eq!(code(refused), ErrorCode::InvalidReplicaAssignment);
}

#[test]
fn a_broker_that_is_gone_leaves_the_replicas_in_sync() {
    for (partition, leader, isr) in [
        (held(1, &[1, 2], &[1, 2]), 1, &[1][..]),
        (held(2, &[1, 2], &[2, 1]), 1, &[1]),
        // The last one with everything: nobody leads.
        (held(2, &[1, 2], &[2]), -1, &[2]),
        (held(1, &[1], &[1]), 1, &[1]),
    ] {
        let mut harness = with_partition(partition);
        let effects = harness.controller.unregister_broker(NodeId(2));
        harness.carry_out(effects).unwrap();
        assert!(harness.controller.image().broker(NodeId(2)).is_none());
        let now = harness.partition();
        assert_eq!((now.leader, &now.isr), (NodeId(leader), &nodes(isr)));
        let again = harness.controller.unregister_broker(NodeId(2)).reply.unwrap_err();
        assert_eq!(again.message, "Broker ID 2 is not currently registered");
    }
}

#[test]
fn a_registered_broker_has_a_say_in_feature_levels() {
    use UpgradeType::{SafeDowngrade, Upgrade};
    let mut harness = with_partition(held(1, &[1], &[1]));
    harness.update(&[("transaction.version", 1, SafeDowngrade)]).unwrap();
    let refused = harness.update(&[("transaction.version", 2, Upgrade)]).unwrap_err();
    assert!(refused.message.ends_with("Broker 2 only supports versions 0-1"), "{refused}");
    let effects = harness.controller.unregister_broker(NodeId(2));
    harness.carry_out(effects).unwrap();
    harness.update(&[("transaction.version", 2, Upgrade)]).unwrap();
    assert_eq!(harness.controller.image().features().level("transaction.version"), 2);
}

#[test]
fn features_that_only_another_knows_can_be_turned_off() {
    use UpgradeType::{SafeDowngrade, Upgrade};
    let mut harness = Harness::new();
    let finalized = FeatureLevelRecord { name: "group.version".into(), feature_level: 1 };
    harness.apply(vec![finalized.into()]);
    assert!(harness.update(&[("group.version", 0, Upgrade)]).is_err());
    harness.update(&[("group.version", 0, SafeDowngrade), ("metadata.version", 30, Upgrade)]).unwrap();
    assert_eq!(harness.controller.image().features().level("group.version"), 0);
}

#[test]
fn the_metadata_goes_up_and_down_where_nothing_is_lost() {
    use UpgradeType::{SafeDowngrade, UnsafeDowngrade, Upgrade};
    let mut harness = Harness::new();
    let old = FeatureLevelRecord { name: "metadata.version".into(), feature_level: 26 };
    harness.apply(vec![old.into()]);
    for (level, upgrade_type, expected) in [
        (23, SafeDowngrade, true),
        (22, SafeDowngrade, false),
        (22, UnsafeDowngrade, false),
        (29, Upgrade, true),
        (24, UnsafeDowngrade, true),
        (30, Upgrade, true),
        (29, SafeDowngrade, false),
        (6, SafeDowngrade, false),
    ] {
        let updated = harness.update(&[("metadata.version", level, upgrade_type)]);
        assert_eq!(updated.is_ok(), expected, "{level} {upgrade_type:?}: {updated:?}");
        let now = harness.controller.image().features().level("metadata.version");
        assert_eq!(now == level, expected);
    }
    // What is written from here on is written as that level says.
    assert_eq!(harness.controller.image().features().record_versions().register_broker, 4);
}
