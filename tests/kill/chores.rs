//! What else goes on while records are written: topics come and go, records are deleted, groups commit.
//!
//! Each chore asks again and again until it is told to stop; what was answered is in the ledger.

use std::sync::Arc;
use std::time::Duration;

use kestrel_client::admin::DeleteRecordsTo;
use kestrel_client::{Admin, Client, Error, ErrorCode, OffsetAndMetadata, TopicId, TopicPartition};
use kestrel_tests::Dice;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::ledger::{Acknowledged, Existence, SharedLedger};
use crate::stamp::Stamp;
use crate::topics::{CUT, Kept, READ, new_topic};

/// Held while a topic goes, and by whoever reads topics that may go.
pub(crate) type Gate = Arc<Mutex<()>>;

/// How many topics come and go, how many partitions each has, and how many records are written to each.
const SHORT_LIVED: usize = 4;
const SHORT_LIVED_PARTITIONS: i32 = 2;
const SHORT_LIVED_RECORDS: u64 = 30;
/// How many groups commit without members.
const GROUPS: usize = 8;
/// The longest rest between two chores of a kind.
const REST: Duration = Duration::from_millis(150);

/// The partitions of a topic that comes and goes.
pub(crate) fn short_lived_partitions(topic: &Arc<str>) -> impl Iterator<Item = TopicPartition> {
    (0..SHORT_LIVED_PARTITIONS).map(|partition| TopicPartition::new(topic.clone(), partition))
}

/// Creates topics, writes a few records to each, and deletes them: under the same names again and again.
pub(crate) async fn come_and_go(
    client: Client,
    ledger: SharedLedger,
    gate: Gate,
    mut dice: Dice,
    stop: CancellationToken,
) {
    let admin = client.admin();
    while !stop.is_cancelled() {
        let name: Arc<str> = format!("short-{}", dice.roll(SHORT_LIVED)).into();
        let there = matches!(ledger.lock().topics.get(&name), Some(Existence::There(_)));
        if there {
            let _gate = gate.lock().await;
            delete(&admin, &ledger, &name).await;
        } else {
            create(&admin, &ledger, &name).await;
            fill(&client, &ledger, &name).await;
        }
        tokio::time::sleep(dice.between(Duration::ZERO, REST)).await;
    }
}

async fn create(admin: &Admin, ledger: &SharedLedger, name: &Arc<str>) {
    ledger.lock().topics.insert(name.clone(), Existence::Unknown);
    let new = new_topic(name, SHORT_LIVED_PARTITIONS, Kept::All);
    let id = match admin.create_topics([new]).await.into_result() {
        Ok(created) => created.first().map(|(_, topic)| topic.id),
        // The first attempt was carried out, and its answer was lost.
        Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => id_of(admin, name).await,
        Err(error) => return ledger.lock().violate(format!("{name} cannot be created: {error:#}")),
    };
    match id {
        Some(id) => drop(ledger.lock().topics.insert(name.clone(), Existence::There(id))),
        None => ledger.lock().violate(format!("{name} is there and is not")),
    }
}

async fn id_of(admin: &Admin, name: &str) -> Option<TopicId> {
    let described = admin.describe_topics([name]).await.into_result().ok()?;
    described.first().map(|(_, topic)| topic.id)
}

async fn delete(admin: &Admin, ledger: &SharedLedger, name: &Arc<str>) {
    {
        let mut ledger = ledger.lock();
        ledger.topics.insert(name.clone(), Existence::Unknown);
        ledger.forget_topic(name);
    }
    match admin.delete_topics([name.clone()]).await.into_result() {
        Err(error) if !is_unknown_topic(&error) => {
            ledger.lock().violate(format!("{name} cannot be deleted: {error:#}"));
        }
        // Unknown: the first attempt was carried out, and its answer was lost.
        _ => {
            let mut ledger = ledger.lock();
            ledger.topics.insert(name.clone(), Existence::Gone);
            ledger.deletions += 1;
        }
    }
}

fn is_unknown_topic(error: &Error) -> bool {
    matches!(error, Error::UnknownTopic { .. }) || error.code() == Some(ErrorCode::UnknownTopicOrPartition)
}

