//! One partition as its leader: append, read, offsets, epochs. The only way to its log.
//!
//! Called by the handlers of Produce, Fetch, ListOffsets, OffsetForLeaderEpoch and DeleteRecords, and by coordinators.
//! Appends and reads are synchronous and short: the page cache, under the log's own lock. Only [`Partition::committed`] and
//! [`Partition::delete_records`] wait.

mod scan;
mod transactions;

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, LeaderEpoch, Timestamp, TopicId};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::purgatory::{self, FetchWatch, Published};
use super::traffic::Traffic;
use super::watermarks::{Isolation, Watermarks};
use crate::log::{
    AbortedTransaction, ActiveProducer, AppendError, AppendOrigin, Appended, ByteRun, Durability, EpochEnd,
    FirstBatch, FoundOffset, Log, LogConfig, LogError, ReadRequest,
};
use crate::metrics::TopicMetrics;

pub(crate) use scan::ScanError;

/// A fetch of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FetchRead {
    /// The first offset wanted.
    pub(crate) fetch_offset: i64,
    /// How many bytes to return at most.
    pub(crate) max_bytes: usize,
    /// Whether a first batch that is larger is returned whole (KIP-74).
    pub(crate) first_batch: FirstBatch,
    /// From how many bytes on the records are not read but left in their file.
    pub(crate) file_run_min_bytes: usize,
    /// How far the reader may see.
    pub(crate) isolation: Isolation,
    /// The epoch that the reader believes current; [`LeaderEpoch::NONE`] when it does not say (KIP-320).
    pub(crate) current_leader_epoch: LeaderEpoch,
    /// The epoch of the last record that the reader has; [`LeaderEpoch::NONE`] when it does not say (KIP-595).
    pub(crate) last_fetched_epoch: LeaderEpoch,
}

/// The answer to a [`FetchRead`].
#[derive(Debug, Clone)]
pub(crate) struct PartitionRead {
    /// Whole batches, the first of which contains the offset asked for; empty when there is nothing to read yet.
    pub(crate) records: ByteRun,
    /// The watermarks that the read was bounded by.
    pub(crate) watermarks: Watermarks,
    /// The aborted transactions that have records among these; empty unless only committed ones were asked for (KIP-98).
    pub(crate) aborted: Vec<AbortedTransaction>,
    /// Where the reader's log left this one, if it did: then there are no records (KIP-595).
    pub(crate) diverging: Option<EpochEnd>,
}

/// An offset that ListOffsets asks for, by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffsetSpec {
    /// -1: the end of what the isolation lets the reader see.
    Latest,
    /// -2: the log start.
    Earliest,
    /// -3: the first record with the largest timestamp (KIP-734).
    MaxTimestamp,
    /// -4: the first offset on this broker's disk (KIP-405).
    EarliestLocal,
    /// -5: the end of what is in tiered storage, of which there is none (KIP-1005).
    LatestTiered,
    /// -6: the first offset that waits for tiered storage, of which there is none (KIP-1023).
    EarliestPendingUpload,
    /// The first record at or after this time.
    At(Timestamp),
}

impl OffsetSpec {
    /// The kind that the `timestamp` field of a request stands for; none for a negative number without a meaning.
    pub(crate) const fn from_wire(timestamp: i64) -> Option<Self> {
        Some(match timestamp {
            -1 => Self::Latest,
            -2 => Self::Earliest,
            -3 => Self::MaxTimestamp,
            -4 => Self::EarliestLocal,
            -5 => Self::LatestTiered,
            -6 => Self::EarliestPendingUpload,
            0.. => Self::At(Timestamp::from_millis(timestamp)),
            _ => return None,
        })
    }
}

/// A partition that this broker leads.
#[derive(Debug)]
pub(crate) struct Partition {
    topic: ByteString,
    topic_id: TopicId,
    index: i32,
    log: Arc<Log>,
    durability: Durability,
    leader_epoch: AtomicI32,
    published: watch::Sender<Published>,
    traffic: Traffic,
}

/// Where a partition stands at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionStanding {
    /// The topic's name.
    pub(crate) topic: ByteString,
    /// The partition's number.
    pub(crate) index: i32,
    /// How far its log reaches and may be read.
    pub(crate) watermarks: Watermarks,
    /// How many bytes of records the log has.
    pub(crate) size_bytes: u64,
    /// How many segments it has.
    pub(crate) segments: usize,
    /// How many transactions are open.
    pub(crate) open_transactions: usize,
}

