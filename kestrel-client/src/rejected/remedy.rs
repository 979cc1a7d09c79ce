//! Remedy: what becomes of a record that cannot be read or worked on.

use std::fmt;
use std::sync::Arc;

use crate::into::IntoName;

/// What becomes of a record that cannot be read
/// ([`ConsumerBuilder::on_poison`](crate::ConsumerBuilder::on_poison)) or worked on ([`Handling::then`](crate::Handling::then)).
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::{Int64, Remedy, Utf8};
///
/// let consumer = client.consumer::<String, i64>("billing").topics(["payments"]).key(Utf8).value(Int64);
/// let mut consumer = consumer.on_poison(Remedy::dead_letter("payments.dlq")).build().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The application gets the error: [`Error::Deserialize`](crate::Error::Deserialize) as an item of the stream, which goes on
    /// after it; of work that fails, as the end of its loop. The default.
    #[default]
    Fail,
    /// It is passed. The client's [observer](crate::observer::RecordRejected) hears of it, and the log, as of all that is not
    /// [`Fail`](Self::Fail).
    Skip,
    /// It is written to this topic as it was stored, with headers that say where it came from and why, and then passed.
    ///
    /// The letter has the key, the value, the headers and the timestamp of the record, and the partition that its key has there;
    /// a compacted topic keeps the last one of each key. Its own headers come after the record's: text, in Kafka
    /// Connect's names where it has one.
    ///
    /// | header | |
    /// |---|---|
    /// | `__connect.errors.topic`, `.partition`, `.offset` | the record's place |
    /// | `__connect.errors.stage` | `KEY_CONVERTER` or `VALUE_CONVERTER`: the part that cannot be read; `TASK_PUT`: the work on it |
    /// | `__connect.errors.exception.message` | why, with all that is behind it; up to 8 KiB |
    /// | `kafka_dlt-original-consumer-group` | the group, in Spring's name |
    ///
    /// It is stored (`acks=all`) before the record is passed, and so before any commit covers it. What is read again, after a crash or
    /// a rebalance, may be written again: at least once. In [`Client::exactly_once`](crate::Client::exactly_once) it is part of the
    /// transaction, and so written once. A topic that cannot be written to, or that the letter is too large for, holds the partition,
    /// with [`Error::Held`](crate::Error::Held), until somebody mends it: nothing is lost. The letter is larger than the record by its
    /// headers, and not compressed unless the producer compresses: give the topic a generous `max.message.bytes`.
    DeadLetter(Arc<str>),
}

impl Remedy {
    /// A [dead letter](Self::DeadLetter) to `topic`.
    pub fn dead_letter(topic: impl IntoName) -> Self {
        Self::DeadLetter(topic.into_name())
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail => f.write_str("fail"),
            Self::Skip => f.write_str("skip"),
            Self::DeadLetter(topic) => write!(f, "dead letter to {topic}"),
        }
    }
}

/// The step that a record was rejected at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Its key was not deserialized.
    Key,
    /// Its value was not deserialized.
    Value,
    /// The application's work on it has failed.
    Work,
}

impl Stage {
    /// The name of the stage in Kafka Connect.
    pub(super) const fn connect_name(self) -> &'static str {
        match self {
            Self::Key => "KEY_CONVERTER",
            Self::Value => "VALUE_CONVERTER",
            Self::Work => "TASK_PUT",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Work => "work",
        })
    }
}
