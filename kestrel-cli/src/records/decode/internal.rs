//! The records of `__consumer_offsets` and `__transaction_state`, which coordinators write for themselves. Pure.

use bytes::Bytes;
use kestrel_client::serde::Part;
use kestrel_protocol::consumer_protocol::{Assignment, PROTOCOL_TYPE, Subscription};
use kestrel_protocol::coordinator_records::{
    GROUP_METADATA_KEY, GroupMetadataKey, GroupMetadataValue, MemberMetadata, OFFSET_COMMIT_KEY,
    OffsetCommitKey, OffsetCommitValue, TRANSACTION_KEY, TransactionLogKey, TransactionLogValue,
    other_group_key,
};
use kestrel_protocol::wire::Reader;
use kestrel_protocol::{DecodeError, Message, TopicId};
use serde_json::{Value, json};

use super::{Decoded, Encoded};

const OFFSETS_TOPIC: &str = "__consumer_offsets";
const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// The states of transactions by their numbers, as Apache Kafka's tools call them.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

/// Whether a topic is one of these.
pub(super) fn is_known(topic: &str) -> bool {
    matches!(topic, OFFSETS_TOPIC | TRANSACTIONS_TOPIC)
}

pub(super) fn decode(encoded: &Encoded<'_>) -> Decoded {
    let Some(key) = encoded.key else { return Decoded::Unreadable("it has no key".into()) };
    let decoded = match (encoded.topic, encoded.part) {
        (OFFSETS_TOPIC, Part::Key) => group_key(key),
        (OFFSETS_TOPIC, Part::Value) => group_value(key, encoded.bytes),
        (_, Part::Key) => transaction_key(key),
        (_, Part::Value) => transaction_value(encoded.bytes),
    };
    decoded.map_or_else(Decoded::Unreadable, Decoded::Json)
}

fn group_key(key: &Bytes) -> Result<Value, String> {
    match typed(key)? {
        (key_type @ 0..=OFFSET_COMMIT_KEY, rest) => {
            let OffsetCommitKey { group, topic, partition } = last(rest, key_type)?;
            Ok(json!({"type": "offset_commit", "group": &*group, "topic": &*topic, "partition": partition}))
        }
        (GROUP_METADATA_KEY, rest) => {
            let GroupMetadataKey { group } = last(rest, GROUP_METADATA_KEY)?;
            Ok(json!({"type": "group_metadata", "group": &*group}))
        }
        (other, _) => Err(foreign(other)),
    }
}

fn group_value(key: &Bytes, value: &Bytes) -> Result<Value, String> {
    match typed(key)?.0 {
        0..=OFFSET_COMMIT_KEY => versioned(value).map(|value| offset(&value)),
        GROUP_METADATA_KEY => versioned(value).map(|value| group(&value)),
        other => Err(foreign(other)),
    }
}

fn foreign(key_type: i16) -> String {
    format!("records of type {key_type} belong to {}, which is not decoded here", other_group_key(key_type))
}

fn offset(value: &OffsetCommitValue) -> Value {
    let topic_id = (value.topic_id != TopicId::default()).then(|| value.topic_id.to_string());
    json!({
        "offset": value.offset,
        "leader_epoch": value.leader_epoch.0,
        "metadata": &*value.metadata,
        "commit_timestamp": value.commit_timestamp,
        "expire_timestamp": value.expire_timestamp,
        "topic_id": topic_id,
    })
}

fn group(value: &GroupMetadataValue) -> Value {
    let is_consumer = &*value.protocol_type == PROTOCOL_TYPE;
    json!({
        "protocol_type": &*value.protocol_type,
        "generation": value.generation,
        "protocol": value.protocol.as_deref(),
        "leader": value.leader.as_deref(),
        "current_state_timestamp": value.current_state_timestamp,
        "members": value.members.iter().map(|one| member(one, is_consumer)).collect::<Vec<_>>(),
    })
}

fn member(member: &MemberMetadata, is_consumer: bool) -> Value {
    let subscription =
        is_consumer.then(|| Subscription::from_bytes(member.subscription.clone()).ok()).flatten();
    let topics = subscription.map(|it| it.topics.iter().map(ToString::to_string).collect::<Vec<_>>());
    let assignment = is_consumer.then(|| Assignment::from_bytes(member.assignment.clone()).ok()).flatten();
    let partitions = assignment.map(|it| {
        let parts = it.assigned_partitions.iter();
        parts.map(|part| json!({"topic": &*part.topic, "partitions": part.partitions})).collect::<Vec<_>>()
    });
    json!({
        "member_id": &*member.member_id,
        "group_instance_id": member.group_instance_id.as_deref(),
        "client_id": &*member.client_id,
        "client_host": &*member.client_host,
        "rebalance_timeout": member.rebalance_timeout,
        "session_timeout": member.session_timeout,
        "subscription": topics,
        "assignment": partitions,
    })
}

