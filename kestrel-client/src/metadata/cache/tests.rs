//! The cache by scripts with a hand-held clock.

use super::*;

const MAX_AGE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(2);

struct Rig {
    cache: MetadataCache,
    now: Instant,
}

impl Rig {
    /// A cache that has had its first answer: two brokers, no topics.
    fn new() -> Self {
        let backoff = ExponentialBackoff::new(Duration::from_millis(100), Duration::from_secs(1), 1);
        let mut rig = Self { cache: MetadataCache::new(MAX_AGE, backoff), now: crate::environment::now() };
        assert_eq!(rig.asked().as_deref(), Some("-"));
        rig.answer(&[]);
        rig
    }

    fn want(&mut self, topic: &str, wanted: Wanted) {
        self.cache.handle_used(&topic.into(), wanted);
    }

    fn release(&mut self, topic: &str, wanted: Wanted) {
        self.cache.handle_released(&topic.into(), wanted);
    }

    /// The topics that are asked for now; a `+` means that they may be created.
    fn asked(&mut self) -> Option<String> {
        let request = self.cache.poll_request(self.now)?;
        let names = request.topics.expect("all topics are never asked for");
        let mut names: Vec<_> = names.into_iter().filter_map(|topic| topic.name).map(String::from).collect();
        names.sort();
        let names = if names.is_empty() { "-".into() } else { names.join(",") };
        let suffix = if request.allow_auto_topic_creation && names != "-" { "+" } else { "" };
        Some(format!("{names}{suffix}"))
    }

    fn answer(&mut self, topics: &[MetadataResponseTopic]) {
        let broker = |id: i32| kestrel_protocol::messages::metadata::MetadataResponseBroker {
            node_id: NodeId(id),
            host: "host".into(),
            port: 9092 + id,
            rack: None,
        };
        let response = MetadataResponse {
            brokers: vec![broker(1), broker(2)],
            controller_id: NodeId(1),
            topics: topics.to_vec(),
            ..MetadataResponse::default()
        };
        self.cache.handle_response(response, self.now);
    }

    fn leader(&self, topic: &str) -> Option<(i32, i32)> {
        self.cache.snapshot().leader(topic, 0).map(|(node, epoch)| (node.0, epoch.0))
    }
}

fn topic(name: &str, id: u128, leader: i32, leader_epoch: i32) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(name.into()),
        topic_id: kestrel_protocol::TopicId::from_u128(id),
        partitions: vec![MetadataResponsePartition {
            leader_id: NodeId(leader),
            leader_epoch: LeaderEpoch(leader_epoch),
            ..MetadataResponsePartition::default()
        }],
        ..MetadataResponseTopic::default()
    }
}

fn failed(name: &str, error_code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic { error_code, name: Some(name.into()), ..MetadataResponseTopic::default() }
}

#[test]
fn a_new_topic_is_asked_for_at_once_and_alone() {
    let mut rig = Rig::new();
    rig.want("old", Wanted::IfExists);
    assert_eq!(rig.asked().as_deref(), Some("old"));
    rig.answer(&[topic("old", 1, 1, 0)]);
    rig.want("old", Wanted::IfExists);
    assert_eq!(rig.asked(), None);
    rig.want("new", Wanted::IfExists);
    assert_eq!(rig.asked().as_deref(), Some("new"));
    assert_eq!(rig.asked(), None, "one request at a time");
    rig.answer(&[topic("new", 2, 2, 0)]);
    assert_eq!((rig.leader("old"), rig.leader("new")), (Some((1, 0)), Some((2, 0))));
}

#[test]
fn the_permission_to_create_is_for_topics_that_may_be_created() {
    let mut rig = Rig::new();
    rig.want("made", Wanted::Created);
    rig.want("found", Wanted::IfExists);
    assert_eq!(rig.asked().as_deref(), Some("found"));
    rig.answer(&[failed("found", ErrorCode::UnknownTopicOrPartition)]);
    assert_eq!(rig.asked().as_deref(), Some("made+"));
    rig.answer(&[topic("made", 1, 1, 0)]);
    assert_eq!(rig.cache.snapshot().error("found"), Some(ErrorCode::UnknownTopicOrPartition));
}