#[cfg(test)]
impl PartitionStanding {
    /// A partition that has records up to here, for tests of those who look at it.
    pub(crate) fn of(topic: &str, index: i32, high: i64) -> Self {
        let watermarks = Watermarks { log_start: 0, stable: high, high, end: high };
        Self { topic: topic.into(), index, watermarks, size_bytes: 0, segments: 1, open_transactions: 0 }
    }
}

/// The partition that a log is opened for.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The topic's name.
    pub(crate) topic: ByteString,
    /// The topic's id.
    pub(crate) topic_id: TopicId,
    /// The partition's number.
    pub(crate) index: i32,
}

impl Partition {
    /// Leads the partition from the end of its log on. Blocks: with group durability, what was recovered is flushed first.
    ///
    /// # Errors
    /// When the epoch or the recovered data cannot be written.
    pub(crate) fn lead(
        identity: Identity,
        log: Arc<Log>,
        durability: Durability,
        leader_epoch: LeaderEpoch,
    ) -> Result<Arc<Self>, LogError> {
        log.assign_epoch(leader_epoch)?;
        if durability == Durability::Group && log.flushed_end_offset() < log.log_end_offset() {
            log.flush()?;
        }
        let watermarks = Watermarks::new(log.position(), durability);
        log.note_high_watermark(watermarks.high);
        let partition = Arc::new_cyclic(|this: &Weak<Self>| {
            let this = this.clone();
            log.on_flushed(Box::new(move |_| {
                if let Some(partition) = this.upgrade() {
                    partition.advance();
                }
            }));
            Self {
                topic: identity.topic,
                topic_id: identity.topic_id,
                index: identity.index,
                durability,
                leader_epoch: AtomicI32::new(leader_epoch.0),
                published: watch::Sender::new(Published { watermarks, retired: false }),
                traffic: Traffic::default(),
                log,
            }
        });
        // What was flushed before the partition was whole.
        partition.advance();
        Ok(partition)
    }

    /// The topic's name.
    pub(crate) const fn topic(&self) -> &ByteString {
        &self.topic
    }

    /// The topic's id.
    pub(crate) const fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// The partition's number.
    pub(crate) const fn index(&self) -> i32 {
        self.index
    }

