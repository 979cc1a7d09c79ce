//! rskafka, which has neither a producer queue nor a consumer of several partitions: batches are made here, five produce
//! requests run at a time, and each partition has a task that fetches ahead.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Utc;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::{Record, RecordAndOffset};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::work::{Failure, Outcome, Peer, Receiver, Sender};
use crate::args::{Acks, Codec, Common, Tuning};

/// What a fetch may answer with: Kafka's `max.partition.fetch.bytes`.
const FETCH_BYTES: std::ops::Range<i32> = 1..1_048_576;
const FETCH_WAIT_MS: i32 = 500;
/// Answers that wait for the reader.
const FETCHED_AHEAD: usize = 4;

/// The `rskafka` crate.
pub(super) struct Rskafka;

impl Peer for Rskafka {
    type Sender = RskafkaSender;
    type Receiver = RskafkaReceiver;

    async fn sender(common: &Common, tuning: &Tuning) -> Result<RskafkaSender, Failure> {
        if tuning.acks != Acks::All {
            return Err(Failure("rskafka always produces with acks=all".to_owned()));
        }
        Ok(RskafkaSender {
            partitions: partitions(common).await?,
            turn: 0,
            batch: Vec::new(),
            batch_size: 0,
            // Its requests carry no linger: without one each record is a batch.
            batch_bytes: if tuning.linger_ms == 0 { 1 } else { tuning.batch_bytes },
            compression: match tuning.compression {
                Codec::None => Compression::NoCompression,
                Codec::Gzip => Compression::Gzip,
                Codec::Snappy => Compression::Snappy,
                Codec::Lz4 => Compression::Lz4,
                Codec::Zstd => Compression::Zstd,
            },
            inflight: tuning.inflight,
            requests: JoinSet::new(),
            outcome: Outcome::default(),
        })
    }

    async fn receiver(common: &Common) -> Result<RskafkaReceiver, Failure> {
        let (fetched, answers) = mpsc::channel(FETCHED_AHEAD);
        let mut fetchers = JoinSet::new();
        for partition in partitions(common).await? {
            fetchers.spawn(fetch(partition, fetched.clone()));
        }
        Ok(RskafkaReceiver { answers, _fetchers: fetchers })
    }
}

pub(super) struct RskafkaSender {
    partitions: Vec<Arc<PartitionClient>>,
    turn: usize,
    batch: Vec<Record>,
    batch_size: usize,
    batch_bytes: usize,
    compression: Compression,
    inflight: usize,
    /// Requests under way: how many records each has, and how it ended.
    requests: JoinSet<(u64, bool)>,
    outcome: Outcome,
}

impl RskafkaSender {
    /// Sends the batch to the partition whose turn it is.
    async fn send_batch(&mut self) {
        while self.requests.len() >= self.inflight {
            self.observe_one().await;
        }
        let capacity = self.batch.len();
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(capacity));
        self.batch_size = 0;
        let partition = Arc::clone(&self.partitions[self.turn]);
        self.turn = (self.turn + 1) % self.partitions.len();
        let compression = self.compression;
        self.requests.spawn(async move {
            let records = batch.len() as u64;
            (records, partition.produce(batch, compression).await.is_ok())
        });
    }

    async fn observe_one(&mut self) {
        match self.requests.join_next().await {
            Some(Ok((records, true))) => self.outcome.acked += records,
            Some(Ok((records, false))) => self.outcome.errors += records,
            Some(Err(_)) | None => self.outcome.errors += 1,
        }
    }
}

impl Sender for RskafkaSender {
    async fn send(&mut self, value: &[u8]) -> Result<(), Failure> {
        self.batch_size += value.len();
        self.batch.push(Record {
            key: None,
            value: Some(value.to_vec()),
            headers: BTreeMap::new(),
            timestamp: Utc::now(),
        });
        if self.batch_size >= self.batch_bytes {
            self.send_batch().await;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Outcome, Failure> {
        if !self.batch.is_empty() {
            self.send_batch().await;
        }
        while !self.requests.is_empty() {
            self.observe_one().await;
        }
        Ok(self.outcome)
    }
}

type Fetched = Result<Vec<RecordAndOffset>, Failure>;

pub(super) struct RskafkaReceiver {
    answers: mpsc::Receiver<Fetched>,
    _fetchers: JoinSet<()>,
}

impl Receiver for RskafkaReceiver {
    async fn receive(&mut self, mut each: impl FnMut(&[u8]) + Send) -> Result<(), Failure> {
        let records =
            self.answers.recv().await.ok_or_else(|| Failure("no partition is read".to_owned()))??;
        for record in &records {
            each(record.record.value.as_deref().unwrap_or_default());
        }
        Ok(())
    }
}

/// Reads one partition from its beginning until nobody takes the answers.
async fn fetch(partition: Arc<PartitionClient>, fetched: mpsc::Sender<Fetched>) {
    let mut fetch_offset = 0;
    loop {
        let answer = partition.fetch_records(fetch_offset, FETCH_BYTES, FETCH_WAIT_MS).await;
        let failed = answer.is_err();
        let answer = answer.map(|(records, _)| records).map_err(Failure::from);
        if let Ok(Some(last)) = answer.as_ref().map(|records| records.last()) {
            fetch_offset = last.offset + 1;
        }
        if fetched.send(answer).await.is_err() || failed {
            return;
        }
    }
}

async fn partitions(common: &Common) -> Result<Vec<Arc<PartitionClient>>, Failure> {
    let client = ClientBuilder::new(vec![common.bootstrap.clone()]).build().await?;
    let mut clients = Vec::new();
    for partition in 0..partition_count(&client, &common.topic).await? {
        let client =
            client.partition_client(common.topic.as_str(), partition, UnknownTopicHandling::Retry).await?;
        clients.push(Arc::new(client));
    }
    Ok(clients)
}

async fn partition_count(client: &Client, topic: &str) -> Result<i32, Failure> {
    let topics = client.list_topics().await?;
    let found = topics.iter().find(|known| known.name == topic);
    let partitions = found.ok_or_else(|| Failure(format!("there is no topic {topic}")))?.partitions.len();
    Ok(i32::try_from(partitions)?)
}
