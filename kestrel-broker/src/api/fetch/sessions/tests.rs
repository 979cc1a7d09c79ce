//! The session cache by scripts: epochs, changes, what is news, turns, and who gives way when there is no room.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::TopicId;
use kestrel_protocol::messages::fetch::{FetchPartition, FetchTopic, ForgottenTopic, PartitionData};
use proptest::prelude::*;

use super::cache::{SessionCache, SessionLimits};
use super::session::{FetchSession, next_epoch};
use super::*;

const LIMITS: SessionLimits = SessionLimits { sessions: 2, partitions: 10 };
const MINUTE: Duration = Duration::from_secs(60);

/// A cache, a hand-held clock, and the partitions of topic `t`: what each would be answered with now.
struct Rig {
    cache: SessionCache,
    now: Instant,
    logs: Vec<PartitionData>,
    next_random_id: i32,
}

fn data(partition_index: i32) -> PartitionData {
    PartitionData {
        partition_index,
        log_start_offset: 0,
        records: Some(Bytes::new().into()),
        ..Default::default()
    }
}

fn topic(partitions: &[(i32, i64)]) -> FetchTopic {
    let partitions = partitions.iter().map(|&(partition, fetch_offset)| FetchPartition {
        partition,
        fetch_offset,
        ..Default::default()
    });
    FetchTopic { topic: "t".into(), topic_id: TopicId::NIL, partitions: partitions.collect() }
}

fn request(session_id: i32, session_epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
    FetchRequest { session_id, session_epoch, topics: vec![topic(partitions)], ..Default::default() }
}

fn forgetting(request: FetchRequest, partitions: &[i32]) -> FetchRequest {
    let forgotten =
        ForgottenTopic { topic: "t".into(), partitions: partitions.to_vec(), ..Default::default() };
    FetchRequest { forgotten_topics_data: vec![forgotten], ..request }
}

/// A request for so many partitions that opens a session.
fn opening(partitions: i32) -> FetchRequest {
    request(0, 0, &(0..partitions).map(|partition| (partition, 0)).collect::<Vec<_>>())
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "some instant to begin with")]
    fn new() -> Self {
        let logs = (0..20).map(data).collect();
        Self { cache: SessionCache::new(LIMITS), now: Instant::now(), logs, next_random_id: 100 }
    }

    fn append(&mut self, partition: usize) {
        self.logs[partition].high_watermark += 1;
        self.logs[partition].records = Some(Bytes::from_static(b"records").into());
    }

    /// The partitions that are read, and the session's id with the partitions that are answered; or the error.
    fn fetch(&mut self, request: FetchRequest) -> Result<(Vec<i32>, i32, Vec<i32>), ErrorCode> {
        self.fetch_by(Naming::Names, request)
    }

    fn fetch_by(
        &mut self,
        naming: Naming,
        mut request: FetchRequest,
    ) -> Result<(Vec<i32>, i32, Vec<i32>), ErrorCode> {
        let (begun, asked) = self.cache.begin(&mut request, &Principal::ANONYMOUS, naming, self.now)?;
        let answers = asked.iter().map(|asked| Answered {
            topic: asked.topic.clone(),
            topic_id: asked.topic_id,
            data: self.logs[usize::try_from(asked.partition.partition).unwrap()].clone(),
            file: None,
        });
        let answers = answers.collect();
        self.next_random_id += 1;
        let (id, news) = self.cache.finish(begun, answers, self.now, self.next_random_id)?;
        let read = asked.iter().map(|asked| asked.partition.partition).collect();
        Ok((read, id, news.iter().map(|answered| answered.data.partition_index).collect()))
    }

    fn open(&mut self, partitions: i32) -> i32 {
        self.fetch(opening(partitions)).unwrap().1
    }

    fn is_open(&self, id: i32) -> bool {
        self.cache.has(id)
    }
}

#[test]
fn a_session_reads_all_and_answers_what_is_news() {
    let mut rig = Rig::new();
    assert_eq!(rig.fetch(opening(3)), Ok((vec![0, 1, 2], 101, vec![0, 1, 2])));
    assert_eq!(rig.fetch(request(101, 1, &[])), Ok((vec![0, 1, 2], 101, vec![])));
    rig.append(1);
    assert_eq!(rig.fetch(request(101, 2, &[])), Ok((vec![0, 1, 2], 101, vec![1])));
    // What was read is no longer asked for: the watermark is known, and there are no records.
    rig.logs[1].records = Some(Bytes::new().into());
    assert_eq!(rig.fetch(request(101, 3, &[(1, 1)])), Ok((vec![0, 2, 1], 101, vec![])));
    rig.logs[2].log_start_offset = 1;
    rig.logs[0].diverging_epoch.end_offset = 4;
    assert_eq!(rig.fetch(request(101, 4, &[])), Ok((vec![0, 2, 1], 101, vec![0, 2])));
    assert_eq!(rig.fetch(request(101, 5, &[])), Ok((vec![0, 2, 1], 101, vec![0])));
}

