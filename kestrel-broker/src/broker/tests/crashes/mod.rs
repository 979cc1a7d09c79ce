//! A broker is killed, or loses its power, at any step of a transaction: all of the transaction is there afterwards or nothing,
//! and readers of committed records go on.
//!
//! A transaction is carried out while the journal of its broker's disk is kept. What is on the disk before each write to a log is
//! then the folder of another broker: between two writes nothing happens that a crash could lose.

mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::log::tap::{Change, Initial, Recorder};
use crate::log::{Random, write_all, write_image};
use crate::testing::Peer;
use crate::{Broker, Durability};
use writer::{Protocol, Writer};

/// The topics that a transaction writes to.
const TOPICS: [&str; 2] = ["first", "second"];
const GROUP: &str = "readers";
const STATE: &str = "__transaction_state";

/// How transactions are written, and whether the second one is committed.
const LIVES: [(Protocol, bool); 4] =
    [(Protocol::First, true), (Protocol::Second, true), (Protocol::First, false), (Protocol::Second, false)];

/// A life of a broker in which one transaction was committed and another one ended.
struct Life {
    initial: Initial,
    changes: Vec<Change>,
    /// How many changes there were when the second transaction began.
    began: usize,
    /// How many when its end was asked for, and how many when the answer was there.
    asked: usize,
    answered: usize,
    commits: bool,
}

impl Life {
    async fn live(protocol: Protocol, commits: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(dir.path());
        let broker = start(dir.path()).await;
        let mut peer = Peer::of(&broker).await;
        for topic in TOPICS {
            peer.create_topic(topic).await;
        }
        peer.find_coordinator(GROUP).await;
        let mut writer = Writer::begin(peer, protocol).await;
        writer.write_all(1).await;
        writer.end(true).await;
        writer.ended().await;
        let began = recorder.len();
        writer.write_all(2).await;
        let asked = recorder.len();
        writer.end(commits).await;
        let answered = recorder.len();
        writer.ended().await;
        let (initial, changes) = recorder.history();
        Self { initial, changes, began, asked, answered, commits }
    }

    /// The writes to logs since the second transaction began: where each is in the journal, and in which folder.
    fn writes(&self) -> Vec<(usize, String)> {
        let files = self.initial.files.iter().map(|(path, (file, _))| (*file, path.clone()));
        let mut names: BTreeMap<_, PathBuf> = files.collect();
        let mut writes = Vec::new();
        for (place, change) in self.changes.iter().enumerate() {
            match change {
                Change::Create { path, file } => _ = names.insert(*file, path.clone()),
                Change::Write { file, .. } if place >= self.began => {
                    let path = names[file].display().to_string();
                    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
                    if name.ends_with(".log") && !folder.starts_with("__cluster_metadata") {
                        let (topic, _) = folder.rsplit_once('-').unwrap();
                        writes.push((place, topic.to_owned()));
                    }
                }
                _ => {}
            }
        }
        writes
    }

    /// Starts a broker on what is on the disk after this many changes, and looks whether it is one of the states that may be.
    async fn check(&self, cut: usize, dir: &tempfile::TempDir) {
        let broker = start(dir.path()).await;
        let peer = Peer::of(&broker).await;
        // As its writer does when it comes back: it ends what it finds.
        let mut writer = Writer::begin(peer, Protocol::Second).await;
        let seen = seen(&mut writer.peer).await;
        let last = seen[0];
        assert!(seen.iter().all(|one| *one == last), "after {cut} changes: {seen:?}");
        let may_be = match () {
            () if !self.commits || cut <= self.asked => 1..=1,
            () if cut >= self.answered => 2..=2,
            () => 1..=2,
        };
        assert!(may_be.contains(&last), "after {cut} changes the last transaction that is seen is {last}");
        writer.write_all(9).await;
        writer.end(true).await;
        writer.ended().await;
        assert_eq!(self::seen(&mut writer.peer).await, [9; 3], "after {cut} changes it goes on");
    }
}

async fn start(dir: &Path) -> Broker {
    let broker = Broker::builder().listen("127.0.0.1:0").data_dir(dir).durability(Durability::Group);
    let broker = broker.set("offsets.topic.num.partitions", "1");
    let broker = broker.set("transaction.state.log.num.partitions", "1");
    // The writer's records are of 1970: beside the markers of today each would be in a segment of its own.
    broker.set("log.message.timestamp.type", "LogAppendTime").start().await.unwrap()
}

/// The last transaction that is seen in each topic, and in the group.
async fn seen(peer: &mut Peer) -> Vec<i64> {
    let mut seen = Vec::new();
    for topic in TOPICS {
        let (committed, is_settled) = writer::committed(peer, topic).await;
        assert!(is_settled, "{topic}: committed records end before the end of the log");
        assert!(committed.is_sorted(), "{topic}: {committed:?}");
        seen.push(committed.last().copied().unwrap_or_default());
    }
    seen.push(writer::stable_offset(peer).await.expect("no transaction is open"));
    seen
}

/// The steps of a transaction as its writes to logs: the markers come in any order.
fn steps(protocol: Protocol) -> Vec<&'static str> {
    let (state, offsets) = (STATE, "__consumer_offsets");
    let [first, second] = TOPICS;
    let mut steps = match protocol {
        Protocol::First => vec![state, state, first, second, state, offsets],
        Protocol::Second => vec![state, first, state, second, state, offsets],
    };
    steps.extend([state, offsets, first, second, state]);
    steps
}

#[tokio::test]
async fn a_transaction_survives_a_kill_at_any_step_whole_or_not_at_all() {
    for (protocol, commits) in LIVES {
        let life = Life::live(protocol, commits).await;
        let mut writes = life.writes();
        let places: Vec<_> = writes.iter().map(|(place, _)| *place).collect();
        let end = writes.len() - 1;
        writes[end - 3..end].sort_by(|one, other| one.1.cmp(&other.1));
        let topics: Vec<_> = writes.iter().map(|(_, topic)| &**topic).collect();
        assert_eq!(topics, steps(protocol), "every step is a write");
        for cut in places.into_iter().chain([life.changes.len()]) {
            let dir = tempfile::tempdir().unwrap();
            write_all(dir.path(), &life.initial, &life.changes[..cut]);
            life.check(cut, &dir).await;
        }
    }
}

#[tokio::test]
async fn a_transaction_survives_a_power_cut_whole_or_not_at_all() {
    let mut random = Random::new(7);
    for (protocol, commits) in LIVES {
        let life = Life::live(protocol, commits).await;
        for _ in 0..12 {
            let cut = life.began + random.below(life.changes.len() - life.began + 1);
            let dir = tempfile::tempdir().unwrap();
            write_image(dir.path(), &life.initial, &life.changes[..cut], &mut random);
            life.check(cut, &dir).await;
        }
    }
}
