//! Replay equals live: a controller that is fed the records of another one becomes its equal.

use proptest::prelude::*;

use super::*;

/// A command, or what happens between commands.
#[derive(Debug, Clone, Copy)]
enum Step {
    Create(usize, i32, Option<usize>),
    Delete(usize),
    Grow(usize, i32),
    Alter(usize, usize, Option<u8>),
    AlterBroker(bool, Option<u8>),
    ProducerIds,
    Restart(bool),
    CreateAcl(usize, usize),
    DeleteAcls(usize),
    AlterUser(usize, i8, Option<i32>),
    Limit(usize, usize, Option<u8>),
}

const NAMES: [&str; 5] = ["a", "b", "a.b", "a_b", "no good"];
const KEYS: [&str; 3] = ["retention.ms", "cleanup.policy", "no.such"];
const USERS: [&str; 3] = ["alice", "bob", ""];
const LIMITS: [&str; 3] = ["producer_byte_rate", "request_percentage", "no.such"];

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    prop_oneof![
        4 => (name.clone(), -1..4i32, proptest::option::of(0..KEYS.len())).prop_map(|(n, p, k)| Step::Create(n, p, k)),
        2 => name.clone().prop_map(Step::Delete),
        2 => (name.clone(), 0..6i32).prop_map(|(n, count)| Step::Grow(n, count)),
        3 => (name, 0..KEYS.len(), any::<Option<u8>>()).prop_map(|(n, k, v)| Step::Alter(n, k, v)),
        1 => any::<(bool, Option<u8>)>().prop_map(|(all, value)| Step::AlterBroker(all, value)),
        1 => Just(Step::ProducerIds),
        1 => any::<bool>().prop_map(Step::Restart),
        2 => (0..USERS.len(), 0..NAMES.len()).prop_map(|(user, topic)| Step::CreateAcl(user, topic)),
        1 => (0..USERS.len()).prop_map(Step::DeleteAcls),
        2 => (0..USERS.len(), 0..4i8, proptest::option::of(4095..4097i32)).prop_map(|(u, m, i)| Step::AlterUser(u, m, i)),
        2 => (0..USERS.len(), 0..LIMITS.len(), any::<Option<u8>>()).prop_map(|(u, k, v)| Step::Limit(u, k, v)),
    ]
}

fn carry_out(harness: &mut Harness, step: Step) {
    let operation =
        |value: Option<u8>| if value.is_some() { AlterOperation::Set } else { AlterOperation::Delete };
    let value = |value: Option<u8>| value.map(|value| &*value.to_string().leak());
    match step {
        Step::Create(name, partitions, key) => {
            let configs = key.map(|key| (KEYS[key].into(), Some("1".into())));
            let topic =
                NewTopic { configs: configs.into_iter().collect(), ..topic(NAMES[name], partitions, -1) };
            let _ = harness.create(topic);
        }
        Step::Delete(name) => {
            harness.delete(&[TopicRef::Name(NAMES[name].into())]);
        }
        Step::Grow(name, count) => {
            let _ = harness.grow(NAMES[name], count, None);
        }
        Step::Alter(name, key, new) => {
            let _ =
                harness.alter(ConfigResource::topic(NAMES[name]), &[(KEYS[key], operation(new), value(new))]);
        }
        Step::AlterBroker(all, new) => {
            let resource =
                if all { ConfigResource::all_brokers() } else { ConfigResource::broker(NodeId(1)) };
            let _ = harness.alter(resource, &[("log.retention.ms", operation(new), value(new))]);
        }
        Step::ProducerIds => {
            let effects = harness.controller.allocate_producer_ids();
            harness.carry_out(effects);
        }
        Step::CreateAcl(user, topic) => {
            harness.create_acls(&[acl(USERS[user], ResourcePattern::topic(NAMES[topic]))]);
        }
        Step::DeleteAcls(user) => {
            let principal = Some(format!("User:{}", USERS[user]).into());
            harness.delete_acls(&[AclFilter { principal, ..AclFilter::ALL }]);
        }
        Step::AlterUser(name, mechanism, iterations) => {
            harness.alter_users(&[user(USERS[name], mechanism, iterations)]);
        }
        Step::Limit(name, key, limit) => {
            let _ = harness
                .limit(subject(&[("user", Some(USERS[name]))]), &[(LIMITS[key], limit.map(f64::from))]);
        }
        Step::Restart(clean) => {
            let left = harness.controller.deregister();
            harness.apply(left);
            harness.start(clean);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn replay_equals_live(steps in proptest::collection::vec(step(), 1..40)) {
        let mut harness = Harness::new();
        for step in steps {
            carry_out(&mut harness, step);
        }
        let mut replayed = fresh(&harness.controller.config);
        for (offset, value) in (0..).zip(&harness.log) {
            replayed.replay(MetadataRecord::decode(value.clone()).unwrap(), offset).unwrap();
        }
        prop_assert_eq!(&replayed.replay, &harness.controller.replay);

        let image = replayed.image();
        for topic in image.topics() {
            prop_assert_eq!(image.topic_by_id(topic.id), Some(topic));
            prop_assert!(topic.partitions.iter().all(|partition| partition.leader == NodeId(1)));
        }
        prop_assert_eq!(image.topics().len(), image.topic_names.len());

        let mut from_snapshot = fresh(&harness.controller.config);
        for value in image.to_records() {
            from_snapshot.replay(MetadataRecord::decode(value).unwrap(), image.last_offset()).unwrap();
        }
        prop_assert_eq!(from_snapshot.image(), image);
    }
}
