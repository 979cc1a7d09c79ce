//! Fetch sessions (KIP-227): the broker remembers what a client fetches, so that requests and answers hold only changes.
//!
//! The Fetch handler asks [`FetchSessions`] twice for each request: which partitions it is about, and what of the answer is
//! news. Nothing here reads a partition.

mod cache;
mod session;

use std::time::Instant;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::fetch::FetchRequest;
use parking_lot::{Mutex, MutexGuard};

use crate::api::Principal;

pub(super) use cache::Begun;
use cache::{SessionCache, SessionLimits};
pub(super) use session::{Answered, Asked, NO_OFFSET, Naming};

/// How many partitions all sessions have together at most: about 25 MB. The client of a session that would be more than
/// that is served without one.
const MAX_PARTITIONS: usize = 100_000;

/// The sessions of all clients: a [`SessionCache`] that every connection shares, and random ids for it.
#[derive(Debug)]
pub(crate) struct FetchSessions(Mutex<SessionCache>);

impl FetchSessions {
    /// No sessions yet, and at most `sessions` of them at a time.
    pub(crate) fn new(sessions: usize) -> Self {
        let limits = SessionLimits { sessions, partitions: MAX_PARTITIONS };
        Self(Mutex::new(SessionCache::new(limits)))
    }

    /// As [`SessionCache::begin`].
    pub(super) fn begin(
        &self,
        request: &mut FetchRequest,
        sender: &Principal,
        naming: Naming,
        now: Instant,
    ) -> Result<(Begun, Vec<Asked>), ErrorCode> {
        self.cache().begin(request, sender, naming, now)
    }

    /// As [`SessionCache::finish`].
    pub(super) fn finish(
        &self,
        begun: Begun,
        answers: Vec<Answered>,
        now: Instant,
    ) -> Result<(i32, Vec<Answered>), ErrorCode> {
        let mut random = [0; 4];
        if let Begun::Opening(_) = begun {
            getrandom::fill(&mut random).expect("the system has random bytes");
        }
        self.cache().finish(begun, answers, now, i32::from_ne_bytes(random))
    }

    /// As [`SessionCache::held_back`].
    pub(super) fn held_back(&self, begun: &Begun) -> Result<i32, ErrorCode> {
        self.cache().held_back(begun)
    }

    fn cache(&self) -> MutexGuard<'_, SessionCache> {
        // A panic in the middle is a bug; what it can leave behind is a session that its client has to open again.
        self.0.lock()
    }
}

#[cfg(test)]
mod tests;
