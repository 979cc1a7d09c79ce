//! A member of a group that reads a topic while its broker comes and goes, and commits what it has read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_client::{
    AutoOffsetReset, Client, CommitPolicy, Consumer, ConsumerRecord, Error, OffsetAndMetadata, TopicPartition,
};
use tokio_util::sync::CancellationToken;

use crate::chores::{answered, text_of};
use crate::ledger::SharedLedger;
use crate::stamp::Stamp;
use crate::topics::READ;

/// The group's name.
const GROUP: &str = "readers";
/// How many records are read between two commits.
const RECORDS_PER_COMMIT: usize = 100;

/// Reads and commits until `stop` is cancelled. No record may be skipped: the topic keeps all.
pub(crate) async fn read(client: Client, ledger: SharedLedger, stop: CancellationToken) {
    if let Err(error) = try_read(client, &ledger, stop).await {
        ledger.lock().violate(format!("the member of the group ended: {error:#}"));
    }
}

async fn try_read(client: Client, ledger: &SharedLedger, stop: CancellationToken) -> Result<(), Error> {
    let mut consumer: Consumer<Bytes, Bytes> = client
        .consumer(GROUP)
        .topics([READ.name])
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .commit_policy(CommitPolicy::Manual)
        .session_timeout(Duration::from_secs(30))
        .heartbeat_interval(Duration::from_millis(100))
        .fetch_max_wait(Duration::from_millis(50))
        .build()
        .await?;
    let mut ends = BTreeMap::<TopicPartition, i64>::new();
    let mut uncommitted = 0;
    loop {
        let record = tokio::select! {
            record = consumer.next() => record,
            () = stop.cancelled() => break,
        };
        let record = match record {
            Some(Ok(record)) => record,
            // The broker may be down for long.
            Some(Err(error)) if error.is_retriable() => continue,
            Some(Err(error)) => return Err(error),
            None => break,
        };
        work(&record, &mut ends, ledger);
        uncommitted += 1;
        if uncommitted >= RECORDS_PER_COMMIT {
            uncommitted = 0;
            commit(&consumer, &ends, ledger).await;
        }
    }
    consumer.close().await
}

fn work(record: &ConsumerRecord, ends: &mut BTreeMap<TopicPartition, i64>, ledger: &SharedLedger) {
    let partition = TopicPartition::new(record.topic.clone(), record.partition);
    let end = ends.entry(partition.clone()).or_default();
    if record.offset > *end {
        ledger.lock().violate(format!("{partition}: the group is handed {} after {end}", record.offset));
    }
    // After a rebalance it begins where it committed.
    *end = record.offset + 1;
    if let Err(wrong) = Stamp::of(record) {
        ledger.lock().violate(format!("{partition}: the group reads {wrong}"));
    }
}

async fn commit(
    consumer: &Consumer<Bytes, Bytes>,
    ends: &BTreeMap<TopicPartition, i64>,
    ledger: &SharedLedger,
) {
    let group: Arc<str> = GROUP.into();
    {
        let mut ledger = ledger.lock();
        let asked = ledger.groups.entry(group.clone()).or_default();
        for (partition, &end) in ends {
            let committed = asked.entry(partition.clone()).or_default();
            committed.asked = committed.asked.max(end);
        }
    }
    let positions = ends
        .iter()
        .map(|(partition, &end)| (partition.clone(), OffsetAndMetadata::new(end).metadata(text_of(end))));
    // One that fails says nothing: what was committed before is looked at all the same.
    if consumer.commit_offsets(positions).await.is_ok() {
        for (partition, &end) in ends {
            answered(ledger, &group, partition, end);
        }
    }
}
