//! How far behind a group is in time: the age of the first record that it has not read, which is read here.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use kestrel_client::serde::Raw;
use kestrel_client::{Bytes, Client, Error, Timestamp, TopicPartition};

/// How long the records may take: in what was compacted away or aborted there is none.
const PATIENCE: Duration = Duration::from_secs(3);

/// The timestamps of the records at or after these offsets, of the partitions where they can be told.
///
/// # Errors
/// When reading cannot begin, and that alone.
pub(super) async fn first_timestamps(
    client: &Client,
    offsets: Vec<(TopicPartition, i64)>,
) -> Result<BTreeMap<TopicPartition, Timestamp>, Error> {
    let mut found = BTreeMap::new();
    if offsets.is_empty() {
        return Ok(found);
    }
    let partitions = offsets.iter().map(|(partition, _)| partition);
    let consumer = client.assigned_consumer::<Bytes, Bytes>().key(Raw).value(Raw).assign(partitions);
    let mut consumer = consumer.build().await?;
    for (partition, offset) in &offsets {
        consumer.seek(partition, *offset)?;
    }
    let mut awaited: HashSet<TopicPartition> = offsets.into_iter().map(|(partition, _)| partition).collect();
    let read = async {
        while !awaited.is_empty() {
            match consumer.next().await {
                Some(Ok(record)) => {
                    let partition = TopicPartition::new(&record.topic, record.partition);
                    if awaited.remove(&partition) {
                        consumer.pause([&partition])?;
                        found.insert(partition, record.timestamp);
                    }
                }
                // What cannot be read is not told.
                Some(Err(error)) if error.is_retriable() => {}
                Some(Err(_)) | None => break,
            }
        }
        Ok::<(), Error>(())
    };
    // Its end is the end of the patience; what was found by then is told.
    let _ = tokio::time::timeout(PATIENCE, read).await;
    Ok(found)
}
