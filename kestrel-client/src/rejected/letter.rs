//! The letter that a rejected record becomes: what is written to a topic of dead letters. Pure.

use std::sync::Arc;

use super::record::RejectedRecord;
use crate::error::Chain;
use crate::record::{Record, Timestamp};

/// The most bytes that a letter says its cause in: a deserializer's message may quote the bytes that it refuses.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;

impl RejectedRecord<'_> {
    /// The record for the topic of dead letters. Kafka Connect's names, where it has one: tools for its dead letters know them.
    /// Headers that are there already, as in a letter that is rejected once more, stay before the new ones.
    pub(crate) fn letter(&self, topic: &Arc<str>, group: Option<&Arc<str>>) -> Record {
        let mut letter = Record::to(topic);
        letter.key = self.key.cloned();
        letter.value = self.value.cloned();
        letter.headers = self.headers.clone();
        letter.timestamp = Some(self.timestamp).filter(|timestamp| *timestamp != Timestamp::NONE);
        letter = letter
            .header("__connect.errors.topic", self.topic.to_string())
            .header("__connect.errors.partition", self.partition.to_string())
            .header("__connect.errors.offset", self.offset.to_string())
            .header("__connect.errors.stage", self.stage.connect_name())
            .header("__connect.errors.exception.message", self.message());
        match group {
            Some(group) => letter.header("kafka_dlt-original-consumer-group", group.to_string()),
            None => letter,
        }
    }

    /// Why it was rejected, in one line.
    pub(crate) fn message(&self) -> String {
        let mut message = Chain(self.cause).to_string();
        if self.attempts > 1 {
            message.push_str(&format!(", {} times", self.attempts));
        }
        if message.len() > MAX_MESSAGE_BYTES {
            let end = (0..=MAX_MESSAGE_BYTES).rev().find(|&at| message.is_char_boundary(at));
            message.truncate(end.unwrap_or_default());
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kestrel_serde::{SerdeContext, SerdeError};

    use super::*;
    use crate::error::DeserializeError;
    use crate::record::ConsumerRecord;
    use crate::rejected::StoredParts;

    fn record() -> ConsumerRecord {
        let mut record =
            ConsumerRecord::new(("orders", 3), 42, Some(Bytes::from("k")), Some(Bytes::from("v")));
        record.timestamp = Timestamp::from_millis(1_700_000_000_000);
        record.headers.push("trace", Some("7f3a".into()));
        record
    }

    fn headers(letter: &Record) -> Vec<(String, String)> {
        let text = |value: &Bytes| String::from_utf8(value.to_vec()).unwrap();
        let headers = letter.headers.as_slice().iter();
        headers.map(|header| (header.key.to_string(), text(header.value.as_ref().unwrap()))).collect()
    }

    #[test]
    fn a_letter_is_the_record_and_says_where_it_came_from_and_why() {
        let cause = SerdeError::decode(&SerdeContext::key("orders"), "expected 4 bytes, found 1");
        let poison = DeserializeError { record: record(), cause };
        let letter =
            RejectedRecord::unreadable(&poison).letter(&"orders.dlq".into(), Some(&"billing".into()));
        assert_eq!((&*letter.topic, letter.partition), ("orders.dlq", None));
        assert_eq!((letter.key.as_deref(), letter.value.as_deref()), (Some(&b"k"[..]), Some(&b"v"[..])));
        assert_eq!(letter.timestamp, Some(Timestamp::from_millis(1_700_000_000_000)));
        let expected = [
            ("trace", "7f3a"),
            ("__connect.errors.topic", "orders"),
            ("__connect.errors.partition", "3"),
            ("__connect.errors.offset", "42"),
            ("__connect.errors.stage", "KEY_CONVERTER"),
            (
                "__connect.errors.exception.message",
                "cannot decode the key of topic orders: expected 4 bytes, found 1",
            ),
            ("kafka_dlt-original-consumer-group", "billing"),
        ];
        assert_eq!(headers(&letter), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_letter_of_work_says_how_often_it_was_tried() {
        let typed = record().with_parts(Some(7_u64), None::<u64>);
        let stored = StoredParts { key: Some(Bytes::from("k")), value: None };
        let cause = std::io::Error::other("no answer");
        let rejected = RejectedRecord::unworkable(&typed, &stored, 4, &cause);
        let letter = rejected.letter(&"orders.dlq".into(), None);
        assert_eq!((letter.key.as_deref(), letter.value), (Some(&b"k"[..]), None));
        let said = headers(&Record { headers: letter.headers, ..Record::to("orders.dlq") });
        assert!(said.contains(&("__connect.errors.stage".to_owned(), "TASK_PUT".to_owned())), "{said:?}");
        let message = ("__connect.errors.exception.message".to_owned(), "no answer, 4 times".to_owned());
        assert_eq!(said.last(), Some(&message));
    }

    #[test]
    fn a_message_has_an_end() {
        let (typed, stored) = (record(), StoredParts::default());
        let cause = std::io::Error::other("é".repeat(MAX_MESSAGE_BYTES));
        let message = RejectedRecord::unworkable(&typed, &stored, 1, &cause).message();
        assert_eq!(message.len(), MAX_MESSAGE_BYTES);
    }
}
