//! The records of `__transaction_state`, byte for byte as Apache Kafka writes them. Pure.
//!
//! Made by the transaction coordinator, read back when it replays its log.
//!
//! ```text
//!   record key:    0 │ transactional id          record value:  version │ the message; null deletes the key
//!                 i16                                             i16
//! ```

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::coordinator_records::{
    PartitionsOfTopic, TRANSACTION_KEY, TransactionLogKey, TransactionLogValue,
};
use kestrel_protocol::wire::Reader;
use kestrel_protocol::{DecodeError, DecodeErrorKind, ProducerId, Timestamp};

use super::metadata::TransactionMetadata;
use super::state::TransactionState;
use crate::cluster::TransactionVersion;
use crate::coordinator::runtime::{LogRecord, Unreadable, decode, decode_versioned, versioned};
use crate::log::Transaction;

const WHAT: &str = "__transaction_state record";
/// The first version of values with tagged fields.
const TAGGED_VERSION: i16 = 1;

/// A record of the transaction coordinator's log; without metadata it deletes the transactional id.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::coordinator) struct TransactionRecord {
    pub(super) transactional_id: ByteString,
    pub(super) metadata: Option<TransactionMetadata>,
}

impl LogRecord for TransactionRecord {
    fn decode(key: Bytes, value: Option<Bytes>) -> Result<Self, Unreadable> {
        let mut key = Reader::new(key);
        if key.get_i16(WHAT)? != TRANSACTION_KEY {
            return Err(Unreadable::Foreign("something newer than Apache Kafka 4.3"));
        }
        let TransactionLogKey { transactional_id } = decode(&mut key, TRANSACTION_KEY)?;
        let metadata = value.map(decode_value).transpose()?;
        Ok(Self { transactional_id: ByteString::from(&*transactional_id), metadata })
    }

    fn encode(&self) -> (Bytes, Option<Bytes>) {
        let key = TransactionLogKey { transactional_id: self.transactional_id.clone() };
        let value = self.metadata.as_ref().map(|metadata| {
            let value = value(metadata);
            versioned(&value, version_of(&value))
        });
        (versioned(&key, TRANSACTION_KEY), value)
    }
}

/// The version in which a value is written: the first one that has room for it. Before `transaction.version` 1 there is nothing
/// in the tagged fields.
fn version_of(value: &TransactionLogValue) -> i16 {
    let has_tags = value.previous_producer_id != ProducerId::NONE
        || value.next_producer_id != ProducerId::NONE
        || value.client_transaction_version != 0;
    if has_tags { TAGGED_VERSION } else { 0 }
}

fn value(metadata: &TransactionMetadata) -> TransactionLogValue {
    let entry =
        |(topic, partition_ids): (&ByteString, _)| PartitionsOfTopic { topic: topic.clone(), partition_ids };
    let partitions = (metadata.state != TransactionState::Empty)
        .then(|| metadata.by_topic().into_iter().map(entry).collect());
    TransactionLogValue {
        producer_id: metadata.producer.producer_id,
        previous_producer_id: metadata.previous_producer_id,
        next_producer_id: metadata.next_producer_id,
        producer_epoch: metadata.producer.producer_epoch,
        transaction_timeout_ms: i32::try_from(metadata.timeout.as_millis()).unwrap_or(i32::MAX),
        transaction_status: metadata.state.number(),
        transaction_partitions: partitions,
        transaction_last_update_timestamp_ms: metadata.updated_at.as_millis(),
        transaction_start_timestamp_ms: metadata.started_at.as_millis(),
        client_transaction_version: metadata.client_version.0,
        ..TransactionLogValue::default()
    }
}

fn decode_value(value: Bytes) -> Result<TransactionMetadata, DecodeError> {
    let value: TransactionLogValue = decode_versioned(value, WHAT)?;
    let unknown = || DecodeError::new(DecodeErrorKind::Inconsistent("a state that no transaction has"), WHAT);
    let state = TransactionState::from_number(value.transaction_status).ok_or_else(unknown)?;
    let partitions = value.transaction_partitions.into_iter().flatten().flat_map(
        |PartitionsOfTopic { topic, partition_ids }| {
            // A copy of its own: the text is a part of the batch that it was read from.
            let topic = ByteString::from(&*topic);
            partition_ids.into_iter().map(move |partition| (topic.clone(), partition))
        },
    );
    Ok(TransactionMetadata {
        producer: Transaction { producer_id: value.producer_id, producer_epoch: value.producer_epoch },
        previous_producer_id: value.previous_producer_id,
        next_producer_id: value.next_producer_id,
        timeout: Duration::from_millis(u64::try_from(value.transaction_timeout_ms).unwrap_or_default()),
        state,
        partitions: partitions.collect(),
        started_at: Timestamp::from_millis(value.transaction_start_timestamp_ms),
        updated_at: Timestamp::from_millis(value.transaction_last_update_timestamp_ms),
        client_version: TransactionVersion(value.client_transaction_version),
    })
}

#[cfg(test)]
mod tests;
