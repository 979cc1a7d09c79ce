//! FetchSession: the client's side of an incremental fetch session with one broker (KIP-227).
//!
//! A machine, owned by the [`Fetcher`](super::fetcher::Fetcher), one per broker. The broker remembers which partitions
//! are fetched, so a request names only what has changed since the last one. A broker that has no room for a session
//! answers with session id 0: then every request names everything.
//!
//! ```text
//!   session id, epoch of the request
//!   0, 0     everything; please open a session      ── answer: id 0 ──► 0, 0 again
//!       │ answer: id S
//!       ▼
//!   S, 1     changes only ──► S, 2 ──► …  after 2,147,483,647 comes 1
//!       │ no answer, error 71
//!       ▼
//!   S, 0     everything; close S and open another        error 70 (S is gone): 0, 0
//! ```

use std::collections::HashMap;

use kestrel_protocol::messages::fetch::{FetchPartition, FetchTopic, ForgottenTopic};
use kestrel_protocol::{ByteString, ErrorCode, LeaderEpoch, TopicId};

use crate::consumer::position::PositionId;

/// A partition to be fetched, and what the question is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PartitionFetch {
    pub(crate) topic: ByteString,
    pub(crate) topic_id: TopicId,
    pub(crate) partition: i32,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) fetch_offset: i64,
    pub(crate) max_bytes: i32,
    pub(crate) position_id: PositionId,
}

/// The part of a Fetch request that a session decides.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SessionRequest {
    pub(crate) session_id: i32,
    pub(crate) session_epoch: i32,
    pub(crate) topics: Vec<FetchTopic>,
    pub(crate) forgotten: Vec<ForgottenTopic>,
}

/// The session as the broker knows it.
#[derive(Debug, Default)]
pub(crate) struct FetchSession {
    id: i32,
    epoch: i32,
    /// The partitions that the last request asked for in all, by topic name.
    asked: HashMap<(ByteString, i32), PartitionFetch>,
    /// Topic names by id: answers from version 13 on have only the id.
    names: HashMap<TopicId, ByteString>,
}

/// The epoch of requests that neither use nor open a session.
const SESSIONLESS_EPOCH: i32 = -1;

impl FetchSession {
    /// For requests that each stand alone.
    pub(crate) fn sessionless() -> Self {
        Self { epoch: SESSIONLESS_EPOCH, ..Self::default() }
    }

    /// The request that asks for `wanted`, in its order; `wanted` is remembered until the next request.
    pub(crate) fn request(&mut self, wanted: Vec<PartitionFetch>) -> SessionRequest {
        let incremental = self.epoch > 0;
        let mut request =
            SessionRequest { session_id: self.id, session_epoch: self.epoch, ..SessionRequest::default() };
        let mut before = std::mem::take(&mut self.asked);
        if !incremental {
            self.names.clear();
        }
        for partition in wanted {
            let key = (partition.topic.clone(), partition.partition);
            let known = before.remove(&key);
            let is_new_topic = known.as_ref().is_some_and(|known| known.topic_id != partition.topic_id);
            if let (true, true, Some(known)) = (incremental, is_new_topic, &known) {
                forget(&mut request.forgotten, known);
            }
            if !incremental || known.is_none_or(|known| asks_otherwise(&known, &partition)) {
                add(&mut request.topics, &partition);
            }
            self.names.insert(partition.topic_id, partition.topic.clone());
            self.asked.insert(key, partition);
        }
        if incremental {
            before.values().for_each(|gone| forget(&mut request.forgotten, gone));
        }
        request
    }

    /// The question of the last request about the partition that an answer names.
    pub(crate) fn asked(
        &self,
        topic: &ByteString,
        topic_id: TopicId,
        partition: i32,
    ) -> Option<&PartitionFetch> {
        let name = if topic_id.is_nil() { topic } else { self.names.get(&topic_id)? };
        self.asked.get(&(name.clone(), partition))
    }

    /// Everything that the last request asked for.
    pub(crate) fn all_asked(&self) -> impl Iterator<Item = &PartitionFetch> {
        self.asked.values()
    }

    /// The broker answered, with `error` for the request as a whole.
    pub(crate) fn handle_answer(&mut self, error: ErrorCode, session_id: i32) {
        match error {
            _ if self.epoch == SESSIONLESS_EPOCH => {}
            ErrorCode::None if session_id == 0 => (self.id, self.epoch) = (0, 0),
            ErrorCode::None => {
                self.epoch = if session_id == self.id { next_epoch(self.epoch) } else { 1 };
                self.id = session_id;
            }
            ErrorCode::FetchSessionIdNotFound => (self.id, self.epoch) = (0, 0),
            // The broker may have the session still: name it, so that it is closed.
            _ => self.epoch = 0,
        }
    }

    /// No answer came: whether the broker took the request in is not known.
    pub(crate) fn handle_failure(&mut self) {
        self.epoch = self.epoch.min(0);
    }
}

fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

/// Whether the broker has to be told of `new`: its memory of the partition is `known`.
fn asks_otherwise(known: &PartitionFetch, new: &PartitionFetch) -> bool {
    (known.fetch_offset, known.max_bytes, known.leader_epoch, known.topic_id)
        != (new.fetch_offset, new.max_bytes, new.leader_epoch, new.topic_id)
}

/// Partitions keep their order: only neighbours of one topic share an entry.
fn add(topics: &mut Vec<FetchTopic>, wanted: &PartitionFetch) {
    let partition = FetchPartition {
        partition: wanted.partition,
        current_leader_epoch: wanted.leader_epoch,
        fetch_offset: wanted.fetch_offset,
        partition_max_bytes: wanted.max_bytes,
        ..FetchPartition::default()
    };
    match topics.last_mut() {
        Some(topic) if topic.topic == wanted.topic && topic.topic_id == wanted.topic_id => {
            topic.partitions.push(partition);
        }
        _ => topics.push(FetchTopic {
            topic: wanted.topic.clone(),
            topic_id: wanted.topic_id,
            partitions: vec![partition],
        }),
    }
}

