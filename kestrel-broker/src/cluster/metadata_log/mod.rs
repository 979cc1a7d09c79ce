//! `__cluster_metadata-0`: the log that the metadata is rebuilt from, as the leader of a quorum of one.
//!
//! Opened, replayed and appended to by the driver. The file formats are those of KRaft (KIP-595, KIP-630): batches of
//! framed records, a leader-change record at the start of each epoch, `quorum-state` beside them; and snapshots, which let
//! the beginning of the log go: see `upkeep.rs`.

mod check;
pub(super) mod entry;
mod quorum_state;
pub(super) mod snapshot;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::record::RecordBatch;
use kestrel_protocol::record::control::{ControlPlace, ControlRecord, LeaderChange, control_batch};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId, Timestamp, Uuid};

use super::controller::Controller;
use super::features::bootstrap_records;
use super::quorum::MetadataQuorum;
use super::records::MetadataRecord;
use super::topic_name::CLUSTER_METADATA_TOPIC;
use crate::config::{BrokerConfig, MetadataLogSettings};
use crate::log::{
    AppendError, AppendOrigin, Appended, Durability, FileSync, LogConfig, LogError, LogManager, LogOrigin,
    OpenLog,
};
use crate::partition::{Identity, Partition};
use entry::{Entry, entries, metadata_batch};
use quorum_state::QuorumState;
use snapshot::{newest_snapshot, read_bootstrap, read_snapshot, remove_leftovers, write_bootstrap};

pub(crate) use check::{ExpectedPartition, METADATA_TOPIC, check_metadata};
pub(super) use snapshot::SnapshotSchedule;

/// The id of the topic that the log would be of.
const METADATA_TOPIC_ID: Uuid = Uuid::from_u128(1);
/// The limit of a batch: what one request may lead to is limited in records, not in bytes.
const MAX_BATCH_BYTES: u32 = 1 << 30;