#[test]
fn an_error_is_told_each_time_and_its_end_too() {
    let mut rig = Rig::new();
    rig.open(2);
    rig.logs[1].error_code = ErrorCode::KafkaStorageError;
    assert_eq!(rig.fetch(request(101, 1, &[])), Ok((vec![0, 1], 101, vec![1])));
    assert_eq!(rig.fetch(request(101, 2, &[])), Ok((vec![0, 1], 101, vec![1])));
    rig.logs[1].error_code = ErrorCode::None;
    assert_eq!(rig.fetch(request(101, 3, &[])), Ok((vec![0, 1], 101, vec![1])));
    assert_eq!(rig.fetch(request(101, 4, &[])), Ok((vec![0, 1], 101, vec![])));
}

#[test]
fn partitions_come_go_and_change() {
    let mut rig = Rig::new();
    rig.open(2);
    assert_eq!(rig.fetch(request(101, 1, &[(5, 0)])), Ok((vec![0, 1, 5], 101, vec![5])));
    assert_eq!(
        rig.fetch(forgetting(request(101, 2, &[(5, 9)]), &[0, 7])),
        Ok((vec![1, 5], 101, vec![])),
        "what was never there may be forgotten"
    );
    let mut session = FetchSession::new(Principal::ANONYMOUS, Naming::Names, rig.now);
    session.update(vec![topic(&[(3, 7), (4, 7), (3, 8)])], &[]);
    let offsets: Vec<_> = session.asked().iter().map(|asked| asked.partition.fetch_offset).collect();
    assert_eq!(offsets, [8, 7], "what is said last counts");
}

#[test]
fn with_topic_ids_the_id_tells_topics_apart() {
    let mut rig = Rig::new();
    let of = |id, epoch, topic_id| {
        let mut request = request(id, epoch, &[(0, 0)]);
        request.topics[0].topic = ByteString::default();
        request.topics[0].topic_id = TopicId::from_u128(topic_id);
        request
    };
    assert_eq!(rig.fetch_by(Naming::Ids, of(0, 0, 1)), Ok((vec![0], 101, vec![0])));
    // The topic was deleted and is there again: another id.
    let mut request = of(101, 1, 2);
    request.forgotten_topics_data =
        vec![ForgottenTopic { topic_id: TopicId::from_u128(1), partitions: vec![0], ..Default::default() }];
    assert_eq!(rig.fetch_by(Naming::Ids, request), Ok((vec![0], 101, vec![0])));
    assert_eq!(rig.fetch_by(Naming::Ids, of(101, 2, 2)), Ok((vec![0], 101, vec![])));
    assert_eq!(rig.fetch_by(Naming::Names, of(101, 3, 2)), Err(ErrorCode::FetchSessionTopicIdError));
    assert_eq!(rig.fetch_by(Naming::Ids, of(101, 3, 2)), Ok((vec![0], 101, vec![])));
}

