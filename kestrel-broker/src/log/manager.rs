//! All logs of one data folder: its lock, its identity, its checkpoints. Called by `broker.rs` and `partition/`.

use std::path::Path;
use std::sync::Arc;

use kestrel_protocol::{NodeId, TopicId, Uuid};

use super::config::{Durability, LogConfig};
use super::error::{LogError, StorageError};
use super::log::Log;
use super::timestamp::Timestamp;

/// What a data folder is opened with.
#[derive(Debug, Clone)]
pub(crate) struct ManagerOptions {
    /// This broker's id; must be the one in the folder.
    pub(crate) node_id: NodeId,
    /// The cluster's id, if one is asked for; otherwise that of the folder, or a new one.
    pub(crate) cluster_id: Option<String>,
    /// When an append counts as stored.
    pub(crate) durability: Durability,
    /// `producer.id.expiration.ms`: how long the state of an idle producer is kept.
    pub(crate) producer_id_expiration: std::time::Duration,
}

/// A partition's folder that was found in the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundPartition {
    /// The topic in the folder's name.
    pub(crate) topic: String,
    /// The partition in the folder's name.
    pub(crate) partition: i32,
    /// The id in `partition.metadata`, if there is one.
    pub(crate) topic_id: Option<TopicId>,
}

/// What a log is opened or created with.
#[derive(Debug, Clone)]
pub(crate) struct OpenLog<'a> {
    /// The topic's name: half of the folder's name.
    pub(crate) topic: &'a str,
    /// The partition's number: the other half.
    pub(crate) partition: i32,
    /// The topic's id, which a folder that exists must have.
    pub(crate) topic_id: TopicId,
    /// The log's settings.
    pub(crate) config: LogConfig,
    /// The time at which it is opened.
    pub(crate) now: Timestamp,
}

/// All logs of one data folder.
#[derive(Debug)]
pub(crate) struct LogManager {}

impl LogManager {
    /// Takes the folder: creates and locks it, reads or writes `meta.properties`, reads the checkpoints.
    pub(crate) fn open(_data_dir: &Path, _options: ManagerOptions) -> Result<Self, StorageError> {
        unimplemented!()
    }

    /// The cluster's id, from `meta.properties`.
    pub(crate) fn cluster_id(&self) -> &str {
        unimplemented!()
    }

    /// The folder's id, from `meta.properties`.
    pub(crate) fn directory_id(&self) -> Uuid {
        unimplemented!()
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> &Path {
        unimplemented!()
    }

    /// Whether the last stop was clean: no log is scanned then.
    pub(crate) fn was_clean_shutdown(&self) -> bool {
        unimplemented!()
    }

    /// The partition folders that were found when the data folder was opened.
    pub(crate) fn found_partitions(&self) -> &[FoundPartition] {
        unimplemented!()
    }

    /// Opens the log of a partition, or creates it. Recovers it first when the last stop was not clean.
    pub(crate) fn open_log(&self, _open: OpenLog<'_>) -> Result<Arc<Log>, LogError> {
        unimplemented!()
    }

    /// Takes a partition's log out of service and renames its folder; [`Self::purge_deleted`] unlinks it.
    pub(crate) fn delete_log(&self, _topic: &str, _partition: i32) -> Result<(), LogError> {
        unimplemented!()
    }

    /// Unlinks the folders of deleted logs. Can take long: call it where blocking is allowed.
    pub(crate) fn purge_deleted(&self) -> Result<(), LogError> {
        unimplemented!()
    }

    /// Writes the checkpoint files. To be called every minute or so.
    pub(crate) fn checkpoint(&self) -> Result<(), LogError> {
        unimplemented!()
    }

    /// What is due at `now`: flushes by `flush.ms`, forgetting idle producers. To be called every second or so.
    pub(crate) fn tick(&self, _now: Timestamp) {
        unimplemented!()
    }

    /// The clean stop: flushes and closes all logs, writes the checkpoints and, last, `.kafka_cleanshutdown`.
    pub(crate) fn close(&self, _broker_epoch: i64) -> Result<(), LogError> {
        unimplemented!()
    }
}
