//! Composer: makes a record of a draft: where it goes, when it is from, and its bytes.

use clap::Args;
use kestrel_client::serde::Part;
use kestrel_client::{Record, Timestamp};

use crate::records::encode::Encoder;
use crate::records::input::{Content, Draft};
use crate::values::key_and_value;

/// What all records have.
#[derive(Debug, Clone, Args)]
pub(super) struct ComposerArguments {
    /// The key of all records that have none
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,

    /// A header of all records, after their own; may be given many times
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = key_and_value)]
    header: Vec<(String, String)>,

    /// The partition of all records
    #[arg(long, short = 'p', value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,

    /// Choose partitions anew, and not those that lines of JSON say
    #[arg(long, conflicts_with = "partition")]
    repartition: bool,

    /// Give records the present time, and not that which lines of JSON say
    #[arg(long)]
    now: bool,
}

/// Makes records.
#[derive(Debug)]
pub(super) struct Composer {
    topic: Option<String>,
    arguments: ComposerArguments,
    key: Encoder,
    value: Encoder,
}

impl Composer {
    pub(super) fn new(
        topic: Option<&str>,
        arguments: ComposerArguments,
        key: Encoder,
        value: Encoder,
    ) -> Self {
        Self { topic: topic.map(str::to_owned), arguments, key, value }
    }

    /// The topic of all records, if it is one.
    pub(super) fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// The record of a draft, or why there is none.
    pub(super) async fn compose(&self, draft: Draft) -> Result<Record, String> {
        let Draft { topic, partition, timestamp_millis, mut headers, key, value } = draft;
        let topic = self.topic.clone().or(topic).ok_or("it names no topic")?;
        let key = match (&self.arguments.key, key) {
            (Some(text), Content::Bytes(None)) => Content::Bytes(Some(text.clone().into())),
            (_, key) => key,
        };
        let of = |part: &'static str| move |reason: String| format!("the {part}: {reason}");
        let key = self.key.encode((&topic, Part::Key), &mut headers, key).await.map_err(of("key"))?;
        let value =
            self.value.encode((&topic, Part::Value), &mut headers, value).await.map_err(of("value"))?;
        for (name, value) in &self.arguments.header {
            headers.push(name.as_str(), Some(value.clone().into()));
        }
        let mut record = Record::to(topic);
        (record.key, record.value, record.headers) = (key, value, headers);
        record.partition =
            self.arguments.partition.or_else(|| partition.filter(|_| !self.arguments.repartition));
        record.timestamp = timestamp_millis.filter(|_| !self.arguments.now).map(Timestamp::from_millis);
        Ok(record)
    }
}
