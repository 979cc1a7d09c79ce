//! Holds what a broker has against the ledger: reads partitions, lists topics, asks for committed offsets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use kestrel_client::admin::OffsetSpec;
use kestrel_client::{
    AssignedConsumer, AutoOffsetReset, Client, Error, IsolationLevel, Result, TopicPartition,
};
use tokio::time::timeout;

use crate::check::{self, Read, Seen};
use crate::chores::{Gate, short_lived_partitions, text_of};
use crate::clock;
use crate::ledger::{Deleted, Existence, SharedLedger};
use crate::stamp::Stamp;
use crate::topics::{Kept, SIZED, TOPICS};

/// How long it may take to read everything.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long nothing comes until the positions are looked at: compaction may have removed the end.
const SILENCE: Duration = Duration::from_millis(200);
/// How often a compacted partition is read when the latest record of a key is not in it: a newer one may have come meanwhile.
const ATTEMPTS: usize = 3;
/// How far the tail of a log may have been cut off after retention looked at its size: a batch of each producer.
const SIZE_SLACK_BYTES: u64 = 60_000;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What was written since the last time.
    Tail,
    /// Everything.
    Whole,
}

/// Who holds the broker against the ledger, and what was seen the last time.
pub(crate) struct Verifier {
    client: Client,
    ledger: SharedLedger,
    gate: Gate,
    /// Where each log began and ended.
    ends: BTreeMap<TopicPartition, (i64, i64)>,
    /// How many records were read.
    pub(crate) records_read: u64,
    /// How many offsets of compacted partitions were empty in the last whole reading.
    pub(crate) compacted_away: i64,
}

impl Verifier {
    /// A verifier that has seen nothing.
    pub(crate) fn new(client: Client, ledger: SharedLedger, gate: Gate) -> Self {
        Self { client, ledger, gate, ends: BTreeMap::new(), records_read: 0, compacted_away: 0 }
    }

    /// Looks at everything that was promised; what is broken is in the ledger then.
    pub(crate) async fn verify(&mut self, depth: Depth) -> Result<()> {
        // Topics that come and go do not go meanwhile.
        let gate = self.gate.clone();
        let gate = gate.lock().await;
        self.verify_topics().await?;
        self.verify_commits().await?;
        let mut partitions: BTreeMap<TopicPartition, Kept> = TOPICS
            .iter()
            .flat_map(|topic| topic.partitions().map(|partition| (partition.into(), topic.kept)))
            .collect();
        let there: Vec<_> = self.ledger.lock().topics.clone().into_iter().collect();
        for (name, existence) in there {
            if matches!(existence, Existence::There(_)) {
                partitions.extend(short_lived_partitions(&name).map(|partition| (partition, Kept::All)));
            }
        }
        // A topic that was made anew begins anew.
        self.ends.retain(|partition, _| !partition.topic.starts_with("short-"));
        self.compacted_away = 0;
        self.verify_partitions(&partitions, depth).await?;
        drop(gate);
        Ok(())
    }

    async fn verify_partitions(
        &mut self,
        partitions: &BTreeMap<TopicPartition, Kept>,
        depth: Depth,
    ) -> Result<()> {
        let mut open: BTreeSet<&TopicPartition> = partitions.keys().collect();
        for attempt in 1..=ATTEMPTS {
            let depth = if attempt == 1 { depth } else { Depth::Whole };
            let seen = self.look(partitions, &open, depth).await?;
            for (partition, seen) in seen {
                let wrong = check::violations(&seen, &self.ledger.lock());
                if wrong.is_empty() {
                    open.remove(&partition);
                    self.note(&partition, &seen, depth);
                } else if attempt == ATTEMPTS || !seen.kept.is_compacted() {
                    open.remove(&partition);
                    self.violate(&partition, wrong);
                }
            }
            if open.is_empty() {
                break;
            }
        }
        self.verify_log_starts(partitions).await
    }

