//! FetchSession: which partitions one client fetches, and what it was told of each (KIP-227). Pure.
//!
//! Kept by the [`SessionCache`](super::SessionCache). Partitions have turns: one whose records were sent goes to the end, so
//! that with more news than fits into an answer none of them starves.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use bytestring::ByteString;
use kestrel_protocol::messages::fetch::{FetchPartition, FetchTopic, ForgottenTopic, PartitionData};
use kestrel_protocol::{ErrorCode, TopicId};

use crate::api::Principal;
use crate::log::FileRun;

/// The watermark in an answer that has none.
pub(in crate::api::fetch) const NO_OFFSET: i64 = -1;

/// A partition as a request names it: with the topic's name up to version 12, with its id from version 13 on (KIP-516).
#[derive(Debug, Clone, PartialEq)]
pub(in crate::api::fetch) struct Asked {
    pub(in crate::api::fetch) topic: ByteString,
    pub(in crate::api::fetch) topic_id: TopicId,
    pub(in crate::api::fetch) partition: FetchPartition,
}

/// How requests name topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api::fetch) enum Naming {
    /// By name.
    Names,
    /// By id.
    Ids,
}

/// The identity of a partition in a session.
type Key = (ByteString, TopicId, i32);
/// The lowest turn is the next one.
type Turn = u64;

/// The session of one client.
#[derive(Debug)]
pub(in crate::api::fetch) struct FetchSession {
    /// Who opened it: nobody else uses or closes it, whatever id a request has.
    pub(super) owner: Principal,
    /// The epoch that the next request has to have.
    pub(super) epoch: i32,
    pub(super) naming: Naming,
    pub(super) created_at: Instant,
    pub(super) used_at: Instant,
    turns: HashMap<Key, Turn>,
    partitions: BTreeMap<Turn, CachedPartition>,
    next_turn: Turn,
}

/// A partition, and what the client knows of it.
#[derive(Debug)]
struct CachedPartition {
    asked: Asked,
    high_watermark: i64,
    log_start_offset: i64,
}

impl FetchSession {
    /// A session that nothing was asked in.
    pub(super) fn new(owner: Principal, naming: Naming, now: Instant) -> Self {
        Self {
            owner,
            epoch: FIRST_EPOCH,
            naming,
            created_at: now,
            used_at: now,
            turns: HashMap::new(),
            partitions: BTreeMap::new(),
            next_turn: 0,
        }
    }

    /// How many partitions it has.
    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Takes in what a request asks for, and what it does no longer.
    pub(super) fn update(&mut self, topics: Vec<FetchTopic>, forgotten: &[ForgottenTopic]) {
        for asked in flatten(topics) {
            self.ask(asked);
        }
        for topic in forgotten {
            for &partition in &topic.partitions {
                self.forget(&(topic.topic.clone(), topic.topic_id, partition));
            }
        }
    }

    /// Every partition, in turn.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.partitions.values().map(|partition| partition.asked.clone()).collect()
    }

    /// Notes what the client is being told of a partition; whether it did not know that yet.
    pub(super) fn tell(&mut self, answered: &Answered) -> bool {
        let key = (answered.topic.clone(), answered.topic_id, answered.data.partition_index);
        let Some(&turn) = self.turns.get(&key) else { return false };
        let is_news = self.partitions.get_mut(&turn).is_some_and(|partition| partition.tell(&answered.data));
        if has_records(&answered.data) {
            self.move_to_end(&key, turn);
        }
        is_news
    }

    fn ask(&mut self, asked: Asked) {
        let key = key(&asked);
        let known = self.turns.get(&key).and_then(|turn| self.partitions.get_mut(turn));
        match known {
            Some(partition) => partition.asked.partition = asked.partition,
            None => {
                // A name that was cut out of a request would keep all of the request's bytes.
                let topic = ByteString::from(asked.topic.to_string());
                let asked = Asked { topic: topic.clone(), ..asked };
                let partition =
                    CachedPartition { asked, high_watermark: NO_OFFSET, log_start_offset: NO_OFFSET };
                self.turns.insert((topic, key.1, key.2), self.next_turn);
                self.partitions.insert(self.next_turn, partition);
                self.next_turn += 1;
            }
        }
    }

    /// The key in the map is kept: that of an answer may be a part of a request's bytes.
    fn move_to_end(&mut self, key: &Key, turn: Turn) {
        if let (Some(partition), Some(kept)) = (self.partitions.remove(&turn), self.turns.get_mut(key)) {
            *kept = self.next_turn;
            self.partitions.insert(self.next_turn, partition);
            self.next_turn += 1;
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(turn) = self.turns.remove(key) {
            self.partitions.remove(&turn);
        }
    }
}

impl CachedPartition {
    /// Notes what the client is being told; whether it is news to it.
    fn tell(&mut self, data: &PartitionData) -> bool {
        let is_news = has_records(data)
            || data.error_code != ErrorCode::None
            || data.diverging_epoch.end_offset != NO_OFFSET
            || data.high_watermark != self.high_watermark
            || data.log_start_offset != self.log_start_offset;
        self.log_start_offset = data.log_start_offset;
        // An error is told each time, and what comes after it too, even if no offset has moved.
        self.high_watermark =
            if data.error_code == ErrorCode::None { data.high_watermark } else { NO_OFFSET };
        is_news
    }
}

/// The answer for one partition.
#[derive(Debug, Clone)]
pub(in crate::api::fetch) struct Answered {
    pub(in crate::api::fetch) topic: ByteString,
    pub(in crate::api::fetch) topic_id: TopicId,
    pub(in crate::api::fetch) data: PartitionData,
    /// The file that holds the records, if they are not in the answer itself.
    pub(in crate::api::fetch) file: Option<FileRun>,
}

/// The epoch of the first request that goes on with a session.
const FIRST_EPOCH: i32 = 1;

/// The epoch after `epoch`: it wraps to that of a session's second request.
pub(super) fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(FIRST_EPOCH)
}

/// The partitions of a request, in its order.
pub(in crate::api::fetch) fn flatten(topics: Vec<FetchTopic>) -> impl Iterator<Item = Asked> {
    topics.into_iter().flat_map(|FetchTopic { topic, topic_id, partitions }| {
        partitions.into_iter().map(move |partition| Asked { topic: topic.clone(), topic_id, partition })
    })
}

fn key(asked: &Asked) -> Key {
    (asked.topic.clone(), asked.topic_id, asked.partition.partition)
}

fn has_records(data: &PartitionData) -> bool {
    data.records.as_ref().is_some_and(|records| !records.is_empty())
}
