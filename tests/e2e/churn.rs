//! Churn: members come, leave and are killed while a producer writes, by a script that a seed decides, under every assignor.
//!
//! Every record is worked on at least once and in order, no partition has two owners, committed offsets never go back, and in
//! the end they are where the partitions end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use kestrel_client::admin::NewTopic;
use kestrel_client::assignor::{Assignor, CooperativeSticky, Range, RoundRobin, Sticky};
use kestrel_client::{
    AssignedPartitions, AutoOffsetReset, Client, CommitPolicy, Consumer, RebalanceListener, Record,
    RevokedPartitions, TopicPartition,
};
use kestrel_tests::{Dice, TestBroker, unique};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PARTITIONS: i32 = 12;
const SEEDS: [u64; 3] = [1, 2, 3];
/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a member that has vanished is waited for: the least that Apache Kafka allows.
const SESSION: Duration = Duration::from_secs(6);
/// How often the producer writes to every partition, and the committed offsets are looked at.
const PACE: Duration = Duration::from_millis(20);
/// How many records are worked on before the script goes on, when it waits at all.
const PROGRESS: usize = 200;

/// What happens next to the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Join,
    Leave,
    Kill,
}

/// What the members of a group have worked on, and what they have heard of their assignments.
#[derive(Debug, Default)]
struct Ledger {
    /// How often each record was worked on, by partition and offset.
    seen: BTreeMap<(i32, i64), u32>,
    /// Who owns a partition: a member that vanished owns until another one is told.
    owners: BTreeMap<i32, usize>,
    vanished: BTreeSet<usize>,
    /// The last record that the owner of a partition has read.
    heads: BTreeMap<i32, i64>,
    violations: Vec<String>,
}

/// Notes in a ledger what a member gains and loses.
struct Noted {
    member: usize,
    ledger: Arc<Mutex<Ledger>>,
}

#[async_trait::async_trait]
impl RebalanceListener for Noted {
    async fn assigned(&self, assigned: &mut AssignedPartitions) {
        let mut ledger = self.ledger.lock().unwrap();
        for partition in assigned.partitions() {
            ledger.heads.remove(&partition.partition);
            let owner = ledger.owners.insert(partition.partition, self.member);
            if let Some(owner) = owner.filter(|owner| !ledger.vanished.contains(owner)) {
                let text = format!("{partition} goes to {} while {owner} has it", self.member);
                ledger.violations.push(text);
            }
        }
    }

    async fn revoked(&self, revoked: &RevokedPartitions) {
        let mut ledger = self.ledger.lock().unwrap();
        for partition in revoked.partitions() {
            ledger.owners.remove(&partition.partition);
        }
    }

    async fn lost(&self, partitions: &[TopicPartition]) {
        let mut ledger = self.ledger.lock().unwrap();
        for partition in partitions {
            if ledger.owners.get(&partition.partition) == Some(&self.member) {
                ledger.owners.remove(&partition.partition);
            }
        }
    }
}

impl Ledger {
    /// A member has a record to work on: its partition has to be the member's, and the record the next one or a later one.
    fn work(&mut self, member: usize, partition: i32, offset: i64) {
        if self.owners.get(&partition) != Some(&member) {
            self.violations
                .push(format!("{member} reads {offset} of partition {partition}, which it does not have"));
        }
        if self.heads.insert(partition, offset).is_some_and(|head| head >= offset) {
            self.violations.push(format!("{offset} comes again or late in partition {partition}"));
        }
        *self.seen.entry((partition, offset)).or_default() += 1;
    }
}

/// A group under way.
struct Churn {
    client: Client,
    topic: String,
    group: String,
    assignor: Arc<dyn Assignor>,
    ledger: Arc<Mutex<Ledger>>,
    /// The members that are there, and how each is told what becomes of it: to leave or to vanish.
    members: BTreeMap<usize, oneshot::Sender<Move>>,
    joined: usize,
    tasks: JoinSet<()>,
}

impl Churn {
    async fn join(&mut self) {
        let member = self.joined;
        self.joined += 1;
        let consumer = self
            .client
            .consumer::<Bytes, Bytes>(self.group.as_str())
            .topics([self.topic.as_str()])
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .heartbeat_interval(Duration::from_millis(200))
            .session_timeout(SESSION)
            .partition_assignment_strategy([self.assignor.clone()])
            .commit_policy(CommitPolicy::Interval(Duration::from_millis(100)))
            .rebalance_listener(Noted { member, ledger: self.ledger.clone() });
        let (end, ended) = oneshot::channel();
        self.tasks.spawn(work(consumer.build().await.unwrap(), member, self.ledger.clone(), ended));
        self.members.insert(member, end);
    }

    /// One of the members, whichever the dice say, leaves or is killed.
    fn end_one(&mut self, dice: &mut Dice, how: Move) {
        let member = *self.members.keys().nth(dice.roll(self.members.len())).unwrap();
        self.members.remove(&member).unwrap().send(how).unwrap();
    }