/// Why the metadata could not be rebuilt. The text is one sentence for the person who started the broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    /// The disk failed, or the log is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A batch could not be appended.
    #[error("cannot append to the metadata log: {0}")]
    Append(#[from] AppendError),
    /// The folder was made by a quorum of several controllers.
    #[error(
        "{} belongs to a quorum of nodes {}, and Kestrel runs alone: reduce it to node {node_id} first",
        dir.display(), join(voters)
    )]
    OtherVoters {
        /// The folder of the metadata log.
        dir: PathBuf,
        /// The quorum.
        voters: Vec<NodeId>,
        /// This node.
        node_id: NodeId,
    },
    /// The folder holds logs and no metadata that says whose.
    #[error(
        "{} is missing, but there are logs such as {other}: is this one of several log.dirs of Apache Kafka? Use the one with the \
         metadata, or Apache Kafka with all of them",
        dir.display()
    )]
    Missing {
        /// The folder of the metadata log, as it would be.
        dir: PathBuf,
        /// A log that is there.
        other: String,
    },
    /// The folder was made by something newer.
    #[error("cannot use {}: {why}", dir.display())]
    Unsupported {
        /// The folder of the metadata log.
        dir: PathBuf,
        /// What is not known.
        why: String,
    },
    /// A file of the metadata cannot be understood.
    #[error("{} is damaged: {why}", file.display())]
    Damaged {
        /// The file, or the folder of the log.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

fn join(voters: &[NodeId]) -> String {
    voters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The metadata log, led by this node.
#[derive(Debug)]
pub(super) struct MetadataLog {
    dir: PathBuf,
    data_dir: PathBuf,
    directory_id: Uuid,
    node_id: NodeId,
    sync: FileSync,
    settings: MetadataLogSettings,
    partition: Arc<Partition>,
    /// The version of the quorum's protocol and its voters, where the log says them (KIP-853).
    quorum: Vec<ControlRecord>,
    /// When the last batch was appended.
    last_appended: Timestamp,
}

impl MetadataLog {
    /// Opens the log and begins an epoch of it. Blocks.
    ///
    /// # Errors
    /// When the log is damaged or belongs to other voters.
    pub(super) fn open(
        logs: &LogManager,
        config: &BrokerConfig,
        durability: Durability,
        now: Timestamp,
    ) -> Result<Self, MetadataError> {
        let (node_id, settings) = (config.node_id, config.metadata_log);
        let (data_dir, directory_id) = (logs.data_dir().to_path_buf(), logs.directory_id());
        let dir = data_dir.join(format!("{CLUSTER_METADATA_TOPIC}-0"));
        check_is_there(logs, &dir)?;
        let log = logs.open_log(OpenLog {
            topic: CLUSTER_METADATA_TOPIC,
            partition: 0,
            topic_id: METADATA_TOPIC_ID,
            config: LogConfig {
                max_message_bytes: MAX_BATCH_BYTES,
                segment_bytes: settings.segment_bytes,
                segment_roll: settings.segment_roll.unwrap_or(Duration::MAX),
                ..LogConfig::default()
            },
            now,
            origin: LogOrigin::HERE,
        })?;
        remove_leftovers(&dir)?;
        let state = match QuorumState::read(&dir)? {
            Some(state) => state.map_err(|why| damaged(&dir.join("quorum-state"), &why))?,
            None => QuorumState { leader_epoch: 0, voters: Some(vec![node_id]) },
        };
        check_voters(&dir, state.voters.as_deref().unwrap_or(&[node_id]), node_id)?;
        // The file is written before the log, so its epoch is the later one; unless somebody removed it.
        let last_epoch = log.epoch_at(log.log_end_offset() - 1).unwrap_or(LeaderEpoch(0));
        let leader_epoch = LeaderEpoch(state.leader_epoch.max(last_epoch.0) + 1);
        let sync = if durability == Durability::Os { FileSync::No } else { FileSync::Yes };
        QuorumState { leader_epoch: leader_epoch.0, ..state }.write(&dir, node_id, sync)?;
        let identity =
            Identity { topic: CLUSTER_METADATA_TOPIC.into(), topic_id: METADATA_TOPIC_ID, index: 0 };
        let partition = Partition::lead(identity, log, durability, leader_epoch)?;
        let (quorum, last_appended) = (Vec::new(), Timestamp::from_millis(0));
        Ok(Self { dir, data_dir, directory_id, node_id, sync, settings, partition, quorum, last_appended })
    }

    /// Replays the newest snapshot and what the log has after it, which is this many bytes. Blocks.
    ///
    /// # Errors
    /// When a file is damaged, or holds what this Kestrel does not know.
    pub(super) fn replay_into(&mut self, controller: &mut Controller) -> Result<u64, MetadataError> {
        let mut bytes = 0;
        let next_offset = self.replay_snapshot(controller)?;
        let partition = Arc::clone(&self.partition);
        let log_start = partition.watermarks().log_start;
        if next_offset < log_start {
            let why = format!("its log begins at {log_start} and no snapshot leads there");
            return Err(damaged(&self.dir, &why));
        }
        for batch in partition.scan(next_offset) {
            let batch = batch.map_err(|error| damaged(&self.dir, &error))?;
            for (offset, entry) in entries(&batch).map_err(|error| damaged(&self.dir, &error))? {
                // A snapshot may end within a batch.
                if offset >= next_offset {
                    self.replay_entry(entry, offset, controller)?;
                }
            }
            self.last_appended = Timestamp::from_millis(batch.header().max_timestamp);
            bytes += batch.bytes().len() as u64;
        }
        Ok(bytes)
    }

    /// Replays the newest snapshot; gives the offset where the log goes on.
    fn replay_snapshot(&mut self, controller: &mut Controller) -> Result<i64, MetadataError> {
        let Some(snapshot) = newest_snapshot(&self.dir)? else { return Ok(0) };
        let contents = read_snapshot(&snapshot.path)?.map_err(|error| damaged(&snapshot.path, &error))?;
        contents.quorum.into_iter().for_each(|record| self.note_quorum(record));
        for value in contents.values {
            let record = MetadataRecord::decode(value).map_err(|error| damaged(&snapshot.path, &error))?;
            controller
                .replay(record, snapshot.end_offset - 1)
                .map_err(|error| damaged(&snapshot.path, &error))?;
        }
        Ok(snapshot.end_offset)
    }

    fn replay_entry(
        &mut self,
        entry: Entry,
        offset: i64,
        controller: &mut Controller,
    ) -> Result<(), MetadataError> {
        match entry {
            Entry::Metadata(value) => {
                let record = MetadataRecord::decode(value)
                    .map_err(|error| self.unsupported(format!("the record at offset {offset}: {error}")))?;
                controller.replay(record, offset).map_err(|error| damaged(&self.dir, &error))
            }
            Entry::Control(ControlRecord::LeaderChange(change)) => {
                check_voters(&self.dir, &change.voters, self.node_id)
            }
            Entry::Control(record) => {
                self.note_quorum(record);
                Ok(())
            }
        }
    }

    /// Remembers what a record says about the quorum, instead of what an earlier one of its kind said.
    fn note_quorum(&mut self, record: ControlRecord) {
        if !matches!(record, ControlRecord::KRaftVersion(_) | ControlRecord::KRaftVoters(_)) {
            return;
        }
        let kind = std::mem::discriminant(&record);
        self.quorum.retain(|known| std::mem::discriminant(known) != kind);
        self.quorum.push(record);
    }

    /// The level of the feature `kraft.version`, which the log says and not the metadata: 0 with static voters.
    pub(super) fn kraft_version(&self) -> i16 {
        let said = self.quorum.iter().find_map(|record| match record {
            ControlRecord::KRaftVersion(version) => Some(*version),
            _ => None,
        });
        said.unwrap_or_default()
    }

    /// The quorum that keeps the log: this node.
    pub(super) fn quorum(&self) -> MetadataQuorum {
        let directory_id = if self.kraft_version() == 0 { Uuid::NIL } else { self.directory_id };
        MetadataQuorum::new(Arc::clone(&self.partition), self.node_id, directory_id)
    }

    /// What a new log begins with: the bootstrap file's records, in their frames. Writes the file when there is none. Blocks.
    ///
    /// # Errors
    /// When the file cannot be written or understood.
    pub(super) fn bootstrap(&self, now: Timestamp) -> Result<Vec<Bytes>, MetadataError> {
        if let Some(contents) = read_bootstrap(&self.data_dir)? {
            let contents =
                contents.map_err(|error| damaged(&self.data_dir.join("bootstrap.checkpoint"), &error))?;
            return Ok(contents.values);
        }
        // A feature level has the same version at every metadata.version.
        let versions = super::features::FeatureLevels::default().record_versions();
        let values: Vec<Bytes> = bootstrap_records().iter().map(|record| record.encode(versions)).collect();
        write_bootstrap(&self.data_dir, &values, now, self.sync)?;
        Ok(values)
    }

    /// Begins the epoch in the log: the record with which a KRaft leader makes itself known.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub(super) fn announce_leader(&mut self, now: Timestamp) -> Result<Appended, AppendError> {
        let voters = vec![self.node_id];
        let change =
            LeaderChange { leader_id: self.node_id, voters: voters.clone(), granting_voters: voters };
        let place = ControlPlace {
            base_offset: self.end_offset(),
            leader_epoch: self.partition.leader_epoch(),
            timestamp: now.as_millis(),
        };
        self.append_batch(control_batch(place, &[ControlRecord::LeaderChange(change)]), now)
    }

    /// Appends framed records as one batch.
    ///
    /// # Errors
    /// When the disk fails: nothing is appended any more then.
    pub(super) fn append(&mut self, values: &[Bytes], now: Timestamp) -> Result<Appended, AppendError> {
        self.append_batch(metadata_batch(values, self.end_offset(), self.partition.leader_epoch(), now), now)
    }

    fn append_batch(&mut self, batch: RecordBatch, now: Timestamp) -> Result<Appended, AppendError> {
        let appended = self.partition.append(batch.into_bytes(), AppendOrigin::Controller, now)?;
        self.last_appended = now;
        Ok(appended)
    }

    /// The offset of the next record.
    pub(super) fn end_offset(&self) -> i64 {
        self.partition.watermarks().end
    }

    /// Waits until everything that was appended is stored.
    pub(super) fn committed(&self) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<> {
        self.partition.committed(self.end_offset() - 1)
    }

    /// The refusal of what is not known.
    pub(super) fn unsupported(&self, why: String) -> MetadataError {
        MetadataError::Unsupported { dir: self.dir.clone(), why }
    }
}

/// Whether the log is there, or the folder is new. Logs without it are the second of several folders, or the first of which
/// the metadata was lost: to begin anew would make strays of them.
fn check_is_there(logs: &LogManager, dir: &Path) -> Result<(), MetadataError> {
    let found = logs.found_partitions();
    let has_metadata = found.iter().any(|found| found.topic == CLUSTER_METADATA_TOPIC);
    match found.first() {
        Some(other) if !has_metadata => Err(MetadataError::Missing {
            dir: dir.to_path_buf(),
            other: format!("{}-{}", other.topic, other.partition),
        }),
        _ => Ok(()),
    }
}

fn check_voters(dir: &Path, voters: &[NodeId], node_id: NodeId) -> Result<(), MetadataError> {
    if voters == [node_id] {
        return Ok(());
    }
    Err(MetadataError::OtherVoters { dir: dir.to_path_buf(), voters: voters.to_vec(), node_id })
}

fn damaged(file: &Path, why: &dyn std::fmt::Display) -> MetadataError {
    MetadataError::Damaged { file: file.to_path_buf(), why: why.to_string() }
}

#[cfg(test)]
mod tests;