fn forget(forgotten: &mut Vec<ForgottenTopic>, gone: &PartitionFetch) {
    let same = |topic: &&mut ForgottenTopic| topic.topic == gone.topic && topic.topic_id == gone.topic_id;
    match forgotten.iter_mut().find(same) {
        Some(topic) => topic.partitions.push(gone.partition),
        None => forgotten.push(ForgottenTopic {
            topic: gone.topic.clone(),
            topic_id: gone.topic_id,
            partitions: vec![gone.partition],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::position::AssignmentId;

    fn wanted(partition: i32, fetch_offset: i64) -> PartitionFetch {
        PartitionFetch {
            topic: "clicks".into(),
            topic_id: TopicId::from_u128(7),
            partition,
            leader_epoch: LeaderEpoch(1),
            fetch_offset,
            max_bytes: 100,
            position_id: PositionId { id: AssignmentId(0), generation: 0 },
        }
    }

    /// A request as text: `id/epoch ask[partition@offset ...] forget[partition ...]`.
    fn show(request: &SessionRequest) -> String {
        let asked = request.topics.iter().flat_map(|topic| &topic.partitions);
        let asked: Vec<_> = asked.map(|p| format!("{}@{}", p.partition, p.fetch_offset)).collect();
        let forgotten: Vec<_> =
            request.forgotten.iter().flat_map(|topic| &topic.partitions).map(ToString::to_string).collect();
        let SessionRequest { session_id, session_epoch, .. } = request;
        format!("{session_id}/{session_epoch} ask[{}] forget[{}]", asked.join(" "), forgotten.join(" "))
    }

    #[test]
    fn an_accepted_session_names_only_what_changed() {
        let mut session = FetchSession::default();
        let ask = |session: &mut FetchSession, wanted| show(&session.request(wanted));
        assert_eq!(ask(&mut session, vec![wanted(0, 5), wanted(1, 9)]), "0/0 ask[0@5 1@9] forget[]");
        session.handle_answer(ErrorCode::None, 77);
        assert_eq!(ask(&mut session, vec![wanted(0, 6), wanted(1, 9)]), "77/1 ask[0@6] forget[]");
        session.handle_answer(ErrorCode::None, 77);
        assert_eq!(ask(&mut session, vec![wanted(0, 6), wanted(2, 0)]), "77/2 ask[2@0] forget[1]");
        assert!(session.asked(&"".into(), TopicId::from_u128(7), 2).is_some());
        assert!(session.asked(&"clicks".into(), TopicId::NIL, 0).is_some());
        assert!(session.asked(&"".into(), TopicId::from_u128(7), 1).is_none());
        assert!(session.asked(&"".into(), TopicId::from_u128(8), 0).is_none());
    }

    #[test]
    fn a_refused_session_names_everything_again() {
        let mut session = FetchSession::default();
        for _ in 0..2 {
            assert_eq!(show(&session.request(vec![wanted(0, 5)])), "0/0 ask[0@5] forget[]");
            session.handle_answer(ErrorCode::None, 0);
        }
    }

    #[test]
    fn a_lost_session_begins_again() {
        let mut session = FetchSession::default();
        let after = |session: &mut FetchSession, error| {
            session.request(vec![wanted(0, 5)]);
            session.handle_answer(ErrorCode::None, 77);
            session.request(vec![wanted(0, 6)]);
            session.handle_answer(error, 0);
            show(&session.request(vec![wanted(0, 6)]))
        };
        assert_eq!(after(&mut session, ErrorCode::FetchSessionIdNotFound), "0/0 ask[0@6] forget[]");
        assert_eq!(after(&mut session, ErrorCode::InvalidFetchSessionEpoch), "77/0 ask[0@6] forget[]");
        session.handle_answer(ErrorCode::None, 78);
        session.request(vec![wanted(0, 6)]);
        session.handle_failure();
        assert_eq!(show(&session.request(vec![wanted(0, 6)])), "78/0 ask[0@6] forget[]");
    }

    #[test]
    fn a_recreated_topic_is_forgotten_by_its_old_id() {
        let mut session = FetchSession::default();
        session.request(vec![wanted(0, 5)]);
        session.handle_answer(ErrorCode::None, 77);
        let other = PartitionFetch { topic_id: TopicId::from_u128(8), ..wanted(0, 0) };
        let request = session.request(vec![other]);
        assert_eq!(request.forgotten[0].topic_id, TopicId::from_u128(7));
        assert_eq!(request.topics[0].topic_id, TopicId::from_u128(8));
    }

    #[test]
    fn requests_without_a_session_stand_alone() {
        let mut session = FetchSession::sessionless();
        for error in [ErrorCode::None, ErrorCode::UnknownTopicId] {
            assert_eq!(show(&session.request(vec![wanted(0, 5)])), "0/-1 ask[0@5] forget[]");
            session.handle_answer(error, 0);
        }
        session.handle_failure();
        assert_eq!(show(&session.request(vec![wanted(0, 5)])), "0/-1 ask[0@5] forget[]");
    }

    #[test]
    fn the_epoch_wraps_to_one() {
        let mut session = FetchSession { id: 7, epoch: i32::MAX, ..FetchSession::default() };
        session.handle_answer(ErrorCode::None, 7);
        assert_eq!(session.epoch, 1);
    }
}
