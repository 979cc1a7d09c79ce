//! One instance of a client: when it asked and pushed, and what it may do next. Pure.
//!
//! ```text
//!   asked at all, or an interval ago ──► may ask        asked since it pushed, or pushed an interval ago ──► may push
//!   told that its subscription or its compression is wrong ──► may ask at once
//!   said that it ends ──► one push is refused; who then says that it does not may go on
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::ErrorCode;
use kestrel_protocol::Uuid;

use super::push::Push;
use super::subscriptions::Wanted;
use super::told::Told;
use crate::clock::after;

/// How long an instance is remembered after it was last heard of, or for three push intervals if that is longer.
const MIN_LIFE: Duration = Duration::from_secs(60);
const LIFE_INTERVALS: u32 = 3;

/// What a client is told that asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    /// Its id from now on.
    pub(crate) instance_id: Uuid,
    /// Says what the rest is.
    pub(crate) subscription_id: i32,
    /// How often it is to push, or to ask again when there is nothing to push.
    pub(crate) push_interval: Duration,
    /// The prefixes of the names of the metrics that it is to push; none for none.
    pub(crate) metrics: Vec<String>,
}

/// One instance of a client.
#[derive(Debug)]
pub(super) struct Instance {
    wanted: Wanted,
    /// The connection that it comes by.
    pub(super) peer: SocketAddr,
    /// The version of the subscriptions that it was decided by.
    pub(super) version: u64,
    asked_at: Option<Instant>,
    pushed_at: Option<Instant>,
    is_ending: bool,
    last_error: ErrorCode,
    /// Its place in the order of use.
    pub(super) used: u64,
    pub(super) expires_at: Instant,
    /// What it has told.
    pub(super) told: Option<Arc<Told>>,
}

impl Instance {
    /// An instance that is heard of for the first time, that comes by another connection, or whose subscriptions have changed: nothing
    /// of before counts, but what it has told stays.
    pub(super) fn new(
        wanted: Wanted,
        peer: SocketAddr,
        version: u64,
        told: Option<Arc<Told>>,
        now: Instant,
    ) -> Self {
        Self {
            wanted,
            peer,
            version,
            asked_at: None,
            pushed_at: None,
            is_ending: false,
            last_error: ErrorCode::None,
            used: 0,
            expires_at: now,
            told,
        }
    }

    /// It was heard of.
    pub(super) fn touch(&mut self, now: Instant) {
        self.expires_at = after(now, MIN_LIFE.max(self.wanted.push_interval * LIFE_INTERVALS));
    }

    /// It asks what it is to push.
    pub(super) fn handle_get(&mut self, instance_id: Uuid, now: Instant) -> Result<Granted, ErrorCode> {
        if self.is_due(self.asked_at.max(self.pushed_at), now) {
            self.asked_at = Some(now);
        } else if !matches!(
            self.last_error,
            ErrorCode::UnknownSubscriptionId | ErrorCode::UnsupportedCompressionType
        ) {
            return Err(ErrorCode::ThrottlingQuotaExceeded);
        }
        self.last_error = ErrorCode::None;
        let Wanted { subscription_id, push_interval, metrics } = self.wanted.clone();
        Ok(Granted { instance_id, subscription_id, push_interval, metrics })
    }

    /// It pushes; what it pushes is not read here.
    pub(super) fn handle_push(
        &mut self,
        push: &Push<'_>,
        max_bytes: usize,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let checked = self.check_push(push, max_bytes, now);
        self.last_error = checked.err().unwrap_or(ErrorCode::None);
        // Of a push that is refused too, as in Apache Kafka.
        self.is_ending = push.is_last;
        checked
    }

    fn check_push(&mut self, push: &Push<'_>, max_bytes: usize, now: Instant) -> Result<(), ErrorCode> {
        if self.is_ending {
            return Err(ErrorCode::InvalidRequest);
        }
        if self.asked_at > self.pushed_at || self.is_due(self.pushed_at, now) {
            self.pushed_at = Some(now);
        } else if !push.is_last {
            return Err(ErrorCode::ThrottlingQuotaExceeded);
        }
        if push.subscription_id != self.wanted.subscription_id {
            return Err(ErrorCode::UnknownSubscriptionId);
        }
        if push.codec.is_none() {
            return Err(ErrorCode::UnsupportedCompressionType);
        }
        if push.metrics.len() > max_bytes {
            return Err(ErrorCode::TelemetryTooLarge);
        }
        Ok(())
    }

    /// What it pushed could not be read.
    pub(super) fn handle_unreadable(&mut self) {
        self.last_error = ErrorCode::InvalidRecord;
    }

    fn is_due(&self, last: Option<Instant>, now: Instant) -> bool {
        last.is_none_or(|last| now.saturating_duration_since(last) >= self.wanted.push_interval)
    }
}