#[test]
fn epochs_are_in_order_and_wrap_to_one() {
    let mut rig = Rig::new();
    rig.open(1);
    for epoch in [2, -2, i32::MAX] {
        assert_eq!(rig.fetch(request(101, epoch, &[])), Err(ErrorCode::InvalidFetchSessionEpoch));
    }
    assert_eq!(rig.fetch(request(101, 1, &[])), Ok((vec![0], 101, vec![])));
    assert_eq!(rig.fetch(request(101, 1, &[])), Err(ErrorCode::InvalidFetchSessionEpoch));
    assert_eq!(rig.fetch(request(7, 1, &[])), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!((next_epoch(1), next_epoch(i32::MAX)), (2, 1));
}

#[test]
fn full_requests_close_the_session_that_they_name() {
    let mut rig = Rig::new();
    rig.open(1);
    assert_eq!(rig.fetch(request(101, 0, &[(4, 0)])), Ok((vec![4], 102, vec![4])));
    assert!(!rig.is_open(101));
    assert_eq!(rig.fetch(request(102, -1, &[(4, 0)])), Ok((vec![4], 0, vec![4])));
    assert!(!rig.is_open(102));
    assert_eq!(rig.fetch(request(0, -1, &[(4, 0), (4, 0)])), Ok((vec![4, 4], 0, vec![4, 4])));
}

#[test]
fn a_session_without_partitions_is_none() {
    let mut rig = Rig::new();
    assert_eq!(rig.fetch(opening(0)), Ok((vec![], 0, vec![])));
    let id = rig.open(1);
    assert_eq!(rig.fetch(forgetting(request(id, 1, &[]), &[0])), Ok((vec![], 0, vec![])));
    assert!(!rig.is_open(id));
    assert_eq!(rig.cache.partitions(), 0);
}

#[test]
fn a_session_that_went_on_meanwhile_is_not_told_twice() {
    let mut rig = Rig::new();
    rig.open(1);
    let (begun, _) =
        rig.cache.begin(&mut request(101, 1, &[]), &Principal::ANONYMOUS, Naming::Names, rig.now).unwrap();
    assert_eq!(rig.fetch(request(101, 2, &[])), Ok((vec![0], 101, vec![])));
    assert_eq!(rig.cache.finish(begun, vec![], rig.now, 0).err(), Some(ErrorCode::InvalidFetchSessionEpoch));
}

#[test]
fn whoever_has_records_goes_to_the_end_so_that_nobody_starves() {
    let mut rig = Rig::new();
    rig.open(3);
    rig.append(0);
    rig.append(1);
    let mut orders = Vec::new();
    for epoch in 1..4 {
        // The answer has room for one partition's records.
        let (begun, asked) = rig
            .cache
            .begin(&mut request(101, epoch, &[]), &Principal::ANONYMOUS, Naming::Names, rig.now)
            .unwrap();
        let mut room = 1;
        let answers = asked.iter().map(|asked| {
            let mut data = rig.logs[usize::try_from(asked.partition.partition).unwrap()].clone();
            let has_records = data.records.as_ref().is_some_and(|records| !records.is_empty());
            room -= i32::from(has_records);
            data.records = data.records.filter(|_| room >= 0);
            Answered { topic: asked.topic.clone(), topic_id: asked.topic_id, data, file: None }
        });
        let answers = answers.collect();
        rig.cache.finish(begun, answers, rig.now, 0).unwrap();
        orders.push(asked.iter().map(|asked| asked.partition.partition).collect::<Vec<_>>());
    }
    assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
}

#[test]
fn an_idle_session_gives_way_after_two_minutes() {
    let mut rig = Rig::new();
    let (first, second) = (rig.open(3), rig.open(2));
    assert_eq!(rig.open(1), 0, "both are young");
    rig.now += MINUTE;
    rig.fetch(request(first, 1, &[])).unwrap();
    rig.now += 2 * MINUTE;
    let third = rig.open(1);
    assert!(rig.is_open(first) && rig.is_open(third) && !rig.is_open(second));
}

#[test]
fn an_old_session_gives_way_to_a_larger_one() {
    let mut rig = Rig::new();
    let (first, second) = (rig.open(3), rig.open(2));
    for epoch in 1..4 {
        rig.now += MINUTE;
        rig.fetch(request(first, epoch, &[])).unwrap();
        rig.fetch(request(second, epoch, &[])).unwrap();
    }
    assert_eq!(rig.open(2), 0, "not larger than the smallest");
    let third = rig.open(4);
    assert!(rig.is_open(first) && rig.is_open(third) && !rig.is_open(second));
    assert_eq!(rig.open(9), 0, "the third is young, and together with it these would be too many partitions");
}

#[test]
fn partitions_are_counted() {
    let mut rig = Rig::new();
    let first = rig.open(6);
    assert_eq!(rig.open(5), 0, "6 + 5 are more than 10");
    let second = rig.open(4);
    assert_eq!(rig.cache.partitions(), 10);
    assert_eq!(rig.fetch(request(second, 1, &[(9, 0)])), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(rig.cache.partitions(), 6);
    let named = FetchTopic { topic: "x".repeat(250).into(), ..topic(&[(0, 0)]) };
    let long = |id, epoch| FetchRequest { topics: vec![named.clone()], ..request(id, epoch, &[]) };
    assert_eq!(rig.fetch(long(0, 0)), Ok((vec![0], 0, vec![0])));
    assert_eq!(rig.fetch(long(first, 1)), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(rig.cache.partitions(), 0);
}

#[test]
fn a_session_is_its_owners_alone() {
    let mut rig = Rig::new();
    rig.open(1);
    let mallory = Principal::user("mallory");
    let now = rig.now;
    for epoch in [1, 2, 77] {
        let stolen = rig.cache.begin(&mut request(101, epoch, &[]), &mallory, Naming::Names, now);
        assert_eq!(stolen.err(), Some(ErrorCode::FetchSessionIdNotFound));
    }
    for epoch in [-1, 0] {
        rig.cache.begin(&mut request(101, epoch, &[]), &mallory, Naming::Names, now).unwrap();
        assert!(rig.cache.has(101), "nor is it closed by somebody else");
    }
    assert_eq!(rig.fetch(request(101, 1, &[])), Ok((vec![0], 101, vec![])));
}

#[test]
fn no_slots_are_no_sessions() {
    let mut cache = SessionCache::new(SessionLimits { sessions: 0, partitions: 10 });
    let now = Rig::new().now;
    let (begun, _) = cache.begin(&mut opening(1), &Principal::ANONYMOUS, Naming::Names, now).unwrap();
    assert_eq!(cache.finish(begun, vec![], now, 7).unwrap().0, 0);
}

#[test]
fn an_id_is_positive_and_not_in_use() {
    let mut rig = Rig::new();
    rig.next_random_id = -1;
    assert_eq!(rig.open(1), 1, "0 is no session");
    rig.next_random_id = 0;
    assert_eq!(rig.open(1), 2, "1 is taken");
}

#[test]
fn what_is_kept_does_not_keep_the_request() {
    let frame = ByteString::from("a topic's name somewhere in a request");
    let name = frame.slice_ref(&frame[2..7]);
    let mut session = FetchSession::new(Principal::ANONYMOUS, Naming::Names, Rig::new().now);
    session.update(vec![FetchTopic { topic: name.clone(), ..topic(&[(0, 0)]) }], &[]);
    let kept = &session.asked()[0];
    assert_eq!(kept.topic, name);
    assert_ne!(kept.topic.as_ptr(), name.as_ptr());
}

/// What can happen between two requests of a client, or with one.
#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    DeleteRecords(usize),
    Fail(usize),
    Heal(usize),
    Ask(i32),
    Forget(i32),
    Fetch,
}

fn step() -> impl Strategy<Value = Step> {
    let partition = 0..PARTITIONS;
    prop_oneof![
        3 => partition.clone().prop_map(Step::Append),
        1 => partition.clone().prop_map(Step::DeleteRecords),
        1 => partition.clone().prop_map(Step::Fail),
        1 => partition.prop_map(Step::Heal),
        2 => (0..4).prop_map(Step::Ask),
        1 => (0..4).prop_map(Step::Forget),
        5 => Just(Step::Fetch),
    ]
}

const PARTITIONS: usize = 4;

/// What a client knows of a partition: its error, and without one its watermarks.
fn known(data: &PartitionData) -> Result<(i64, i64), ErrorCode> {
    match data.error_code {
        ErrorCode::None => Ok((data.high_watermark, data.log_start_offset)),
        error => Err(error),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_client_of_a_session_knows_as_much_as_one_without(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut rig = Rig::new();
        let (mut id, mut epoch) = (0, 0);
        let (mut wanted, mut told) = (BTreeSet::from([0]), BTreeSet::new());
        let mut knowledge = HashMap::new();
        for step in steps.into_iter().chain([Step::Fetch]) {
            match step {
                Step::Append(partition) => rig.logs[partition].high_watermark += 1,
                Step::DeleteRecords(partition) => rig.logs[partition].log_start_offset += 1,
                Step::Fail(partition) => rig.logs[partition].error_code = ErrorCode::KafkaStorageError,
                Step::Heal(partition) => rig.logs[partition].error_code = ErrorCode::None,
                Step::Ask(partition) => drop(wanted.insert(partition)),
                Step::Forget(partition) => drop(wanted.remove(&partition)),
                Step::Fetch => {
                    let added: Vec<_> = wanted.difference(&told).map(|&partition| (partition, 0)).collect();
                    let gone: Vec<_> = told.difference(&wanted).copied().collect();
                    let asked = forgetting(request(id, epoch, &added), &gone);
                    let (begun, read) = rig.cache.begin(&mut asked.clone(), &Principal::ANONYMOUS, Naming::Names, rig.now).unwrap();
                    let answers = read.iter().map(|asked| Answered {
                        topic: asked.topic.clone(),
                        topic_id: asked.topic_id,
                        data: rig.logs[usize::try_from(asked.partition.partition).unwrap()].clone(), file: None,
                    });
                    let answers = answers.collect();
                    let (session, news) = rig.cache.finish(begun, answers, rig.now, 7).unwrap();
                    for answered in news {
                        knowledge.insert(answered.data.partition_index, known(&answered.data));
                    }
                    for &partition in &wanted {
                        let now = known(&rig.logs[usize::try_from(partition).unwrap()]);
                        prop_assert_eq!(knowledge.get(&partition), Some(&now));
                    }
                    (id, epoch) = if session == 0 { (0, 0) } else { (session, next_epoch(epoch)) };
                    told = if session == 0 { BTreeSet::new() } else { wanted.clone() };
                    prop_assert_eq!(rig.cache.partitions(), told.len());
                }
            }
        }
    }
}
