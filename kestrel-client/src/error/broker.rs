//! A broker's refusal.

use std::fmt;
use std::sync::Arc;

use kestrel_protocol::{ApiKey, ErrorCode};

use crate::into::IntoName;

/// A broker's refusal, with what it was about.
///
/// A test of code that handles errors makes one with [`new`](Self::new):
///
/// ```
/// use kestrel_client::{ApiKey, BrokerError, Error, ErrorCode};
///
/// let refusal = BrokerError::new(ApiKey::Produce, ErrorCode::NotEnoughReplicas).topic("orders").partition(3);
/// let error = Error::from(refusal);
/// assert!(error.is_retriable());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerError {
    /// What the broker said.
    pub code: ErrorCode,
    /// The request that it answered.
    pub api: ApiKey,
    /// The topic, when the refusal is about one.
    pub topic: Option<Arc<str>>,
    /// The partition, when the refusal is about one.
    pub partition: Option<i32>,
    /// The group, when the refusal is about one.
    pub group: Option<Arc<str>>,
    /// The transactional id, when the refusal is about one.
    pub transactional_id: Option<Arc<str>>,
    /// The broker's own words.
    pub message: Option<Box<str>>,
    /// Whether what the request carried may have been stored all the same.
    pub possibly_written: bool,
}

impl BrokerError {
    /// The refusal of a request of `api`, about nothing in particular.
    #[must_use]
    pub fn new(api: ApiKey, code: ErrorCode) -> Self {
        Self {
            code,
            api,
            topic: None,
            partition: None,
            group: None,
            transactional_id: None,
            message: None,
            possibly_written: false,
        }
    }

    /// It is about this topic.
    #[must_use]
    pub fn topic(mut self, topic: impl IntoName) -> Self {
        self.topic = Some(topic.into_name());
        self
    }

    /// It is about the partition of this number.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// It is about this group.
    #[must_use]
    pub fn group(mut self, group: impl IntoName) -> Self {
        self.group = Some(group.into_name());
        self
    }

    /// It is about this transactional id.
    #[must_use]
    pub fn transactional_id(mut self, transactional_id: impl IntoName) -> Self {
        self.transactional_id = Some(transactional_id.into_name());
        self
    }

    pub(crate) fn message(mut self, message: Option<&str>) -> Self {
        self.message = message.filter(|text| !text.is_empty()).map(Into::into);
        self
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.api)?;
        match (&self.topic, self.partition) {
            (Some(topic), Some(partition)) => write!(f, " for partition {partition} of topic {topic}")?,
            (Some(topic), None) => write!(f, " for topic {topic}")?,
            _ => {}
        }
        if let Some(group) = &self.group {
            write!(f, " for group {group}")?;
        }
        if let Some(id) = &self.transactional_id {
            write!(f, " for transactional id {id}")?;
        }
        write!(f, ": {}", self.code)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => write!(f, ": {}", self.code.meaning()),
        }
    }
}

impl std::error::Error for BrokerError {}
