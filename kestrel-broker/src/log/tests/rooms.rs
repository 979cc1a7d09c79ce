//! Helpers: a data folder with one partition, record batches, and what is read back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, ProducerStamp, RecordBatch, RecordBatchBuilder, RecordBatches,
};
use kestrel_protocol::{LeaderEpoch, NodeId, ProducerEpoch, ProducerId, Timestamp, TopicId};

use crate::log::{
    AppendContext, AppendError, AppendOrigin, Appended, Durability, FirstBatch, Log, LogConfig, LogError,
    LogManager, LogOrigin, ManagerOptions, OpenLog, ReadRequest, Validation,
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub(crate) const TOPIC_ID: TopicId = TopicId::from_u128(42);

/// A data folder in which a test opens the log `t-0`, again and again.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    /// Deletes the folder at the end, if it is the test's own.
    _temp: Option<tempfile::TempDir>,
    durability: Durability,
    pub(crate) config: LogConfig,
}

/// An open folder and its log. Dropping it is a crash of the process.
#[derive(Debug)]
pub(crate) struct OpenFolder {
    pub(crate) manager: LogManager,
    pub(crate) log: Arc<Log>,
}

impl Folder {
    pub(crate) fn new(config: LogConfig) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let folder = Self::at(temp.path(), config);
        Self { _temp: Some(temp), ..folder }
    }

    /// A data folder that is there.
    pub(crate) fn at(dir: &Path, config: LogConfig) -> Self {
        Self { dir: dir.to_path_buf(), _temp: None, durability: Durability::Os, config }
    }

    pub(crate) fn with_durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    /// A file of the partition's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join("t-0").join(name)
    }

    /// The names in the partition's folder with this ending, sorted.
    pub(crate) fn files(&self, suffix: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path().join("t-0"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(suffix))
            .collect();
        names.sort();
        names
    }

    pub(crate) fn manager(&self) -> LogManager {
        LogManager::open(self.path(), options(self.durability)).unwrap()
    }

    pub(crate) fn open(&self) -> OpenFolder {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<OpenFolder, LogError> {
        let manager = self.manager();
        let log = manager.open_log(self.partition())?;
        Ok(OpenFolder { manager, log })
    }

    pub(crate) fn partition(&self) -> OpenLog<'static> {
        OpenLog {
            topic: "t",
            partition: 0,
            topic_id: TOPIC_ID,
            config: self.config.clone(),
            now: NOW,
            origin: LogOrigin::HERE,
        }
    }
}

impl OpenFolder {
    /// The clean stop.
    pub(crate) fn close(self) {
        self.manager.close(7).unwrap();
    }
}

pub(crate) fn options(durability: Durability) -> ManagerOptions {
    ManagerOptions {
        node_id: NodeId(1),
        cluster_id: None,
        durability,
        validation: Validation::default(),
        producer_id_expiration: Duration::from_secs(86_400),
    }
}

pub(crate) fn client() -> AppendContext {
    AppendContext { leader_epoch: LeaderEpoch(0), now: NOW, origin: AppendOrigin::Client, guard: None }
}

pub(crate) fn append(log: &Log, batch: &RecordBatch) -> Result<Appended, AppendError> {
    log.append(batch.bytes().clone(), client())
}

/// A batch of records with these timestamps and values, as a producer sends it.
pub(crate) fn batch(records: &[(i64, &str)], compression: Compression, stamp: ProducerStamp) -> RecordBatch {
    let codec = Codec::new(compression, None).unwrap();
    let mut builder = RecordBatchBuilder::new(BuilderOptions { codec, ..BuilderOptions::default() }, 1 << 16);
    for (timestamp, value) in records {
        builder.append(*timestamp, Some(b"key"), Some(value.as_bytes()), []).unwrap();
    }
    builder.build(stamp)
}

/// A batch of `count` records of an idempotent producer.
pub(crate) fn keyed(producer: i64, epoch: i16, base_sequence: i32, count: usize) -> RecordBatch {
    let stamp = ProducerStamp {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence,
    };
    batch(&vec![(NOW.as_millis(), "value"); count], Compression::None, stamp)
}

/// Everything in the log, read with small reads as a consumer does.
pub(crate) fn read_all(log: &Log) -> Bytes {
    let (mut all, mut fetch_offset) = (Vec::new(), log.log_start_offset());
    while fetch_offset < log.log_end_offset() {
        let request = ReadRequest {
            fetch_offset,
            max_bytes: 300,
            up_to_offset: i64::MAX,
            first_batch: FirstBatch::Always,
            file_run_min_bytes: usize::MAX,
        };
        let read = read_both(log, request).unwrap();
        assert!(!read.is_empty(), "nothing at {fetch_offset}");
        fetch_offset = RecordBatches::new(read.clone()).last().unwrap().unwrap().header().next_offset();
        all.extend_from_slice(&read);
    }
    all.into()
}

/// Reads both ways, at once and by name only, and gives what was read at once: of the other, that is the beginning or all.
pub(crate) fn read_both(log: &Log, request: ReadRequest) -> Result<Bytes, LogError> {
    let named = log.read(ReadRequest { file_run_min_bytes: 0, ..request });
    let read = log.read(request)?.into_bytes().unwrap();
    let named = named?.into_bytes().unwrap();
    assert!(named.starts_with(&read) && named.is_empty() == read.is_empty(), "{request:?}");
    Ok(read)
}

/// The offsets and values of the records in a run of batches.
pub(crate) fn values_of(records: Bytes) -> Vec<(i64, String)> {
    let mut values = Vec::new();
    for batch in RecordBatches::new(records) {
        let batch = batch.unwrap();
        batch.verify_checksum().unwrap();
        for record in batch.records(1 << 20).unwrap() {
            let record = record.unwrap();
            values.push((record.offset, String::from_utf8(record.value.unwrap().to_vec()).unwrap()));
        }
    }
    values
}

/// The base and last offsets of the batches in a run.
pub(crate) fn offsets_of(records: Bytes) -> Vec<(i64, i64)> {
    RecordBatches::new(records)
        .map(|batch| {
            let batch = batch.unwrap();
            (batch.header().base_offset, batch.header().last_offset())
        })
        .collect()
}
