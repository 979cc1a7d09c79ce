//! What each command leads to, and each refusal: the codes were compared with those of Apache Kafka 4.3.1.

use super::*;

#[test]
fn a_topic_gets_what_it_asks_for_or_the_defaults() {
    let mut harness = Harness::new();
    let created = harness.create(NewTopic::with_defaults("d")).unwrap();
    assert_eq!((created.num_partitions, created.replication_factor), (1, 1));
    harness.create(topic("t", 3, 1)).unwrap();
    let created = harness.controller.image().topic("t").unwrap();
    assert_eq!(created.partitions.len(), 3);
    for partition in &created.partitions {
        assert_eq!(
            (partition.leader, partition.leader_epoch.0, partition.partition_epoch),
            (NodeId(1), 0, 0)
        );
        assert_eq!((&partition.replicas, &partition.isr), (&nodes(&[1]), &nodes(&[1])));
        assert_eq!(partition.directories, [Uuid::from_u128(99)]);
    }
}

#[test]
fn a_topic_is_one_batch_of_records_in_the_order_of_apache_kafka() {
    let mut harness = Harness::new();
    let before = harness.log.len();
    harness.create(NewTopic { num_partitions: 2, ..configured("t", "retention.ms", Some("5")) }).unwrap();
    let types: Vec<u8> = harness.log[before..].iter().map(|value| value[1]).collect();
    assert_eq!(types, [2, 4, 3, 3]);
}

