//! Groups at rest: members join, then heartbeat, poll a topic that is empty, and commit once a second each.
//!
//! Each member has a client of its own, as if it were a process of its own. Only Kestrel's are here; franz-go does the same
//! in `bench/peers/go/groups.go`. Whoever reads the output hears on a line of its own when all members have their
//! partitions, and when the window is over, and looks at the broker then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kestrel_client::{
    AssignedPartitions, AutoOffsetReset, Client, CommitPolicy, Consumer, Error, OffsetAndMetadata,
    RebalanceListener, RevokedPartitions, TopicPartition,
};
use kestrel_serde::Raw;
use serde_json::json;
use tokio::sync::{Barrier, Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::work::{Failure, create_topic};
use crate::args::Groups;
use crate::meter::{self, Meter};
use crate::report::{Latencies, Report, print_line};

/// How often each member commits.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How many members may be on their way into their groups: Apache Kafka lets 50 connections wait to be accepted, and drops more.
const JOINING_AT_ONCE: usize = 50;
/// How long all members together may take to join; and how long one may take to leave.
const JOIN_PATIENCE: Duration = Duration::from_secs(180);
const LEAVE_PATIENCE: Duration = Duration::from_secs(30);

type Values = Consumer<bytes::Bytes, bytes::Bytes>;
type Members = JoinSet<Result<Commits, Failure>>;

/// Starts all members, waits until each has its share, and lets them live for a while.
pub(super) async fn groups(work: &Groups) -> Result<Report, Failure> {
    create_topic(&work.common)?;
    let count = work.groups * work.members;
    let shares = Arc::new(Shares::new(work));
    let over = Arc::new(Barrier::new(count + 1));
    let (window, opened) = watch::channel(None);
    let doors = Arc::new(Semaphore::new(JOINING_AT_ONCE));
    let starting = Meter::start();
    let mut members = Members::new();
    for index in 0..count {
        let member = Member {
            index,
            work: work.clone(),
            shares: Arc::clone(&shares),
            doors: Arc::clone(&doors),
            window: opened.clone(),
            over: Arc::clone(&over),
        };
        members.spawn(member.live());
    }
    let joined = unless_one_ends(&mut members, timeout(JOIN_PATIENCE, shares.all_held())).await?;
    joined.map_err(|_| Failure(format!("{} of {count} members got their partitions", shares.held())))?;
    let start = starting.cost();
    print_line(&json!({ "mark": "joined" }));
    let meter = Meter::start();
    window.send_replace(Some(meter::now()));
    unless_one_ends(&mut members, over.wait()).await?;
    let cost = meter.cost();
    print_line(&json!({ "mark": "over" }));
    over.wait().await;
    let (mut latencies, mut acked, mut errors) = (Latencies::default(), 0, 0);
    while let Some(ended) = members.join_next().await {
        let commits = ended.map_err(|e| Failure(e.to_string()))??;
        acked += commits.latencies.len() as u64;
        errors += commits.failed;
        commits.latencies.into_iter().for_each(|latency| latencies.record(latency));
    }
    Ok(Report {
        client: work.common.client.name(),
        work: "groups",
        records: acked + errors,
        bytes: 0,
        acked,
        errors,
        cost,
        start: Some(start),
        latencies: Some(latencies),
    })
}

/// What `answer` gives, unless a member ends before: it was not told to.
async fn unless_one_ends<T>(members: &mut Members, answer: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::select! {
        answer = answer => Ok(answer),
        Some(ended) = members.join_next() => {
            ended.map_err(|e| Failure(e.to_string()))??;
            Err(Failure("a member ended too early".to_owned()))
        }
    }
}

/// What a member found in the window.
#[derive(Debug, Default)]
struct Commits {
    /// From each request to its answer: a commit is asked for once a second, and a timer may be late.
    latencies: Vec<Duration>,
    failed: u64,
}

/// One member of one group.
struct Member {
    index: usize,
    work: Groups,
    shares: Arc<Shares>,
    doors: Arc<Semaphore>,
    /// When the window began, once it has.
    window: watch::Receiver<Option<Instant>>,
    over: Arc<Barrier>,
}

impl Member {
    async fn live(mut self) -> Result<Commits, Failure> {
        let door = Arc::clone(&self.doors).acquire_owned().await?;
        let mut consumer = self.join(door).await?;
        let began = loop {
            if let Some(began) = *self.window.borrow_and_update() {
                break began;
            }
            tokio::select! {
                read = poll(&mut consumer) => read?,
                changed = self.window.changed() => changed?,
            }
        };
        let commits = self.commit_in_turn(&mut consumer, began).await?;
        self.over.wait().await;
        // Nobody leaves before the broker was looked at.
        self.over.wait().await;
        consumer.close_within(LEAVE_PATIENCE).await?;
        Ok(commits)
    }

    async fn join(&self, door: OwnedSemaphorePermit) -> Result<Values, Error> {
        let Groups { common, members, .. } = &self.work;
        let client = Client::builder(common.bootstrap.as_str()).client_id("kestrel-bench").connect().await?;
        client
            .consumer(format!("{}-{}-{}", common.topic, std::process::id(), self.index / members))
            .topics([common.topic.as_str()])
            .key(Raw)
            .value(Raw)
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .commit_policy(CommitPolicy::Manual)
            .rebalance_listener(Share {
                index: self.index,
                shares: Arc::clone(&self.shares),
                door: Mutex::new(Some(door)),
            })
            .build()
            .await
    }

    /// Commits at the member's own moment of each interval, whatever became of the commit before.
    async fn commit_in_turn(&self, consumer: &mut Values, began: Instant) -> Result<Commits, Failure> {
        let mut commits = Commits::default();
        let count = self.work.groups * self.work.members;
        let own = COMMIT_INTERVAL.mul_f64(f64_of(self.index) / f64_of(count));
        for round in 0..self.work.seconds {
            let due = began + own + Duration::from_secs(round);
            poll_until(consumer, due).await?;
            let offsets: Vec<(TopicPartition, OffsetAndMetadata)> =
                consumer.assignment().into_iter().map(|partition| (partition, 0.into())).collect();
            let asked = meter::now();
            match consumer.commit_offsets(offsets).await {
                Ok(()) => commits.latencies.push(asked.elapsed()),
                Err(_) => commits.failed += 1,
            }
        }
        poll_until(consumer, began + Duration::from_secs(self.work.seconds)).await?;
        Ok(commits)
    }
}

async fn poll_until(consumer: &mut Values, until: Instant) -> Result<(), Failure> {
    loop {
        tokio::select! {
            () = sleep_until(until.into()) => return Ok(()),
            read = poll(consumer) => read?,
        }
    }
}

async fn poll(consumer: &mut Values) -> Result<(), Failure> {
    match consumer.next_batch().await? {
        Some(_) => Ok(()),
        None => Err(Failure("the consumer is not in a group".to_owned())),
    }
}

/// How many partitions each member has.
struct Shares {
    /// What each member of a group has when all have joined.
    whole: usize,
    held: Mutex<Vec<usize>>,
    changed: Notify,
}

impl Shares {
    fn new(work: &Groups) -> Self {
        let partitions = usize::try_from(work.common.partitions).unwrap_or_default();
        Self {
            whole: partitions / work.members,
            held: Mutex::new(vec![0; work.groups * work.members]),
            changed: Notify::new(),
        }
    }

    fn change(&self, index: usize, change: impl FnOnce(usize) -> usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held[index] = change(held[index]);
        drop(held);
        self.changed.notify_one();
    }

    /// How many members have exactly their share.
    fn held(&self) -> usize {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().filter(|held| **held == self.whole).count()
    }

    async fn all_held(&self) {
        let count = self.held.lock().unwrap_or_else(PoisonError::into_inner).len();
        while self.held() < count {
            self.changed.notified().await;
        }
    }
}

/// Counts the partitions of one member.
struct Share {
    index: usize,
    shares: Arc<Shares>,
    /// Held until the member is in its group.
    door: Mutex<Option<OwnedSemaphorePermit>>,
}

#[async_trait]
impl RebalanceListener for Share {
    async fn assigned(&self, assigned: &mut AssignedPartitions) {
        self.shares.change(self.index, |held| held + assigned.partitions().len());
        self.door.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    async fn revoked(&self, revoked: &RevokedPartitions) {
        self.shares.change(self.index, |held| held - revoked.partitions().len());
    }

    async fn lost(&self, partitions: &[TopicPartition]) {
        self.shares.change(self.index, |held| held - partitions.len());
    }
}

#[expect(clippy::cast_precision_loss, reason = "members are few")]
fn f64_of(count: usize) -> f64 {
    count as f64
}