#[test]
fn a_topic_that_nobody_uses_any_more_is_not_asked_for() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::IfExists);
    rig.want("a", Wanted::IfExists);
    rig.asked();
    rig.answer(&[topic("a", 1, 1, 0)]);
    rig.release("a", Wanted::IfExists);
    rig.now += MAX_AGE;
    assert_eq!(rig.asked().as_deref(), Some("a"), "the other one uses it");
    rig.answer(&[topic("a", 1, 1, 0)]);
    let version = rig.cache.snapshot().version;
    rig.release("a", Wanted::IfExists);
    assert!(rig.cache.snapshot().topic("a").is_none() && rig.cache.snapshot().version > version);
    rig.now += MAX_AGE;
    assert_eq!(rig.asked().as_deref(), Some("-"));
    rig.answer(&[topic("a", 1, 1, 0)]);
    assert!(rig.cache.snapshot().topic("a").is_none(), "an answer that was not asked for");
    rig.want("a", Wanted::IfExists);
    assert_eq!(rig.asked().as_deref(), Some("a"), "who comes anew asks anew");
}

#[test]
fn a_topic_is_created_for_those_who_wait_for_it_and_only_as_long() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::Created);
    rig.want("a", Wanted::IfExists);
    assert_eq!(rig.asked().as_deref(), Some("a+"));
    rig.answer(&[topic("a", 1, 1, 0)]);
    rig.release("a", Wanted::Created);
    rig.now += MAX_AGE;
    assert_eq!(rig.asked().as_deref(), Some("a"));
    rig.answer(&[failed("a", ErrorCode::UnknownTopicOrPartition)]);
    for _ in 0..3 {
        rig.now += PAUSE;
        assert_eq!(rig.asked().as_deref(), Some("a"), "deleted by someone: it does not come back");
        rig.answer(&[failed("a", ErrorCode::UnknownTopicOrPartition)]);
    }
}

#[test]
fn a_call_that_gave_up_leaves_no_request_behind() {
    let mut rig = Rig::new();
    rig.want("typo", Wanted::Created);
    assert_eq!(rig.asked().as_deref(), Some("typo+"));
    rig.answer(&[failed("typo", ErrorCode::UnknownTopicOrPartition)]);
    rig.now += PAUSE;
    assert!(rig.asked().is_some());
    rig.release("typo", Wanted::Created);
    rig.answer(&[failed("typo", ErrorCode::UnknownTopicOrPartition)]);
    rig.now += PAUSE;
    assert_eq!(rig.asked(), None);
    assert_eq!(rig.cache.snapshot().error("typo"), None);
    assert_eq!(rig.cache.next_deadline(rig.now), Some(rig.now - PAUSE + MAX_AGE));
}

#[test]
fn everything_is_asked_for_again_when_it_is_old_or_wrong() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::IfExists);
    rig.asked();
    rig.answer(&[topic("a", 1, 1, 0)]);
    assert_eq!(rig.cache.next_deadline(rig.now), Some(rig.now + MAX_AGE));
    rig.cache.handle_refresh_request();
    assert_eq!(rig.asked(), None, "there was an answer just now");
    rig.now += PAUSE;
    assert_eq!(rig.asked().as_deref(), Some("a"));
    rig.answer(&[topic("a", 1, 1, 0)]);
    rig.now += MAX_AGE;
    assert_eq!(rig.asked().as_deref(), Some("a"), "a topic in use stays however long it is not asked for");
}

#[test]
fn a_leader_epoch_never_goes_back() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::IfExists);
    for (answered, expected) in
        [((1, 5), (1, 5)), ((2, 4), (1, 5)), ((2, 6), (2, 6)), ((1, 6), (1, 6)), ((2, -1), (2, -1))]
    {
        rig.answer(&[topic("a", 1, answered.0, answered.1)]);
        assert_eq!(rig.leader("a"), Some(expected), "after {answered:?}");
    }
}

#[test]
fn a_topic_that_was_made_anew_starts_from_its_own_epochs() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::IfExists);
    rig.answer(&[topic("a", 1, 1, 9)]);
    rig.answer(&[topic("a", 2, 2, 0)]);
    assert_eq!(rig.leader("a"), Some((2, 0)));
    assert_eq!(rig.cache.snapshot().topic("a").unwrap().id, kestrel_protocol::TopicId::from_u128(2));
}