#[test]
fn topics_are_refused_with_the_codes_of_apache_kafka() {
    let mut harness = Harness::new();
    harness.create(topic("gh.one", 1, 1)).unwrap();
    let long = "x".repeat(250);
    let cases = [
        (topic("", 1, 1), ErrorCode::InvalidTopic),
        (topic("..", 1, 1), ErrorCode::InvalidTopic),
        (topic("a b", 1, 1), ErrorCode::InvalidTopic),
        (topic(&long, 1, 1), ErrorCode::InvalidTopic),
        (topic("gh_one", 1, 1), ErrorCode::InvalidTopic),
        (topic("gh.one", 1, 1), ErrorCode::TopicAlreadyExists),
        (topic("__cluster_metadata", 1, 1), ErrorCode::InvalidRequest),
        (topic("e", 1, 3), ErrorCode::InvalidReplicationFactor),
        (topic("e", 1, 0), ErrorCode::InvalidReplicationFactor),
        (topic("e", 1, -2), ErrorCode::InvalidReplicationFactor),
        (topic("e", 0, 0), ErrorCode::InvalidReplicationFactor),
        (topic("e", 0, 1), ErrorCode::InvalidPartitions),
        (topic("e", -2, 1), ErrorCode::InvalidPartitions),
        (topic("e", 20_000, 1), ErrorCode::PolicyViolation),
        (configured("e", "no.such", Some("1")), ErrorCode::InvalidConfig),
        (configured("e", "retention.ms", Some("x")), ErrorCode::InvalidConfig),
        (configured("e", "retention.ms", None), ErrorCode::InvalidConfig),
        (configured("e", "remote.storage.enable", Some("true")), ErrorCode::InvalidConfig),
        (assigned("e", &[(0, &[])]), ErrorCode::InvalidReplicaAssignment),
        (assigned("e", &[(0, &[9])]), ErrorCode::InvalidReplicaAssignment),
        (assigned("e", &[(0, &[1, 1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned("e", &[(1, &[1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned("e", &[(-1, &[1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned("e", &[(0, &[1]), (2, &[1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned("e", &[(0, &[1]), (0, &[1])]), ErrorCode::InvalidReplicaAssignment),
        (NewTopic { num_partitions: 1, ..assigned("e", &[(0, &[1])]) }, ErrorCode::InvalidRequest),
        (NewTopic { replication_factor: 1, ..assigned("e", &[(0, &[1])]) }, ErrorCode::InvalidRequest),
    ];
    let before = harness.log.len();
    for (topic, expected) in cases {
        let refused = harness.create(topic.clone()).unwrap_err();
        assert_eq!(refused.code, expected, "{topic:?}: {refused}");
        assert!(!refused.message.is_empty());
    }
    assert_eq!(harness.log.len(), before);
    harness.create(assigned("e", &[(1, &[1]), (0, &[1])])).unwrap();
}

#[test]
fn topics_of_one_request_are_judged_one_after_the_other() {
    let mut harness = Harness::new();
    let topics = vec![topic("a.b", 1, 1), topic("a_b", 1, 1), topic("a.b", 1, 1), topic("c", 9_999, 1)];
    let outcomes: Vec<_> = harness.create_all(topics, Intent::Apply).into_iter().map(code).collect();
    // The last one would make more records than one request may.
    assert_eq!(
        outcomes,
        [ErrorCode::None, ErrorCode::InvalidTopic, ErrorCode::TopicAlreadyExists, ErrorCode::PolicyViolation]
    );
    assert_eq!(harness.controller.image().topics().len(), 1);
}

#[test]
fn validation_changes_nothing_and_answers_the_same() {
    let mut harness = Harness::new();
    let before = harness.log.len();
    let outcomes = harness.create_all(vec![topic("a", 2, 1), topic("", 1, 1)], Intent::ValidateOnly);
    assert_eq!(outcomes[0].as_ref().unwrap().num_partitions, 2);
    assert_eq!(outcomes[1].as_ref().unwrap_err().code, ErrorCode::InvalidTopic);
    assert_eq!(harness.log.len(), before);
}

#[test]
fn topics_are_deleted_by_name_and_by_id() {
    let mut harness = Harness::new();
    let a = harness.create(configured("a", "retention.ms", Some("5"))).unwrap().id;
    let b = harness.create(topic("b", 1, 1)).unwrap().id;
    let asked = [
        TopicRef::Name("a".into()),
        TopicRef::Id(b),
        TopicRef::Id(a),
        TopicRef::Name("nope".into()),
        TopicRef::Id(TopicId::from_u128(77)),
    ];
    let outcomes = harness.delete(&asked);
    assert_eq!(outcomes[0], Ok(DeletedTopic { name: "a".into(), id: a }));
    assert_eq!(outcomes[1], Ok(DeletedTopic { name: "b".into(), id: b }));
    let codes: Vec<_> = outcomes.into_iter().skip(2).map(code).collect();
    assert_eq!(
        codes,
        [ErrorCode::InvalidRequest, ErrorCode::UnknownTopicOrPartition, ErrorCode::UnknownTopicId]
    );
    assert_eq!(harness.controller.image().topics().len(), 0);
    // A topic that returns has another id and none of the old settings.
    let again = harness.create(topic("a", 1, 1)).unwrap();
    assert_ne!(again.id, a);
    assert_eq!(harness.topic_config("a"), []);
}

#[test]
fn partitions_are_added_and_never_removed() {
    let mut harness = Harness::new();
    harness.create(topic("t", 2, 1)).unwrap();
    assert_eq!(harness.grow("t", 4, None), Ok(()));
    assert_eq!(harness.grow("t", 5, Some(&[&[1]])), Ok(()));
    assert_eq!(harness.controller.image().topic("t").unwrap().partitions.len(), 5);
    let refusals = [
        ("nope", 3, None, ErrorCode::UnknownTopicOrPartition),
        ("t", 5, None, ErrorCode::InvalidPartitions),
        ("t", 1, None, ErrorCode::InvalidPartitions),
        ("t", -1, None, ErrorCode::InvalidPartitions),
        ("t", 30_000, None, ErrorCode::PolicyViolation),
        ("t", 7, Some(&[&[1][..]][..]), ErrorCode::InvalidReplicaAssignment),
        ("t", 6, Some(&[&[][..]][..]), ErrorCode::InvalidReplicaAssignment),
        ("t", 6, Some(&[&[7][..]][..]), ErrorCode::InvalidReplicaAssignment),
        ("t", 6, Some(&[&[1, 2][..]][..]), ErrorCode::InvalidReplicaAssignment),
    ];
    for (topic, count, assignments, expected) in refusals {
        assert_eq!(
            code(harness.grow(topic, count, assignments)),
            expected,
            "{topic} {count} {assignments:?}"
        );
    }
}

#[test]
fn single_keys_of_a_topic_change() {
    use AlterOperation::{Append, Delete, Set, Subtract};
    let mut harness = Harness::new();
    harness.create(topic("t", 1, 1)).unwrap();
    let t = || ConfigResource::topic("t");
    harness.alter(t(), &[("retention.ms", Set, Some("5")), ("segment.ms", Set, Some("6"))]).unwrap();
    harness.alter(t(), &[("segment.ms", Delete, None), ("no.such", Delete, None)]).unwrap();
    let retention = ("retention.ms".to_owned(), "5".to_owned());
    assert_eq!(harness.topic_config("t"), std::slice::from_ref(&retention));

    // A list begins with its default.
    for (operation, items, expected) in [
        (Append, "compact", "delete,compact"),
        (Append, "compact", "delete,compact"),
        (Subtract, "delete", "compact"),
        (Subtract, "delete", "compact"),
        (Subtract, "compact", ""),
    ] {
        harness.alter(t(), &[("cleanup.policy", operation, Some(items))]).unwrap();
        assert_eq!(
            harness.topic_config("t"),
            [("cleanup.policy".to_owned(), expected.to_owned()), retention.clone()]
        );
    }
    // What is as it was is not written again.
    let before = harness.log.len();
    harness.alter(t(), &[("retention.ms", Set, Some("5"))]).unwrap();
    assert_eq!(harness.log.len(), before);
}

#[test]
fn alterations_of_a_resource_happen_together_or_not_at_all() {
    use AlterOperation::{Append, Set};
    let mut harness = Harness::new();
    harness.create(topic("t", 1, 1)).unwrap();
    let (t, node) = (ConfigResource::topic("t"), ConfigResource::broker(NodeId(1)));
    let resource =
        |kind, name: &'static str| ConfigResource { kind: ResourceKind::from_wire(kind), name: name.into() };
    let cases = [
        (&t, vec![("retention.ms", Set, Some("5")), ("no.such", Set, Some("1"))], ErrorCode::InvalidConfig),
        (&t, vec![("retention.ms", Set, Some("x"))], ErrorCode::InvalidConfig),
        (&t, vec![("retention.ms", Append, Some("1"))], ErrorCode::InvalidConfig),
        (&t, vec![("retention.ms", Set, None)], ErrorCode::InvalidRequest),
        (
            &t,
            vec![("retention.ms", Set, Some("1")), ("retention.ms", Set, Some("2"))],
            ErrorCode::InvalidRequest,
        ),
        (
            &t,
            vec![("min.compaction.lag.ms", Set, Some("9")), ("max.compaction.lag.ms", Set, Some("5"))],
            ErrorCode::InvalidConfig,
        ),
        (&resource(2, "nope"), vec![], ErrorCode::UnknownTopicOrPartition),
        (&resource(2, "a b"), vec![], ErrorCode::InvalidTopic),
        (&resource(2, ""), vec![], ErrorCode::InvalidRequest),
        (&resource(4, "7"), vec![], ErrorCode::InvalidRequest),
        (&resource(4, "x"), vec![], ErrorCode::InvalidRequest),
        (&resource(8, "1"), vec![], ErrorCode::InvalidRequest),
        (&node, vec![("broker.rack", Set, Some("r"))], ErrorCode::InvalidRequest),
        (&node, vec![("node.id", Set, Some("1"))], ErrorCode::InvalidRequest),
        (&node, vec![("no.such", Set, Some("1"))], ErrorCode::InvalidConfig),
        (&node, vec![("log.segment.bytes", Set, Some("3"))], ErrorCode::InvalidRequest),
        (&node, vec![("log.segment.bytes", Append, Some("3"))], ErrorCode::InvalidConfig),
        (&resource(4, ""), vec![("listeners", Set, Some("PLAINTEXT://:1"))], ErrorCode::InvalidRequest),
    ];
    let before = harness.log.len();
    for (resource, alterations, expected) in cases {
        let refused = harness.alter(resource.clone(), &alterations);
        assert_eq!(code(refused), expected, "{resource:?} {alterations:?}");
    }
    assert_eq!(harness.log.len(), before);
}

#[test]
fn a_broker_takes_defaults_for_topics_and_gives_them_back() {
    use AlterOperation::{Delete, Set};
    let mut harness = Harness::new();
    let everywhere = ConfigResource::all_brokers();
    for resource in [everywhere.clone(), ConfigResource::broker(NodeId(1))] {
        harness.alter(resource.clone(), &[("log.retention.ms", Set, Some("5"))]).unwrap();
        assert_eq!(harness.controller.image().config(&resource).len(), 1);
        // What was set by another version may be taken back whatever it is.
        harness
            .alter(resource.clone(), &[("log.retention.ms", Delete, None), ("broker.rack", Delete, None)])
            .unwrap();
        assert!(harness.controller.image().config(&resource).is_empty());
    }
}

#[test]
fn with_eligible_replicas_the_cluster_keeps_one_min_insync_replicas() {
    use AlterOperation::{Delete, Set};
    let mut harness = Harness::new();
    let (everywhere, node) = (ConfigResource::all_brokers(), ConfigResource::broker(NodeId(1)));
    let key = "min.insync.replicas";
    assert_eq!(harness.alter(node.clone(), &[(key, Set, Some("1"))]), Ok(()));
    let elr = crate::cluster::records::FeatureLevelRecord {
        name: "eligible.leader.replicas.version".into(),
        feature_level: 1,
    };
    harness.apply(vec![elr.into()]);
    assert_eq!(code(harness.alter(node, &[(key, Set, Some("2"))])), ErrorCode::InvalidConfig);
    assert_eq!(code(harness.alter(everywhere.clone(), &[(key, Delete, None)])), ErrorCode::InvalidConfig);
    assert_eq!(harness.alter(everywhere, &[(key, Set, Some("1"))]), Ok(()));
}

#[test]
fn each_block_of_producer_ids_is_given_out_once() {
    let mut harness = Harness::new();
    for expected in [0..1000, 1000..2000] {
        let effects = harness.controller.allocate_producer_ids();
        assert_eq!(harness.carry_out(effects), Some(expected));
    }
    harness.controller = {
        let mut image = harness.controller.image().clone();
        image.next_producer_id = i64::MAX - 1;
        Controller::new(image, Arc::clone(&harness.controller.config))
    };
    assert_eq!(harness.controller.allocate_producer_ids(), Effects { records: vec![], reply: None });
}

#[test]
fn a_broker_that_starts_leads_everything_that_nobody_leads() {
    use crate::cluster::records::PartitionChangeRecord;
    let mut harness = Harness::new();
    let topic_id = harness.create(topic("t", 3, 1)).unwrap().id;
    // As Apache Kafka leaves it when it stops: without a leader, with and without eligible replicas.
    let gone = PartitionChangeRecord { topic_id, leader: NodeId::NONE, ..Default::default() };
    let eligible = PartitionChangeRecord {
        isr: Some(vec![]),
        eligible_leader_replicas: Some(nodes(&[1])),
        last_known_elr: Some(nodes(&[1])),
        ..gone.clone()
    };
    harness.apply(vec![
        PartitionChangeRecord { partition_id: 0, ..gone }.into(),
        PartitionChangeRecord { partition_id: 1, ..eligible }.into(),
    ]);
    harness.start(true);
    let topic = harness.controller.image().topic("t").unwrap();
    let epochs: Vec<_> = topic.partitions.iter().map(|partition| partition.leader_epoch.0).collect();
    assert_eq!(epochs, [2, 2, 0]);
    for partition in &topic.partitions {
        assert_eq!((partition.leader, &partition.isr), (NodeId(1), &nodes(&[1])));
        assert!(partition.eligible_leader_replicas.is_empty() && partition.last_known_elr.is_empty());
    }
}

#[test]
fn a_leader_epoch_ends_with_an_unclean_stop_only() {
    let mut harness = Harness::new();
    harness.create(topic("t", 1, 1)).unwrap();
    let epoch =
        |harness: &Harness| harness.controller.image().topic("t").unwrap().partitions[0].leader_epoch.0;
    harness.start(true);
    assert_eq!(epoch(&harness), 0);
    harness.start(false);
    assert_eq!(epoch(&harness), 1);
}

#[test]
fn a_registration_has_the_offset_of_its_record_as_epoch() {
    let mut harness = Harness::new();
    let first = harness.controller.image().broker(NodeId(1)).unwrap().clone();
    assert_eq!(harness.log[usize::try_from(first.epoch).unwrap()][1], 0, "that record registers a broker");
    assert!(first.is_active());

    let left = harness.controller.deregister();
    harness.apply(left);
    assert!(!harness.controller.image().broker(NodeId(1)).unwrap().is_active());
    // Nothing can be placed while no broker is there.
    assert_eq!(code(harness.create(topic("t", 1, 1))), ErrorCode::InvalidReplicationFactor);

    harness.apply(vec![crate::cluster::records::BeginTransactionRecord::default().into()]);
    harness.start(true);
    let second = harness.controller.image().broker(NodeId(1)).unwrap();
    assert!(second.epoch > first.epoch && second.is_active());
    assert_eq!(
        harness.log[usize::try_from(second.epoch).unwrap()][1],
        0,
        "the open transaction was aborted first"
    );
}

#[test]
fn partitions_are_changed_as_long_as_the_quota_lasts() {
    use crate::quota::{Caller, EntityPart, QuotaEntity, QuotaKind, Quotas, Strictness};
    let quotas = Quotas::unlimited();
    let mut controller = Harness::new();
    let anyone = QuotaEntity { user: EntityPart::Default, client_id: EntityPart::Unsaid };
    // Eleven partitions at once, and one more for each second.
    quotas.set_limits([(QuotaKind::ControllerMutation, anyone, 1.0)].into_iter().collect());
    let (user, client_id) = ("alice".into(), "app".into());
    let caller = Caller { user: &user, client_id: &client_id };
    let topic = |name: &'static str| NewTopic { num_partitions: 6, ..NewTopic::with_defaults(name) };

    controller.permits = Permits::of(&quotas, caller, Strictness::Strict);
    let outcomes = controller.create_all(["a", "b", "c"].map(topic).into_iter().collect(), Intent::Apply);
    let codes: Vec<_> =
        outcomes.iter().map(|outcome| outcome.as_ref().err().map(|error| error.code)).collect();
    assert_eq!(codes, [None, None, Some(ErrorCode::ThrottlingQuotaExceeded)], "the second one overdraws");
    assert_eq!(controller.permits.throttle(controller.now), std::time::Duration::from_secs(1));
    let refused = controller.delete(&[TopicRef::Name("a".into())]).pop().unwrap().unwrap_err();
    assert_eq!(refused.code, ErrorCode::ThrottlingQuotaExceeded);
    assert_eq!(controller.grow("a", 7, None).unwrap_err().code, ErrorCode::ThrottlingQuotaExceeded);
    assert_eq!(
        controller.grow("a", 6, None).unwrap_err().code,
        ErrorCode::InvalidPartitions,
        "costs nothing"
    );

    controller.permits = Permits::of(&quotas, caller, Strictness::Permissive);
    controller.delete(&[TopicRef::Name("a".into())]).pop().unwrap().unwrap();
    assert_eq!(controller.permits.throttle(controller.now), std::time::Duration::from_secs(7));

    controller.now += std::time::Duration::from_secs(7);
    controller.permits = Permits::of(&quotas, caller, Strictness::Strict);
    controller.create(topic("c")).unwrap();
}
