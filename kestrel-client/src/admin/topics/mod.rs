//! Topics: create, delete, list, describe, add partitions; by name, and by id where they are there.

mod by_id;
mod create;
mod delete;
mod describe;

use std::sync::Arc;

use kestrel_protocol::{ApiKey, ByteString, ErrorCode};

use crate::error::{BrokerError, Error, Result};

pub use create::{CreatedTopic, NewPartitions, NewTopic};
pub use describe::{PartitionDescription, TopicDescription, TopicListing};

fn outcome(api: ApiKey, topic: &Arc<str>, answer: Option<&(ErrorCode, Option<ByteString>)>) -> Result<()> {
    let Some((code, message)) = answer else { return Err(unanswered(api, topic)) };
    check(api, topic, *code, message.as_deref())
}

fn check(api: ApiKey, topic: &Arc<str>, code: ErrorCode, message: Option<&str>) -> Result<()> {
    match code {
        ErrorCode::None => Ok(()),
        code => Err(BrokerError::new(api, code).topic(topic.clone()).message(message).into()),
    }
}

/// An answer that leaves out what was asked about.
fn unanswered(api: ApiKey, topic: &Arc<str>) -> Error {
    let message = Some("the broker's answer leaves the topic out");
    BrokerError::new(api, ErrorCode::UnknownServerError).topic(topic.clone()).message(message).into()
}