    /// Reads partitions.
    async fn look(
        &mut self,
        partitions: &BTreeMap<TopicPartition, Kept>,
        open: &BTreeSet<&TopicPartition>,
        depth: Depth,
    ) -> Result<BTreeMap<TopicPartition, Seen>> {
        let mut seen = BTreeMap::new();
        for (partition, kept) in partitions.iter().filter(|(partition, _)| open.contains(partition)) {
            let acknowledged = self.ledger.lock().acknowledged(partition);
            seen.insert(
                partition.clone(),
                Seen { kept: *kept, from: 0, end: 0, log_start: 0, acknowledged, reads: Vec::new() },
            );
        }
        let starts = self.offsets(seen.keys(), OffsetSpec::Earliest).await?;
        let ends = self.offsets(seen.keys(), OffsetSpec::Latest).await?;
        for (partition, seen) in &mut seen {
            let last_end = self.ends.get(partition).map_or(0, |(_, end)| *end);
            seen.end = ends[partition];
            seen.from = if depth == Depth::Tail {
                starts[partition].max(last_end.min(seen.end))
            } else {
                starts[partition]
            };
        }
        self.read(&mut seen).await?;
        let starts = self.offsets(seen.keys(), OffsetSpec::Earliest).await?;
        for (partition, seen) in &mut seen {
            seen.log_start = starts[partition];
        }
        Ok(seen)
    }

