//! The errors of a log. An error becomes an error code in exactly one place: the crate's `error.rs`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::log::data_dir::Shortage;
use kestrel_protocol::{NodeId, ProducerEpoch, ProducerId, TopicId, Uuid};

/// Why a log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The offset is not in the log: OFFSET_OUT_OF_RANGE.
    #[error("offset {offset} is outside of the log, which has {log_start_offset} to {log_end_offset}")]
    OffsetOutOfRange {
        /// The offset that was asked for.
        offset: i64,
        /// The first offset that is there.
        log_start_offset: i64,
        /// The offset after the last record.
        log_end_offset: i64,
    },
    /// Data that had been flushed is damaged: KAFKA_STORAGE_ERROR. Nothing was cut off.
    #[error("{} is damaged at byte {at}: {why}", file.display())]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        at: u64,
        /// The problem that was found there.
        why: String,
    },
    /// The log has messages in a format before record batches: UNSUPPORTED_FOR_MESSAGE_FORMAT. It is left as it is.
    #[error(
        "{} has messages in format {magic}, of Apache Kafka before 0.11: it is not damaged, but not read here and left as it \
         is; Apache Kafka 4 reads it", file.display()
    )]
    OldFormat {
        /// The segment.
        file: PathBuf,
        /// The format of the first such message: 0 or 1.
        magic: i8,
    },
    /// The folder belongs to another topic of the same name: INCONSISTENT_TOPIC_ID.
    #[error("{} belongs to topic id {found}, not {expected}", dir.display())]
    InconsistentTopicId {
        /// The partition's folder.
        dir: PathBuf,
        /// The id of the topic that wants the folder.
        expected: TopicId,
        /// The id in its `partition.metadata`.
        found: TopicId,
    },
    /// Another data folder has the log, so it is not begun here: KAFKA_STORAGE_ERROR.
    #[error(
        "{} is not here: the metadata has it in the data folder with directory.id {directory}, and this one is {here}",
        dir.display()
    )]
    Elsewhere {
        /// The partition's folder, as it would be here.
        dir: PathBuf,
        /// The `directory.id` of the folder that has it.
        directory: Uuid,
        /// That of this folder.
        here: Uuid,
    },
    /// The disk said no: KAFKA_STORAGE_ERROR.
    #[error("cannot {doing} {}: {source}", file.display())]
    Io {
        /// The act that failed, as a verb.
        doing: &'static str,
        /// The file or folder.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The disk is full or too many files are open, and nothing was changed: KAFKA_STORAGE_ERROR, until there is room again.
    #[error("cannot {doing} {}: {source}", file.display())]
    Short {
        /// The act that failed, as a verb.
        doing: &'static str,
        /// The file or folder.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
        /// The resource that there is too little of.
        shortage: Shortage,
    },
    /// An earlier write or flush in this data folder failed, so nothing more is done there: KAFKA_STORAGE_ERROR.
    #[error("the data folder is out of service: {reason}")]
    Poisoned {
        /// The first failure.
        reason: String,
    },
    /// The log was closed or deleted: NOT_LEADER_OR_FOLLOWER.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Whether a read failed because the file was deleted meanwhile.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// A failure of the disk, of a kind that may pass or not.
    pub(super) fn io(doing: &'static str, file: &Path, source: io::Error) -> Self {
        let file = file.to_path_buf();
        match Shortage::of(&source) {
            Some(shortage) => Self::Short { doing, file, source, shortage },
            None => Self::Io { doing, file, source },
        }
    }

    /// The resource that there is too little of, if that is all that is wrong.
    pub(crate) const fn shortage(&self) -> Option<Shortage> {
        match self {
            Self::Short { shortage, .. } => Some(*shortage),
            _ => None,
        }
    }

    /// The text without the cause, and the cause: for errors that hand it on as their source.
    pub(crate) fn into_parts(self) -> (String, Option<io::Error>) {
        match self {
            Self::Io { doing, file, source } | Self::Short { doing, file, source, .. } => {
                (format!("cannot {doing} {}", file.display()), Some(source))
            }
            whole => (whole.to_string(), None),
        }
    }

    /// Whether the log may be opened later without anybody having mended it: of room and of rights, nothing was changed for
    /// their lack.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Short { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// This error, given how undoing what had been done before it ended: it is final unless that was possible.
    pub(super) fn undone(self, undone: Result<(), Self>) -> Self {
        match (self, undone) {
            (Self::Short { doing, file, source, .. }, Err(_)) => Self::Io { doing, file, source },
            (error, _) => error,
        }
    }

    /// This error as one that does not pass: it has left something half done.
    pub(super) fn not_undone(self) -> Self {
        self.undone(Err(Self::Closed))
    }

    /// A sync that failed: what the disk holds is not known any more.
    pub(super) fn sync_failed(file: &Path, source: io::Error) -> Self {
        Self::Io { doing: "sync", file: file.to_path_buf(), source }
    }

    pub(super) fn corrupt(file: &Path, at: u64, why: impl fmt::Display) -> Self {
        Self::Corrupt { file: file.to_path_buf(), at, why: format!("{why}") }
    }
}

