//! SessionCache: the fetch sessions of all clients, within its limits (KIP-227). A machine: time and random ids are given.
//!
//! ```text
//!   session id, epoch of the request
//!   0, -1    stands alone                  S, -1    the same, and S is closed
//!   0, 0     opens a session               S, 0     the same, and S is closed
//!       │ answer: id S, or 0 when there is no room: the client goes on with 0, 0
//!       ▼
//!   S, 1     changes only ──► S, 2 ──► …  after 2,147,483,647 comes 1
//!       │ another epoch: INVALID_FETCH_SESSION_EPOCH      S is gone: FETCH_SESSION_ID_NOT_FOUND
//!       │ ids where it had names, or the reverse: FETCH_SESSION_TOPIC_ID_ERROR
//!       ▼
//!   S without a partition is closed: the answer has id 0
//! ```
//!
//! When all slots are taken, a new session takes that of the one that was idle longest, if that was for two minutes, or
//! of the smallest that is as old as that, if the new one is larger. Apache Kafka prefers sessions of followers; there
//! are none.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::fetch::{FetchRequest, FetchTopic};
use tracing::debug;

use crate::api::Principal;

use super::session::{Answered, Asked, FetchSession, Naming, flatten, next_epoch};

/// The epoch of a request that neither uses nor opens a session.
pub(in crate::api::fetch) const SESSIONLESS_EPOCH: i32 = -1;
/// The epoch of a request that names everything and opens a session.
const FULL_EPOCH: i32 = 0;
/// The id in an answer that is of no session.
const NO_SESSION: i32 = 0;
/// How long a session is safe from being replaced, if its client comes back (Apache Kafka's
/// `min.incremental.fetch.session.eviction.ms`, which cannot be set there either).
const MIN_LIFE: Duration = Duration::from_secs(120);
/// No topic has a longer name; a session is not kept for one.
const MAX_TOPIC_NAME_BYTES: usize = 249;

/// How much is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionLimits {
    /// How many sessions there are at most.
    pub(super) sessions: usize,
    /// How many partitions they have together at most.
    pub(super) partitions: usize,
}

/// How the answer to a request is to be finished.
#[derive(Debug)]
pub(in crate::api::fetch) enum Begun {
    /// It stands alone.
    Sessionless,
    /// It opens this session, if there is room when it is answered.
    Opening(Box<FetchSession>),
    /// It goes on with a session.
    Incremental {
        /// The session.
        session_id: i32,
        /// The epoch of the request after this one.
        next_epoch: i32,
    },
}

/// The sessions by id.
#[derive(Debug)]
pub(super) struct SessionCache {
    limits: SessionLimits,
    sessions: HashMap<i32, FetchSession>,
    /// How many partitions they have together.
    partitions: usize,
}

impl SessionCache {
    /// No sessions yet.
    pub(super) fn new(limits: SessionLimits) -> Self {
        Self { limits, sessions: HashMap::new(), partitions: 0 }
    }

    /// Which partitions a request is about, in the order in which they are to be read; takes its topics.
    ///
    /// # Errors
    /// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`, `FETCH_SESSION_TOPIC_ID_ERROR`.
    pub(super) fn begin(
        &mut self,
        request: &mut FetchRequest,
        sender: &Principal,
        naming: Naming,
        now: Instant,
    ) -> Result<(Begun, Vec<Asked>), ErrorCode> {
        let is_own = self.sessions.get(&request.session_id).is_some_and(|session| session.owner == *sender);
        match request.session_epoch {
            SESSIONLESS_EPOCH => {
                if is_own {
                    self.remove(request.session_id, "its client is done");
                }
                Ok((Begun::Sessionless, flatten(std::mem::take(&mut request.topics)).collect()))
            }
            FULL_EPOCH => {
                if is_own {
                    self.remove(request.session_id, "its client begins again");
                }
                Ok(begin_full(request, sender, naming, now))
            }
            _ if is_own => self.begin_incremental(request, naming, now),
            // Of somebody else's there is nothing to be learned, not even that there is one.
            _ => Err(ErrorCode::FetchSessionIdNotFound),
        }
    }