    /// The epoch in which this broker leads.
    pub(crate) fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.leader_epoch.load(Ordering::Acquire))
    }

    /// How far the log reaches and may be read.
    pub(crate) fn watermarks(&self) -> Watermarks {
        self.published.borrow().watermarks
    }

    /// Appends records in the order of the calls: when it returns, their offsets are given; see [`Self::committed`] for when
    /// they are stored.
    ///
    /// # Errors
    /// Why nothing was appended; [`LogError::Closed`] in it when the partition was deleted.
    pub(crate) fn append(
        &self,
        records: Bytes,
        origin: AppendOrigin,
        now: Timestamp,
    ) -> Result<Appended, AppendError> {
        self.append_verified(records, origin, None, now)
    }

    /// The producers whose batches the log knows, by id.
    pub(crate) fn producers(&self) -> Vec<ActiveProducer> {
        self.log.producers()
    }

    /// Waits until everything up to `last_offset` is stored, that is, below the high watermark. Has no deadline; dropping
    /// the future changes nothing.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER` when the partition is deleted meanwhile.
    pub(crate) fn committed(
        &self,
        last_offset: i64,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<> {
        purgatory::committed(self.published.subscribe(), last_offset)
    }

    /// A watch for [`any_news`](super::any_news): wakes when there is more to read than `seen` allowed.
    pub(crate) fn watch(&self, isolation: Isolation, seen: Watermarks) -> FetchWatch {
        FetchWatch::new(self.published.subscribe(), isolation, seen)
    }

    /// Reads whole batches, beginning with the one that contains the offset.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH`, `UNKNOWN_LEADER_EPOCH`, `OFFSET_OUT_OF_RANGE`, or what the log's error stands for.
    pub(crate) fn read(&self, fetch: FetchRead) -> Result<PartitionRead, ErrorCode> {
        let read = self.read_log(fetch);
        self.traffic.read(&read);
        read
    }

    fn read_log(&self, fetch: FetchRead) -> Result<PartitionRead, ErrorCode> {
        self.check_epoch(fetch.current_leader_epoch)?;
        let watermarks = self.watermarks();
        if let Some(diverging) = self.divergence(fetch.last_fetched_epoch, fetch.fetch_offset)? {
            let (records, aborted) = (ByteRun::default(), Vec::new());
            return Ok(PartitionRead { records, watermarks, aborted, diverging: Some(diverging) });
        }
        let records = self.log.read(ReadRequest {
            fetch_offset: fetch.fetch_offset,
            max_bytes: fetch.max_bytes,
            up_to_offset: watermarks.readable_end(fetch.isolation),
            first_batch: fetch.first_batch,
            file_run_min_bytes: fetch.file_run_min_bytes,
        });
        let records = records.map_err(|error| self.storage_failure(&error))?;
        let mut aborted = Vec::new();
        if fetch.isolation == Isolation::ReadCommitted {
            let found = self.log.aborted_within(fetch.fetch_offset, &records);
            aborted = found.map_err(|error| self.storage_failure(&error))?;
        }
        Ok(PartitionRead { records, watermarks, aborted, diverging: None })
    }

    /// Finds an offset for ListOffsets; `None` when no record answers the question.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH`, `UNKNOWN_LEADER_EPOCH`, or what the log's error stands for.
    pub(crate) fn offset_for(
        &self,
        spec: OffsetSpec,
        isolation: Isolation,
        current_leader_epoch: LeaderEpoch,
    ) -> Result<Option<FoundOffset>, ErrorCode> {
        self.check_epoch(current_leader_epoch)?;
        let watermarks = self.watermarks();
        let end = watermarks.readable_end(isolation);
        let found = |offset, leader_epoch| FoundOffset { timestamp: Timestamp::NONE, offset, leader_epoch };
        match spec {
            OffsetSpec::Latest => Ok(Some(found(end, self.leader_epoch()))),
            OffsetSpec::Earliest | OffsetSpec::EarliestLocal => {
                let start = watermarks.log_start;
                Ok(Some(found(start, self.log.epoch_at(start).unwrap_or(LeaderEpoch::NONE))))
            }
            OffsetSpec::LatestTiered | OffsetSpec::EarliestPendingUpload => Ok(None),
            // As Apache Kafka: the largest of all, and nothing when it is in a transaction that has not ended.
            OffsetSpec::MaxTimestamp => match self.log.max_timestamp_offset(watermarks.high) {
                Ok(found) => Ok(found.filter(|found| found.offset < end)),
                Err(error) => Err(self.storage_failure(&error)),
            },
            OffsetSpec::At(time) => {
                self.log.offset_for_timestamp(time, end).map_err(|error| self.storage_failure(&error))
            }
        }
    }

    /// Where `epoch` ends in this log (KIP-101): -1 and -1 for an epoch that is not known here.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH`, `UNKNOWN_LEADER_EPOCH`.
    pub(crate) fn end_offset_for_epoch(
        &self,
        epoch: LeaderEpoch,
        current_leader_epoch: LeaderEpoch,
    ) -> Result<EpochEnd, ErrorCode> {
        self.check_epoch(current_leader_epoch)?;
        Ok(self.log.end_offset_for_epoch(epoch))
    }

    /// Moves the log start up to `offset`, -1 being the high watermark, and makes that durable; gives the new log start. An
    /// offset below the log start changes nothing.
    ///
    /// Not to be cancelled half way: it runs on a blocking thread to its end, also when the future is dropped.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` above the high watermark or below -1, or what the log's error stands for.
    pub(crate) async fn delete_records(self: &Arc<Self>, offset: i64) -> Result<i64, ErrorCode> {
        const UP_TO_HIGH_WATERMARK: i64 = -1;
        let high = self.watermarks().high;
        let offset = if offset == UP_TO_HIGH_WATERMARK { high } else { offset };
        if !(0..=high).contains(&offset) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let partition = Arc::clone(self);
        let deletion = spawn_blocking(move || {
            let log_start = partition.log.delete_records_before(offset);
            partition.advance();
            log_start.map_err(|error| partition.storage_failure(&error))
        });
        deletion.await.unwrap_or(Err(ErrorCode::UnknownServerError))
    }

    /// Counts bytes of batches that leave in an answer to a Fetch request.
    pub(crate) fn count_sent(&self, size_bytes: usize) {
        self.traffic.sent(size_bytes);
    }

    /// Adds what this partition has counted, and holds, to that of its topic.
    pub(super) fn add_to(&self, topic: &mut TopicMetrics) {
        topic.partitions += 1;
        topic.segments += u64::try_from(self.log.segment_count()).unwrap_or_default();
        topic.size_bytes += self.size_bytes();
        self.traffic.add_to(topic);
    }

    /// Where it stands now.
    pub(super) fn standing(&self) -> PartitionStanding {
        PartitionStanding {
            topic: self.topic.clone(),
            index: self.index,
            watermarks: self.watermarks(),
            size_bytes: self.size_bytes(),
            segments: self.log.segment_count(),
            open_transactions: self.log.open_transaction_count(),
        }
    }

    /// The time of the first record at `offset` or after it that may be read; `None` when there is none, or it says no time.
    ///
    /// # Errors
    /// What the log's error stands for.
    pub(crate) fn time_of(&self, offset: i64) -> Result<Option<Timestamp>, ErrorCode> {
        let found = self.log.first_record(offset, self.watermarks().high);
        let found = found.map_err(|error| self.storage_failure(&error))?;
        Ok(found.map(|found| found.timestamp).filter(|time| *time != Timestamp::NONE))
    }

    /// How many bytes of records the log has.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.log.size_bytes()
    }

    /// Begins a new segment if the last one has at least `min_bytes`. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn begin_segment(&self, min_bytes: u64, now: Timestamp) -> Result<(), LogError> {
        self.log.begin_segment(min_bytes, now)
    }

    /// Deletes the segments that the topic's retention does not keep at `now`. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk fails; [`LogError::Closed`] when the partition was deleted.
    pub(super) fn delete_old_segments(&self, now: Timestamp) -> Result<(), LogError> {
        let deletion = self.log.delete_old_segments(now);
        self.advance();
        deletion.map(|_| ())
    }

    /// Replaces the log's settings, from the next append on.
    pub(super) fn reconfigure(&self, config: LogConfig) {
        self.log.set_config(config);
    }

    /// Leads in a newer epoch from the end of the log on.
    pub(super) fn lead_in(&self, leader_epoch: LeaderEpoch) -> Result<(), LogError> {
        if leader_epoch > self.leader_epoch() {
            self.log.assign_epoch(leader_epoch)?;
            self.leader_epoch.fetch_max(leader_epoch.0, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Ends the wait of every request: the partition is being deleted.
    pub(super) fn retire(&self) {
        self.published.send_modify(|now| now.retired = true);
    }

    /// Publishes where the log stands now: after each change of it, and after a flush, of which only the log knows.
    ///
    /// What counts as stored is decided here, and will be by replicas too. The log gets it, as its upkeep and the checkpoints
    /// run without a partition.
    fn advance(&self) {
        let position = self.log.position();
        self.published.send_if_modified(|now| {
            let moved = now.watermarks.advance(position, self.durability);
            if moved {
                // Here, where no other advance can note an older one later.
                self.log.note_high_watermark(now.watermarks.high);
            }
            moved
        });
    }

    fn check_epoch(&self, current_leader_epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        let leader_epoch = self.leader_epoch();
        if current_leader_epoch == LeaderEpoch::NONE || current_leader_epoch == leader_epoch {
            Ok(())
        } else if current_leader_epoch < leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else {
            Err(ErrorCode::UnknownLeaderEpoch)
        }
    }

    /// Where a reader's log left this one, from the epoch of its last record and the offset after it.
    fn divergence(&self, epoch: LeaderEpoch, fetch_offset: i64) -> Result<Option<EpochEnd>, ErrorCode> {
        if epoch == LeaderEpoch::NONE {
            return Ok(None);
        }
        let end = self.log.end_offset_for_epoch(epoch);
        if end.epoch == LeaderEpoch::NONE || end.end_offset < 0 {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let diverged = end.epoch < epoch || end.end_offset < fetch_offset;
        Ok(diverged.then_some(end))
    }

    fn storage_failure(&self, error: &LogError) -> ErrorCode {
        let code = ErrorCode::from(error);
        // Shortages and poisoned folders were already logged; do not log them again.
        let is_known = matches!(error, LogError::Short { .. } | LogError::Poisoned { .. });
        if code == ErrorCode::KafkaStorageError && !is_known {
            tracing::error!(topic = %self.topic, partition = self.index, %error, "the log failed");
        }
        code
    }
}

#[cfg(test)]
mod tests;
