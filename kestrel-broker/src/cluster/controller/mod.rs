//! The controller: decides what a request means to the metadata. Replayed machine: it only ever proposes records, and the
//! metadata changes when they are replayed.
//!
//! ```text
//!   command ─► Controller::create_topics and the like ─► Effects { records, reply }
//!                        ▲ reads                            │ appended to the metadata log by `driver.rs`
//!                        │                                  ▼
//!                  ClusterImage ◄── Controller::replay ◄── records
//! ```
//!
//! Called by the driver, one command after the other. Pure: random ids and salts are arguments.

mod acls;
mod client_metrics;
mod configs;
mod elections;
mod features;
mod partitions;
mod placement;
mod producer_ids;
mod provisions;
mod quotas;
mod reassignments;
mod registration;
mod scram;
mod topics;
mod unregistration;

use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::{ErrorCode, TopicId, Uuid};

use super::error::ApiError;
use super::image::{ClusterImage, ConfigMap, ConfigResource};
use super::records::MetadataRecord;
use super::replay::{Replay, ReplayError};
use crate::config::{BrokerConfig, Layers};
use crate::quota::Permits;

pub(crate) use configs::{AlterOperation, ConfigAlteration, OtherKeys, ResourceAlterations};
pub(crate) use elections::ElectionType;
pub(crate) use features::{FeatureUpdate, UpgradeType};
pub(crate) use partitions::NewPartitions;
pub(crate) use provisions::Provisions;
pub(crate) use quotas::{QuotaAlteration, QuotaSubject};
pub(crate) use reassignments::{FactorChange, Reassignment};
pub(crate) use registration::Registration;
pub(crate) use scram::{SaltedPassword, ScramAlteration};
pub(crate) use topics::{CreatedTopic, DeletedTopic, NewTopic, TopicRef};

/// How many records one request may cause at most, as in Apache Kafka.
const MAX_RECORDS_PER_REQUEST: usize = 10_000;

/// The outcome of a command, which the driver carries out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effects<R> {
    /// The records to append to the metadata log, as one batch.
    pub(crate) records: Vec<MetadataRecord>,
    /// The answer, for when the records are stored and have taken effect.
    pub(crate) reply: R,
}

/// The refusal of a request that leads to more records than one may.
fn too_many_records() -> ApiError {
    let message = format!("The request would change more than {MAX_RECORDS_PER_REQUEST} things at once.");
    ApiError::new(ErrorCode::PolicyViolation, message)
}

/// Whether a command is carried out or only checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// It is carried out.
    Apply,
    /// The answer is the same, and nothing changes.
    ValidateOnly,
}

impl Intent {
    /// The intent that a request's `validate_only` states.
    pub(crate) const fn of(validate_only: bool) -> Self {
        if validate_only { Self::ValidateOnly } else { Self::Apply }
    }
}

/// The controller's state: what was replayed, and what the broker was started with.
#[derive(Debug, Clone)]
pub(crate) struct Controller {
    replay: Replay,
    config: Arc<BrokerConfig>,
}

/// The leave of a caller to change partitions, which its quota gives (KIP-599).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leave<'a> {
    permits: &'a Permits,
    now: Instant,
}

impl<'a> Leave<'a> {
    /// The leave that these permits give now.
    pub(crate) const fn new(permits: &'a Permits, now: Instant) -> Self {
        Self { permits, now }
    }

    /// Takes leave to change so many partitions.
    ///
    /// # Errors
    /// `THROTTLING_QUOTA_EXCEEDED` when the quota is exhausted.
    fn take(self, partitions: usize) -> Result<(), ApiError> {
        let error = ErrorCode::ThrottlingQuotaExceeded;
        let message = "The throttling quota has been exceeded: more partitions may be changed later.";
        self.permits.take(partitions, self.now).then_some(()).ok_or_else(|| ApiError::new(error, message))
    }
}

/// A source of ids that never repeat.
pub(crate) type Ids<'a> = &'a mut dyn FnMut() -> Uuid;

impl Controller {
    /// A controller that goes on from `image`.
    pub(crate) const fn new(image: ClusterImage, config: Arc<BrokerConfig>) -> Self {
        Self { replay: Replay::new(image), config }
    }

    /// The metadata as of the last record.
    pub(crate) const fn image(&self) -> &ClusterImage {
        self.replay.image()
    }

    /// Remembers from here on which of these topics are removed, and forgets what was remembered of others.
    pub(crate) fn watch_topics(&mut self, topics: impl IntoIterator<Item = TopicId>) {
        self.replay.watch_topics(topics);
    }

    /// Whether a record has removed this topic, one that is watched. It never comes back.
    pub(crate) fn has_removed(&self, id: TopicId) -> bool {
        self.replay.has_removed(id)
    }

    /// Lets a record take effect.
    ///
    /// # Errors
    /// When it contradicts the records before it.
    pub(crate) fn replay(&mut self, record: MetadataRecord, offset: i64) -> Result<(), ReplayError> {
        self.replay.replay(record, offset)
    }

    /// Calls `check` with everything that is said about a topic with these values of its own.
    fn with_layers<T>(&self, topic: &ConfigMap, check: impl FnOnce(&Layers<'_>) -> T) -> T {
        let image = self.image();
        let broker = image.config(&ConfigResource::broker(self.config.node_id));
        let all_brokers = image.config(&ConfigResource::all_brokers());
        check(&Layers { topic, broker: &broker, all_brokers: &all_brokers, config: &self.config })
    }
}

impl<R> Effects<R> {
    /// The same without the records when nothing shall change.
    fn for_intent(mut self, intent: Intent) -> Self {
        if intent == Intent::ValidateOnly {
            self.records.clear();
        }
        self
    }
}

#[cfg(test)]
mod tests;