    /// Makes the moves in an order that the dice decide, now and then one during the rebalance of the one before.
    async fn play(&mut self, dice: &mut Dice, mut moves: Vec<Move>) {
        dice.shuffle(&mut moves);
        for next in moves {
            match next {
                Move::Join => self.join().await,
                Move::Leave | Move::Kill => self.end_one(dice, next),
            }
            if dice.roll(2) == 0 {
                let seen = self.seen();
                self.seen_at_least(seen + PROGRESS).await;
            }
        }
        let seen = self.seen();
        self.seen_at_least(seen + PROGRESS).await;
    }

    fn seen(&self) -> usize {
        self.ledger.lock().unwrap().seen.len()
    }

    async fn seen_at_least(&self, count: usize) {
        let reached = async {
            while self.seen() < count {
                tokio::time::sleep(PACE).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "{} of {count} records after {PATIENCE:?}", self.seen());
    }
}

/// Works until told what becomes of it.
async fn work(
    mut consumer: Consumer<Bytes, Bytes>,
    member: usize,
    ledger: Arc<Mutex<Ledger>>,
    mut end: oneshot::Receiver<Move>,
) {
    loop {
        let record = tokio::select! {
            record = consumer.next() => record.unwrap().unwrap(),
            how = &mut end => {
                if how == Ok(Move::Leave) {
                    consumer.close().await.unwrap();
                } else {
                    ledger.lock().unwrap().vanished.insert(member);
                }
                return;
            }
        };
        ledger.lock().unwrap().work(member, record.partition, record.offset);
    }
}

/// Writes to every partition until told to stop; gives how many records each one has.
async fn write(client: Client, topic: String, stop: CancellationToken) -> i64 {
    let producer = client.producer().build().await.unwrap();
    let mut written = 0;
    while !stop.is_cancelled() {
        for partition in 0..PARTITIONS {
            drop(producer.send(Record::to(topic.as_str()).partition(partition).value("v")).await.unwrap());
        }
        written += 1;
        tokio::time::sleep(PACE).await;
    }
    producer.flush().await.unwrap();
    written
}

/// Looks at the committed offsets until told to stop: none goes back. Gives the last ones.
async fn watch_commits(client: Client, group: String, stop: CancellationToken) -> BTreeMap<i32, i64> {
    let mut last = BTreeMap::new();
    loop {
        // In this order: the last look is after the stop.
        let stopping = stop.is_cancelled();
        let listed = client.admin().list_group_offsets([group.as_str()]).await.into_result().unwrap();
        for (partition, committed) in listed.into_iter().flat_map(|(_, offsets)| offsets) {
            let before = last.insert(partition.partition, committed.offset);
            assert!(
                before.is_none_or(|before| before <= committed.offset),
                "{partition}: {before:?}, {committed:?}"
            );
        }
        if stopping {
            return last;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Three members, then five, then two.
async fn churn(client: Client, assignor: Arc<dyn Assignor>, seed: u64) {
    let (topic, group) = (unique("churn"), unique("churn-group"));
    let new = NewTopic::new(topic.as_str()).partitions(PARTITIONS).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    let (writing, watching) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    let writer = tasks.spawn(write(client.clone(), topic.clone(), writing.clone()));
    let watcher = tasks.spawn(watch_commits(client.clone(), group.clone(), watching.clone()));
    let mut churn = Churn {
        client,
        topic,
        group,
        assignor,
        ledger: Arc::default(),
        members: BTreeMap::new(),
        joined: 0,
        tasks: JoinSet::new(),
    };
    let mut dice = Dice::new(seed);
    churn.play(&mut dice, vec![Move::Join; 3]).await;
    churn.play(&mut dice, vec![Move::Join, Move::Join, Move::Join, Move::Kill]).await;
    churn.play(&mut dice, vec![Move::Join, Move::Kill, Move::Kill, Move::Kill, Move::Leave]).await;
    assert_eq!(churn.members.len(), 2);
    writing.cancel();
    let written = writer.await.unwrap();
    churn.seen_at_least(usize::try_from(written).unwrap() * PARTITIONS as usize).await;
    for end in std::mem::take(&mut churn.members).into_values() {
        end.send(Move::Leave).unwrap();
    }
    while let Some(ended) = churn.tasks.join_next().await {
        ended.unwrap();
    }
    watching.cancel();
    let committed = watcher.await.unwrap();
    assert_eq!(committed, (0..PARTITIONS).map(|partition| (partition, written)).collect());
    assert_eq!(churn.ledger.lock().unwrap().violations, [] as [&str; 0]);
}

async fn churn_with_each_seed(assignor: impl Assignor + 'static) {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let assignor: Arc<dyn Assignor> = Arc::new(assignor);
    join_all(SEEDS.map(|seed| churn(client.clone(), assignor.clone(), seed))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_survive_it() {
    churn_with_each_seed(Range).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn round_robins_survive_it() {
    churn_with_each_seed(RoundRobin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sticky_assignments_survive_it() {
    churn_with_each_seed(Sticky).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cooperative_assignments_survive_it() {
    churn_with_each_seed(CooperativeSticky).await;
}
