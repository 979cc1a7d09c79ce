//! A writer over kestrel-client: an idempotent producer that writes to all topics until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use kestrel_client::{Client, Compression, Delivery, Producer, TopicPartition};
use kestrel_tests::Dice;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::ledger::{Acknowledged, SharedLedger};
use crate::stamp::Stamp;
use crate::topics::TOPICS;

/// How many records may wait for their acknowledgement.
const MOST_WAITING: usize = 2_000;
/// How long a record may wait for a broker that comes and goes.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
/// How many records go to a partition in a row at most, and how long the writer rests then at most.
const BURST: usize = 40;
const REST: Duration = Duration::from_millis(30);

/// A record that was sent.
struct Sent {
    partition: TopicPartition,
    record: Acknowledged,
    delivery: Delivery,
}

/// Writes until `stop` is cancelled, then waits for the last acknowledgement.
pub(crate) async fn write(client: Client, ledger: SharedLedger, mut dice: Dice, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let compression = Compression::ALL[dice.roll(Compression::ALL.len())];
        let producer = client
            .producer()
            .compression(compression)
            .linger(Duration::from_millis(2))
            .delivery_timeout(DELIVERY_TIMEOUT)
            .build()
            .await;
        match producer {
            Ok(producer) => live(&producer, &ledger, &mut dice, &stop).await,
            Err(error) => return ledger.lock().violate(format!("a producer cannot be built: {error:#}")),
        }
    }
}

/// The life of one producer: it ends when it is told to stop, or when the producer has failed.
async fn live(producer: &Producer, ledger: &SharedLedger, dice: &mut Dice, stop: &CancellationToken) {
    let writer = ledger.lock().new_writer();
    let (waiting, acknowledged) = mpsc::channel(MOST_WAITING);
    let write = async move {
        let mut sequence = 0;
        while !stop.is_cancelled() {
            if burst(producer, writer, &mut sequence, ledger, dice, &waiting).await.is_err() {
                return;
            }
            tokio::time::sleep(dice.between(Duration::ZERO, REST)).await;
        }
        let _ = producer.flush().await;
    };
    tokio::join!(write, settle(acknowledged, ledger));
}

/// A few records for one partition.
async fn burst(
    producer: &Producer,
    writer: u32,
    sequence: &mut u64,
    ledger: &SharedLedger,
    dice: &mut Dice,
    waiting: &mpsc::Sender<Sent>,
) -> Result<(), kestrel_client::Error> {
    let topic = TOPICS[dice.roll(TOPICS.len())];
    let partition = i32::try_from(dice.roll(topic.partitions.unsigned_abs() as usize)).unwrap_or_default();
    let name: Arc<str> = topic.name.into();
    for _ in 0..=dice.roll(BURST) {
        let (stamp, timestamp) = (Stamp { writer, sequence: *sequence }, clock::wall());
        *sequence += 1;
        ledger.lock().send(writer, *sequence);
        let record = stamp.record(&name).partition(partition).timestamp(timestamp);
        let delivery = producer.send(record).await?;
        let partition = TopicPartition::new(name.clone(), partition);
        let record = Acknowledged { stamp, timestamp: Some(timestamp) };
        if waiting.send(Sent { partition, record, delivery }).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Notes what becomes of each record, in the order in which they were sent.
async fn settle(mut sent: mpsc::Receiver<Sent>, ledger: &SharedLedger) {
    while let Some(Sent { partition, record, delivery }) = sent.recv().await {
        match delivery.await {
            Ok(receipt) => match receipt.offset {
                Some(offset) => ledger.lock().acknowledge(&partition, offset, record),
                // Recognised as a repeated one, too late to know its offset: stored, somewhere.
                None => ledger.lock().failures += 1,
            },
            Err(error) => fail(ledger, &partition, record.stamp, &error),
        }
    }
}

/// Nobody knows whether the record is there. Only its time limit is a reason.
fn fail(ledger: &SharedLedger, partition: &TopicPartition, stamp: Stamp, error: &kestrel_client::Error) {
    let mut ledger = ledger.lock();
    ledger.failures += 1;
    if !error.is_retriable() {
        ledger.violate(format!("{partition}: {stamp} was refused: {error:#}"));
    }
}