#[test]
fn what_is_not_settled_is_asked_for_again_with_a_backoff() {
    for unsettled in [
        topic("a", 1, -1, 0),
        failed("a", ErrorCode::LeaderNotAvailable),
        failed("a", ErrorCode::UnknownTopicOrPartition),
    ] {
        let mut rig = Rig::new();
        rig.want("a", Wanted::Created);
        assert_eq!(rig.asked().as_deref(), Some("a+"));
        rig.answer(&[unsettled]);
        assert_eq!(rig.asked(), None);
        rig.now += PAUSE;
        assert!(rig.asked().is_some());
        rig.answer(&[topic("a", 1, 1, 0)]);
        rig.now += PAUSE;
        assert_eq!(rig.asked(), None, "now it is settled");
    }
}

#[test]
fn a_missing_topic_is_asked_for_again_beside_those_that_are_there() {
    let mut rig = Rig::new();
    rig.want("there", Wanted::IfExists);
    rig.asked();
    rig.answer(&[topic("there", 1, 1, 0)]);
    rig.want("missing", Wanted::Created);
    for _ in 0..3 {
        assert_eq!(rig.asked().as_deref(), Some("missing+"));
        rig.answer(&[failed("missing", ErrorCode::UnknownTopicOrPartition)]);
        rig.now += PAUSE;
        assert_eq!(rig.asked().as_deref(), Some("there"));
        rig.answer(&[topic("there", 1, 1, 0)]);
    }
    assert_eq!(rig.asked().as_deref(), Some("missing+"));
}

#[test]
fn a_deleted_topic_is_gone_and_a_leaderless_one_is_not() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::IfExists);
    rig.answer(&[topic("a", 1, 1, 0)]);
    rig.answer(&[failed("a", ErrorCode::LeaderNotAvailable)]);
    assert_eq!(rig.leader("a"), Some((1, 0)));
    rig.answer(&[failed("a", ErrorCode::UnknownTopicOrPartition)]);
    assert_eq!(rig.leader("a"), None);
}

#[test]
fn failures_on_the_way_back_off_for_everything() {
    let mut rig = Rig::new();
    rig.now += PAUSE;
    rig.want("a", Wanted::IfExists);
    rig.asked();
    rig.cache.handle_failure(rig.now);
    rig.want("b", Wanted::IfExists);
    assert_eq!(rig.asked(), None);
    assert!(rig.cache.next_deadline(rig.now).unwrap() > rig.now);
    rig.now += PAUSE;
    assert_eq!(rig.asked().as_deref(), Some("a,b"));
}

#[test]
fn a_hint_is_taken_if_it_is_newer_and_the_broker_is_known() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::IfExists);
    rig.answer(&[topic("a", 1, 1, 5)]);
    let hint = |leader, epoch| LeaderHint {
        topic: "a".into(),
        partition: 0,
        leader: NodeId(leader),
        leader_epoch: LeaderEpoch(epoch),
    };
    assert!(!rig.cache.handle_hints([hint(2, 5)], []), "not newer");
    assert!(!rig.cache.handle_hints([hint(3, 6)], []), "no such broker");
    let version = rig.cache.snapshot().version;
    assert!(rig.cache.handle_hints([hint(3, 6)], [(NodeId(3), "new".into(), 9095, None)]));
    assert_eq!(rig.leader("a"), Some((3, 6)));
    assert!(rig.cache.snapshot().version > version);
    assert!(rig.cache.snapshot().brokers.contains_key(&NodeId(3)));
}

#[test]
fn damaged_partition_numbers_reserve_no_memory() {
    let mut rig = Rig::new();
    rig.want("a", Wanted::IfExists);
    let mut damaged = topic("a", 1, 1, 0);
    for index in [-1, i32::MAX, 999_999] {
        damaged.partitions[0].partition_index = index;
        rig.answer(std::slice::from_ref(&damaged));
        assert!(rig.cache.snapshot().topic("a").unwrap().partitions.len() <= 2);
    }
}