/// Why records were not appended. Each variant is one error code of the protocol; nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    /// CORRUPT_MESSAGE: the bytes are not a record batch, or its checksum does not match.
    #[error("corrupt record batch: {0}")]
    CorruptMessage(String),
    /// INVALID_RECORD: a well-formed batch that may not be stored, with the records at fault where they are known.
    #[error("invalid record batch: {reason}")]
    InvalidRecord {
        /// What is wrong.
        reason: String,
        /// The records that are wrong; empty when the whole batch is.
        records: Vec<RecordFault>,
    },
    /// INVALID_TIMESTAMP: a timestamp outside of what the topic allows.
    #[error("invalid timestamp: {reason}")]
    InvalidTimestamp {
        /// What is wrong.
        reason: String,
        /// The records that are wrong; empty when the whole batch is.
        records: Vec<RecordFault>,
    },
    /// MESSAGE_TOO_LARGE: larger than `max.message.bytes`.
    #[error("a record batch of {size_bytes} bytes is larger than max.message.bytes ({limit_bytes})")]
    MessageTooLarge {
        /// The size of the batch.
        size_bytes: usize,
        /// The topic's limit.
        limit_bytes: usize,
    },
    /// RECORD_LIST_TOO_LARGE: larger than a whole segment.
    #[error("{size_bytes} bytes of records are larger than a segment ({limit_bytes})")]
    RecordListTooLarge {
        /// The size of the records.
        size_bytes: usize,
        /// The topic's `segment.bytes`.
        limit_bytes: usize,
    },
    /// UNSUPPORTED_COMPRESSION_TYPE: a codec that is unknown or not compiled in.
    #[error("compression codec {0} is not supported")]
    UnsupportedCompressionType(u8),
    /// OUT_OF_ORDER_SEQUENCE_NUMBER: records are missing before these (KIP-98).
    #[error("producer {producer_id} sent sequence {received} where {expected} was expected")]
    OutOfOrderSequence {
        /// The producer that sent it.
        producer_id: ProducerId,
        /// The sequence that has to come next.
        expected: i32,
        /// The sequence that came.
        received: i32,
    },
    /// INVALID_PRODUCER_EPOCH: the producer was fenced by a newer one with its id.
    #[error("producer {producer_id} has epoch {received}, but epoch {current} exists")]
    InvalidProducerEpoch {
        /// The producer that sent it.
        producer_id: ProducerId,
        /// The newest epoch.
        current: ProducerEpoch,
        /// The epoch that came.
        received: ProducerEpoch,
    },
    /// TRANSACTION_COORDINATOR_FENCED: a newer coordinator has ended a transaction of the producer.
    #[error(
        "the marker for producer {producer_id} is of coordinator epoch {received}, but epoch {current} exists"
    )]
    TransactionCoordinatorFenced {
        /// The producer whose transaction it would end.
        producer_id: ProducerId,
        /// The newest epoch of a coordinator.
        current: i32,
        /// The epoch that came.
        received: i32,
    },
    /// INVALID_TXN_STATE: records of no transaction that the coordinator knows here, or records outside of the one that is open.
    #[error("producer {producer_id}: {reason}")]
    InvalidTxnState {
        /// The producer that sent them.
        producer_id: ProducerId,
        /// Which of both.
        reason: &'static str,
    },
    /// As [`LogError`] says.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// One record of a batch that was refused, for the answer's `record_errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordFault {
    /// Which record of the batch, from 0.
    pub(crate) index: i32,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// Why a data folder could not be used. The text is one sentence for the person who started the broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// Another process (or another broker of this process) uses the folder.
    #[error("the data folder {} is in use by another broker", dir.display())]
    Locked {
        /// The data folder.
        dir: PathBuf,
    },
    /// The folder was made for another node.
    #[error("{} belongs to node.id {found}, but node.id is {configured}", file.display())]
    NodeIdMismatch {
        /// The `meta.properties` file.
        file: PathBuf,
        /// The id in it.
        found: NodeId,
        /// The id of this broker.
        configured: NodeId,
    },
    /// The folder was made for another cluster.
    #[error("{} belongs to cluster.id {found}, but {configured} was asked for", file.display())]
    ClusterIdMismatch {
        /// The `meta.properties` file.
        file: PathBuf,
        /// The id in it.
        found: String,
        /// The id that was asked for.
        configured: String,
    },
    /// A small file of the folder is missing or cannot be understood.
    #[error("{} is damaged: {why}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk said no.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl StorageError {
    /// As [`LogError::into_parts`].
    pub(crate) fn into_parts(self) -> (String, Option<io::Error>) {
        match self {
            Self::Log(error) => error.into_parts(),
            whole => (whole.to_string(), None),
        }
    }
}