    async fn offsets<'a>(
        &self,
        partitions: impl Iterator<Item = &'a TopicPartition>,
        spec: OffsetSpec,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        let specs = partitions.map(|partition| (partition.clone(), spec));
        let listed =
            self.client.admin().list_offsets(specs, IsolationLevel::ReadUncommitted).await.into_result()?;
        Ok(listed
            .into_iter()
            .map(|(partition, listed)| (partition, listed.offset.unwrap_or_default()))
            .collect())
    }

    /// Reads each partition from where it is to be read to its end.
    async fn read(&mut self, seen: &mut BTreeMap<TopicPartition, Seen>) -> Result<()> {
        let mut unread: BTreeSet<TopicPartition> = seen
            .iter()
            .filter(|(_, seen)| seen.from < seen.end)
            .map(|(partition, _)| partition.clone())
            .collect();
        if unread.is_empty() {
            return Ok(());
        }
        let mut consumer: AssignedConsumer<Bytes, Bytes> = self
            .client
            .assigned_consumer()
            .assign(unread.iter().cloned())
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .fetch_max_wait(Duration::from_millis(20))
            .build()
            .await?;
        for partition in &unread {
            consumer.seek(partition.clone(), seen[partition].from)?;
        }
        let mut last_error = None;
        let read = timeout(PATIENCE, self.read_on(&mut consumer, seen, &mut unread, &mut last_error)).await;
        if read.is_err() {
            let error = last_error.map_or_else(|| "none".to_owned(), |error| format!("{error:#}"));
            self.ledger.lock().violate(format!(
                "{unread:?} could not be read to the end within {PATIENCE:?}; the last error was: {error}"
            ));
        }
        consumer.close().await?;
        Ok(())
    }

    async fn read_on(
        &mut self,
        consumer: &mut AssignedConsumer<Bytes, Bytes>,
        seen: &mut BTreeMap<TopicPartition, Seen>,
        unread: &mut BTreeSet<TopicPartition>,
        last_error: &mut Option<Error>,
    ) {
        while !unread.is_empty() {
            let record = match timeout(SILENCE, consumer.next()).await {
                Ok(Some(Ok(record))) => record,
                // It goes on by itself, or time runs out.
                Ok(Some(Err(error))) => {
                    *last_error = Some(error);
                    continue;
                }
                Ok(None) => return,
                Err(_) => {
                    let at_end: Vec<_> = unread.iter().cloned().collect();
                    for partition in at_end {
                        if consumer
                            .position(partition.clone())
                            .await
                            .is_ok_and(|at| at >= seen[&partition].end)
                        {
                            unread.remove(&partition);
                        }
                    }
                    continue;
                }
            };
            let partition = TopicPartition::new(record.topic.clone(), record.partition);
            let Some(seen) = seen.get_mut(&partition) else { continue };
            if record.offset + 1 >= seen.end {
                unread.remove(&partition);
            }
            // What came after the end was asked for is looked at the next time.
            if record.offset >= seen.end {
                continue;
            }
            self.records_read += 1;
            match Stamp::of(&record) {
                Ok(stamp) => {
                    seen.reads.push(Read { offset: record.offset, stamp, timestamp: record.timestamp });
                }
                Err(wrong) => {
                    self.ledger.lock().violate(format!("{partition}: offset {}: {wrong}", record.offset));
                }
            }
        }
    }

    fn note(&mut self, partition: &TopicPartition, seen: &Seen, depth: Depth) {
        let begin = self.ends.get(partition).map_or(0, |(begin, _)| *begin);
        self.ends.insert(partition.clone(), (begin, seen.end));
        if seen.kept == Kept::Latest && depth == Depth::Whole {
            let read = i64::try_from(seen.reads.len()).unwrap_or(i64::MAX);
            self.compacted_away += seen.end - seen.from - read;
        }
    }

    /// The log starts are where they may be; what is below them is forgotten.
    async fn verify_log_starts(&mut self, partitions: &BTreeMap<TopicPartition, Kept>) -> Result<()> {
        // Answered before the question, asked for until after its answer.
        let answered = self.ledger.lock().deleted.clone();
        let starts = self.offsets(partitions.keys(), OffsetSpec::Earliest).await?;
        let now = clock::wall();
        for (partition, kept) in partitions {
            let log_start = starts[partition];
            let (before, end) = self.ends.get(partition).copied().unwrap_or_default();
            let (gone, deleted) = {
                let mut ledger = self.ledger.lock();
                let asked = ledger.deleted.get(partition).copied().unwrap_or_default().asked;
                let acknowledged = answered.get(partition).copied().unwrap_or_default().acknowledged;
                let deleted = Deleted { acknowledged, asked };
                let gone = ledger.forget_below(partition, log_start);
                let gone = if kept.is_compacted() {
                    check::not_replaced(gone, &ledger.acknowledged(partition))
                } else {
                    gone
                };
                (gone, deleted)
            };
            let wrong = check::log_start_violations(*kept, (before, log_start), deleted, &gone, now);
            self.violate(partition, wrong);
            self.ends.insert(partition.clone(), (log_start, end.max(log_start)));
        }
        Ok(())
    }

    /// Topics that were created are there, with their ids; those that were deleted are not.
    async fn verify_topics(&self) -> Result<()> {
        // Before and after, for those that come meanwhile.
        let before = self.ledger.lock().topics.clone();
        let listed = self.client.admin().list_topics().await?;
        let mut ledger = self.ledger.lock();
        for (name, promised) in before {
            let found = listed.iter().find(|topic| topic.name == name).map(|topic| topic.id);
            let kept = match (promised, found) {
                (Existence::There(id), found) => found == Some(id),
                (Existence::Gone, found) => found.is_none(),
                (Existence::Unknown, _) => true,
            };
            if !kept && ledger.topics.get(&name) == Some(&promised) {
                ledger.violate(format!("topic {name} should be {promised:?}, and its id is {found:?}"));
            }
        }
        Ok(())
    }

    /// Committed offsets are the last that were answered, or later ones that were asked for.
    async fn verify_commits(&self) -> Result<()> {
        let promised = self.ledger.lock().groups.clone();
        let listed = self.client.admin().list_group_offsets(promised.keys().cloned()).await.into_result()?;
        let listed: BTreeMap<_, _> = listed.into_iter().collect();
        let mut ledger = self.ledger.lock();
        for (group, partitions) in promised {
            for (partition, promise) in partitions {
                let found = listed.get(&group).and_then(|offsets| offsets.get(&partition));
                let offset = found.map(|found| found.offset);
                let asked = ledger.groups[&group][&partition].asked;
                let text_fits = found.is_none_or(|found| *found.metadata == *text_of(found.offset));
                if offset < promise.acknowledged || offset.is_some_and(|offset| offset > asked) || !text_fits
                {
                    ledger.violate(format!(
                        "LOST: {group} has committed {:?} of {partition} (asked for {asked}), and there is {found:?}",
                        promise.acknowledged
                    ));
                }
            }
        }
        Ok(())
    }

    /// Retention by size keeps so many bytes: looks at the folder of a broker that does not run.
    pub(crate) fn verify_sizes(&self, data_dir: &Path) {
        let Kept::Bytes(least) = SIZED.kept else { return };
        for partition in SIZED.partitions().map(TopicPartition::from) {
            let bytes = log_bytes(&data_dir.join(partition.to_string()));
            let deleted = self.ends.get(&partition).is_some_and(|(log_start, _)| *log_start > 0);
            if deleted && bytes + SIZE_SLACK_BYTES < least {
                self.violate(&partition, vec![format!("{bytes} bytes are left of {least}")]);
            }
        }
    }

    fn violate(&self, partition: &TopicPartition, wrong: Vec<String>) {
        let mut ledger = self.ledger.lock();
        for what in wrong {
            ledger.violate(format!("{partition}: {what}"));
        }
    }
}

fn log_bytes(folder: &Path) -> u64 {
    let Ok(files) = fs::read_dir(folder) else { return 0 };
    let files = files.flatten().filter(|file| file.path().extension().is_some_and(|ending| ending == "log"));
    files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}