/// Writes a few records to a new topic, with a producer that knows nothing of the one before.
async fn fill(client: &Client, ledger: &SharedLedger, name: &Arc<str>) {
    let producer = match client.producer().build().await {
        Ok(producer) => producer,
        Err(error) => return ledger.lock().violate(format!("a producer cannot be built: {error:#}")),
    };
    let writer = ledger.lock().new_writer();
    ledger.lock().send(writer, SHORT_LIVED_RECORDS);
    let mut deliveries = Vec::new();
    for sequence in 0..SHORT_LIVED_RECORDS {
        let (stamp, timestamp) = (Stamp { writer, sequence }, clock::wall());
        let partition = i32::from(sequence % 3 == 0);
        let record = stamp.record(name).partition(partition).timestamp(timestamp);
        match producer.send(record).await {
            Ok(delivery) => deliveries.push((partition, stamp, timestamp, delivery)),
            Err(_) => ledger.lock().failures += 1,
        }
    }
    for (partition, stamp, timestamp, delivery) in deliveries {
        match delivery.await.map(|receipt| receipt.offset) {
            Ok(Some(offset)) => {
                let record = Acknowledged { stamp, timestamp: Some(timestamp) };
                ledger.lock().acknowledge(&TopicPartition::new(name.clone(), partition), offset, record);
            }
            _ => ledger.lock().failures += 1,
        }
    }
}

/// Deletes records at the beginning of partitions, also in the middle of batches.
pub(crate) async fn delete_records(
    client: Client,
    ledger: SharedLedger,
    mut dice: Dice,
    stop: CancellationToken,
) {
    let admin = client.admin();
    while !stop.is_cancelled() {
        tokio::time::sleep(dice.between(Duration::ZERO, REST * 4)).await;
        let partitions: Vec<TopicPartition> = CUT.partitions().map(Into::into).collect();
        let partition = partitions[dice.roll(partitions.len())].clone();
        let offset = {
            let mut ledger = ledger.lock();
            let acknowledged = ledger.acknowledged(&partition);
            // Half of them, so that some are left to be lost.
            let Some(&offset) = acknowledged.keys().nth(dice.roll(acknowledged.len().max(2) / 2)) else {
                continue;
            };
            let deleted = ledger.deleted.entry(partition.clone()).or_default();
            deleted.asked = deleted.asked.max(offset);
            offset
        };
        match admin.delete_records([(partition.clone(), DeleteRecordsTo::Offset(offset))]).await.into_result()
        {
            Ok(answered) => {
                let mut ledger = ledger.lock();
                ledger.deletions += 1;
                let deleted = ledger.deleted.entry(partition).or_default();
                for (_, log_start) in answered {
                    deleted.acknowledged = deleted.acknowledged.max(log_start);
                }
            }
            Err(error) => ledger.lock().violate(format!("{partition}: DeleteRecords to {offset}: {error:#}")),
        }
    }
}

/// Commits offsets of groups that have no members: ever larger ones, each with a text.
pub(crate) async fn commit(client: Client, ledger: SharedLedger, mut dice: Dice, stop: CancellationToken) {
    let admin = client.admin();
    let partitions: Vec<TopicPartition> = READ.partitions().map(Into::into).collect();
    while !stop.is_cancelled() {
        let group: Arc<str> = format!("group-{}", dice.roll(GROUPS)).into();
        let partition = partitions[dice.roll(partitions.len())].clone();
        let offset = ask(&ledger, &group, &partition, 1);
        let position = OffsetAndMetadata::new(offset).metadata(text_of(offset));
        match admin.alter_group_offsets(group.clone(), [(partition.clone(), position)]).await.into_result() {
            Ok(_) => answered(&ledger, &group, &partition, offset),
            Err(error) => ledger.lock().violate(format!("{group} cannot commit {partition}: {error:#}")),
        }
        tokio::time::sleep(dice.between(Duration::ZERO, REST / 10)).await;
    }
}

/// The text that is committed with an offset.
pub(crate) fn text_of(offset: i64) -> String {
    format!("at {offset}")
}

/// Notes that an offset beyond the last one by `more` is about to be committed, and gives it.
fn ask(ledger: &SharedLedger, group: &Arc<str>, partition: &TopicPartition, more: i64) -> i64 {
    let mut ledger = ledger.lock();
    let committed = ledger.groups.entry(group.clone()).or_default().entry(partition.clone()).or_default();
    committed.asked += more;
    committed.asked
}

/// Notes that a commit was answered.
pub(crate) fn answered(ledger: &SharedLedger, group: &Arc<str>, partition: &TopicPartition, offset: i64) {
    let mut ledger = ledger.lock();
    ledger.commits += 1;
    let committed = ledger.groups.entry(group.clone()).or_default().entry(partition.clone()).or_default();
    committed.acknowledged = committed.acknowledged.max(Some(offset));
}