fn transaction_key(key: &Bytes) -> Result<Value, String> {
    match typed(key)? {
        (TRANSACTION_KEY, rest) => {
            let TransactionLogKey { transactional_id } = last(rest, TRANSACTION_KEY)?;
            Ok(json!({"type": "transaction", "transactional_id": &*transactional_id}))
        }
        (other, _) => Err(format!("records of type {other} are newer than Apache Kafka 4.3")),
    }
}

fn transaction_value(value: &Bytes) -> Result<Value, String> {
    let value: TransactionLogValue = versioned(value)?;
    let state = usize::try_from(value.transaction_status).ok().and_then(|number| STATES.get(number).copied());
    let partitions = value.transaction_partitions.map(|topics| {
        let one = |it: &kestrel_protocol::coordinator_records::PartitionsOfTopic| {
            json!({"topic": &*it.topic, "partitions": it.partition_ids})
        };
        topics.iter().map(one).collect::<Vec<_>>()
    });
    Ok(json!({
        "producer_id": value.producer_id.0,
        "previous_producer_id": value.previous_producer_id.0,
        "next_producer_id": value.next_producer_id.0,
        "producer_epoch": value.producer_epoch.0,
        "transaction_timeout_ms": value.transaction_timeout_ms,
        "state": state.map_or_else(|| Value::from(value.transaction_status), Value::from),
        "partitions": partitions,
        "last_update_timestamp": value.transaction_last_update_timestamp_ms,
        "start_timestamp": value.transaction_start_timestamp_ms,
        "client_transaction_version": value.client_transaction_version,
    }))
}

/// The number before a key, and the rest of it.
fn typed(bytes: &Bytes) -> Result<(i16, Reader), String> {
    let mut reader = Reader::new(bytes.clone());
    let key_type = reader.get_i16("key").map_err(damaged)?;
    Ok((key_type, reader))
}

/// The message behind its version.
fn versioned<M: Message>(bytes: &Bytes) -> Result<M, String> {
    let (version, reader) = typed(bytes)?;
    last(reader, version.min(*M::VERSIONS.end()))
}

/// The message that the rest of the bytes is.
fn last<M: Message>(mut reader: Reader, version: i16) -> Result<M, String> {
    let message = M::decode(&mut reader, version).map_err(damaged)?;
    reader.finish(M::NAME).map_err(damaged)?;
    Ok(message)
}

fn damaged(error: DecodeError) -> String {
    format!("it is damaged: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(topic: &str, key: &'static [u8], value: &'static [u8]) -> [Decoded; 2] {
        let (key, value) = (Bytes::from_static(key), Bytes::from_static(value));
        let decoded =
            |part, bytes: &Bytes| decode(&Encoded { topic, part, headers: &[], key: Some(&key), bytes });
        [decoded(Part::Key, &key), decoded(Part::Value, &value)]
    }

    #[test]
    fn a_committed_offset_is_shown() {
        let key = b"\0\x01\0\x07billing\0\x06clicks\0\0\0\x03";
        let value = b"\0\x03\0\0\0\0\0\0\0\x2a\0\0\0\x05\0\x02hi\0\0\x01\x9d\0\0\0\0";
        let [key, value] = shown(OFFSETS_TOPIC, key, value);
        let expected =
            json!({"type": "offset_commit", "group": "billing", "topic": "clicks", "partition": 3});
        assert_eq!(key, Decoded::Json(expected));
        let Decoded::Json(value) = value else { panic!("{value:?}") };
        assert_eq!(
            (&value["offset"], &value["leader_epoch"], &value["metadata"]),
            (&json!(42), &json!(5), &json!("hi"))
        );
        assert_eq!(value["topic_id"], Value::Null);
    }

    #[test]
    fn a_transaction_is_shown() {
        let value = concat!(
            "\0\0",
            "\0\0\0\0\0\0\0\x07",
            "\0\x01",
            "\0\0\u{b}\u{7f}",
            "\x01",
            "\0\0\0\x01",
            "\0\x01t",
            "\0\0\0\x01\0\0\0\x02",
            "\0\0\0\0\0\0\0\x09",
            "\0\0\0\0\0\0\0\x08"
        );
        let [key, value] = shown(TRANSACTIONS_TOPIC, b"\0\0\0\x01x", value.as_bytes());
        assert_eq!(key, Decoded::Json(json!({"type": "transaction", "transactional_id": "x"})));
        let Decoded::Json(value) = value else { panic!("{value:?}") };
        assert_eq!((&value["producer_id"], &value["state"]), (&json!(7), &json!("Ongoing")));
        assert_eq!(value["partitions"], json!([{"topic": "t", "partitions": [2]}]));
    }

    #[test]
    fn what_is_foreign_or_damaged_says_so() {
        for (key, reason) in [
            (&b"\0\x05\0\x01g"[..], "records of type 5 belong to a group of the consumer protocol"),
            (b"\0\x01\0\x09g", "it is damaged"),
            (b"\0", "it is damaged"),
            (b"\0\x02\0\x01gg", "it is damaged"),
        ] {
            let [Decoded::Unreadable(why), _] = shown(OFFSETS_TOPIC, key, b"") else { panic!("{key:?}") };
            assert!(why.starts_with(reason), "{why}");
        }
    }
}