    fn begin_incremental(
        &mut self,
        request: &mut FetchRequest,
        naming: Naming,
        now: Instant,
    ) -> Result<(Begun, Vec<Asked>), ErrorCode> {
        let session_id = request.session_id;
        let session = self.sessions.get_mut(&session_id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.naming != naming {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        let topics = std::mem::take(&mut request.topics);
        let is_keepable = topics.iter().all(is_keepable);
        self.partitions -= session.len();
        session.update(topics, &request.forgotten_topics_data);
        self.partitions += session.len();
        session.epoch = next_epoch(session.epoch);
        session.used_at = now;
        let (asked, next_epoch) = (session.asked(), session.epoch);
        if asked.is_empty() {
            self.remove(session_id, "it has no partition left");
            return Ok((Begun::Sessionless, asked));
        }
        if !is_keepable || self.partitions > self.limits.partitions {
            // The client begins again, and is not given a session then.
            self.remove(session_id, "it is too large");
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        Ok((Begun::Incremental { session_id, next_epoch }, asked))
    }

    /// The session's id for the answer, and what of the answer the client does not know yet.
    ///
    /// # Errors
    /// `INVALID_FETCH_SESSION_EPOCH` when the session was used by another request, or closed, since this one began.
    pub(super) fn finish(
        &mut self,
        begun: Begun,
        mut answers: Vec<Answered>,
        now: Instant,
        random_id: i32,
    ) -> Result<(i32, Vec<Answered>), ErrorCode> {
        match begun {
            Begun::Sessionless => Ok((NO_SESSION, answers)),
            Begun::Opening(mut session) => {
                for answered in &answers {
                    session.tell(answered);
                }
                Ok((self.open(*session, now, random_id), answers))
            }
            Begun::Incremental { session_id, next_epoch } => {
                let session = self.sessions.get_mut(&session_id);
                let session = session.filter(|session| session.epoch == next_epoch);
                let session = session.ok_or(ErrorCode::InvalidFetchSessionEpoch)?;
                answers.retain(|answered| session.tell(answered));
                Ok((session_id, answers))
            }
        }
    }

    /// The session of a request whose answer is empty because its sender is held back: of no partition it was told anything. A
    /// session that was to be opened is not.
    ///
    /// # Errors
    /// As for [`Self::finish`].
    pub(super) fn held_back(&self, begun: &Begun) -> Result<i32, ErrorCode> {
        let Begun::Incremental { session_id, next_epoch } = begun else { return Ok(NO_SESSION) };
        let session = self.sessions.get(session_id).filter(|session| session.epoch == *next_epoch);
        session.map(|_| *session_id).ok_or(ErrorCode::InvalidFetchSessionEpoch)
    }

    /// Whether there is a session of this id.
    #[cfg(test)]
    pub(super) fn has(&self, id: i32) -> bool {
        self.sessions.contains_key(&id)
    }

    /// How many partitions all sessions have.
    #[cfg(test)]
    pub(super) fn partitions(&self) -> usize {
        assert_eq!(self.partitions, self.sessions.values().map(FetchSession::len).sum::<usize>());
        self.partitions
    }

    fn open(&mut self, session: FetchSession, now: Instant, random_id: i32) -> i32 {
        if session.len() == 0 || !self.make_room(session.len(), now) {
            return NO_SESSION;
        }
        let mut id = random_id & i32::MAX;
        while id == NO_SESSION || self.sessions.contains_key(&id) {
            id = id.wrapping_add(1) & i32::MAX;
        }
        self.partitions += session.len();
        debug!(id, partitions = session.len(), sessions = self.sessions.len() + 1, "fetch session opened");
        self.sessions.insert(id, session);
        id
    }

    fn make_room(&mut self, partitions: usize, now: Instant) -> bool {
        while self.sessions.len() >= self.limits.sessions
            || self.partitions + partitions > self.limits.partitions
        {
            let Some(id) = self.replaceable(partitions, now) else { return false };
            self.remove(id, "another takes its place");
        }
        true
    }

    /// The session that gives way to a new one with so many partitions.
    fn replaceable(&self, partitions: usize, now: Instant) -> Option<i32> {
        let is_long_ago = |then: Instant| now.saturating_duration_since(then) > MIN_LIFE;
        let (idlest, session) = self.sessions.iter().min_by_key(|(_, session)| session.used_at)?;
        if is_long_ago(session.used_at) {
            return Some(*idlest);
        }
        if self.partitions + partitions > self.limits.partitions {
            // One large session is not worth many small ones.
            return None;
        }
        let old = self.sessions.iter().filter(|(_, session)| is_long_ago(session.created_at));
        let (smallest, session) = old.min_by_key(|(id, session)| (session.len(), **id))?;
        (session.len() < partitions).then_some(*smallest)
    }

    fn remove(&mut self, id: i32, why: &str) {
        if let Some(session) = self.sessions.remove(&id) {
            self.partitions -= session.len();
            debug!(
                id,
                partitions = session.len(),
                sessions = self.sessions.len(),
                "fetch session closed: {why}"
            );
        }
    }
}

fn begin_full(
    request: &mut FetchRequest,
    sender: &Principal,
    naming: Naming,
    now: Instant,
) -> (Begun, Vec<Asked>) {
    let topics = std::mem::take(&mut request.topics);
    if !topics.iter().all(is_keepable) {
        return (Begun::Sessionless, flatten(topics).collect());
    }
    let mut session = FetchSession::new(sender.clone(), naming, now);
    session.update(topics, &[]);
    let asked = session.asked();
    (Begun::Opening(Box::new(session)), asked)
}

fn is_keepable(topic: &FetchTopic) -> bool {
    topic.topic.len() <= MAX_TOPIC_NAME_BYTES
}
