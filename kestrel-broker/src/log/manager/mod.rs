//! All logs of one data folder: its lock, its identity, its checkpoints, and what a clean stop may say of it. Called by
//! `broker/` and `partition/`.
//!
//! Starts the one thread of the log layer, the flusher. Has no clock: its owner calls [`LogManager::tick`] and
//! [`LogManager::checkpoint`] now and then.

mod deletion;
mod identity;
mod vouching;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::{NodeId, Timestamp, TopicId, Uuid};
use parking_lot::Mutex;

use super::config::{Durability, LogConfig, Validation};
use super::data_dir::{DataDir, Poison, ShortageWatch, Space};
use super::disk;
use super::error::{LogError, StorageError};
use super::loader::{self, LoadOptions};
use super::log::Log;
use crate::log::disk::DirLock;
use crate::log::format::checkpoint::{self, Offsets};
use crate::log::format::clean_shutdown;
use crate::log::format::file_names::{
    CLEAN_SHUTDOWN, HIGH_WATERMARK_CHECKPOINT, LOCK, LOG_START_CHECKPOINT, PartitionName,
    RECOVERY_POINT_CHECKPOINT,
};
use crate::log::format::meta_properties::MetaProperties;
use crate::log::upkeep::cleaner::LogCleaner;
use crate::log::upkeep::{FlushQueue, Flusher};
use crate::metrics::Histogram;
use identity::{create_data_dir, find_partitions, make_checkpoints, take_identity};
use vouching::Vouching;

pub(crate) use self::deletion::holds_anything;

/// The options of [`LogManager::open`].
#[derive(Debug, Clone)]
pub(crate) struct ManagerOptions {
    /// This broker's id; must be the one in the folder.
    pub(crate) node_id: NodeId,
    /// The cluster's id, if one is asked for; otherwise that of the folder, or a new one.
    pub(crate) cluster_id: Option<String>,
    /// When an append counts as stored.
    pub(crate) durability: Durability,
    /// How closely it looks at what producers send.
    pub(crate) validation: Validation,
    /// `producer.id.expiration.ms`: how long the state of an idle producer is kept.
    pub(crate) producer_id_expiration: Duration,
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

/// The options of [`LogManager::open_log`].
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
    /// Where the log comes from.
    pub(crate) origin: LogOrigin,
}

/// The origin of a log that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogOrigin {
    /// Nobody had one of this name, or it was deleted: the log begins now.
    New,
    /// It may be there already: in the data folder with this id, or in this one when none is named.
    Assigned(Uuid),
}

impl LogOrigin {
    /// No folder is named: if it is anywhere, it is here.
    pub(crate) const HERE: Self = Self::Assigned(Uuid::NIL);
    /// The `directory.id` of a replica that was not assigned to a folder yet (KIP-858); nil is one from before folders had ids.
    const UNASSIGNED: Uuid = Uuid::from_u128(1);

    /// Whether a replica that is assigned to `directory` belongs into another folder than the one with the id `here`.
    pub(crate) fn is_elsewhere(directory: Uuid, here: Uuid) -> bool {
        !directory.is_nil() && directory != Self::UNASSIGNED && directory != here
    }
}

/// The content of two of the checkpoint files.
#[derive(Debug, Clone, Default)]
struct Checkpoints {
    recovery_points: Offsets,
    high_watermarks: Offsets,
}

/// All logs of one data folder.
#[derive(Debug)]
pub(crate) struct LogManager {
    pub(super) data_dir: Arc<DataDir>,
    pub(super) cleaner: LogCleaner,
    meta: MetaProperties,
    /// Whether the last stop was clean.
    clean: bool,
    /// Whether the file that says so is still there: until the first change.
    marked: Mutex<bool>,
    vouching: Vouching,
    found: Vec<FoundPartition>,
    /// The checkpoints as they were when the folder was opened: what holds for logs that are not open.
    read: Mutex<Checkpoints>,
    pub(super) logs: Mutex<BTreeMap<PartitionName, Arc<Log>>>,
    /// Logs that are deleted and whose folders still have their names, or whose offsets are still noted.
    undeleted: Mutex<BTreeSet<PartitionName>>,
    /// Folders that are to be unlinked.
    deleted_dirs: Mutex<Vec<PathBuf>>,
    /// Written by one thread at a time.
    checkpointing: Mutex<()>,
    _flusher: Flusher,
    _lock: DirLock,
}

impl LogManager {
    /// How long the flushes took that logs have asked for.
    pub(crate) fn flushes(&self) -> Histogram {
        self.data_dir.flush_queue.timings()
    }

    /// Takes the folder: creates and locks it, reads or writes `meta.properties`, reads the checkpoints.
    pub(crate) fn open(path: &Path, options: ManagerOptions) -> Result<Self, StorageError> {
        create_data_dir(path)?;
        let lock_path = path.join(LOCK);
        let dir_lock = DirLock::take(&lock_path)
            .map_err(|error| LogError::io("lock", &lock_path, error))?
            .ok_or_else(|| StorageError::Locked { dir: path.to_path_buf() })?;
        let flush_queue = Arc::<FlushQueue>::default();
        let mut data_dir = DataDir {
            path: path.to_path_buf(),
            durability: options.durability,
            validation: options.validation,
            producer_id_expiration: options.producer_id_expiration,
            poison: Poison::default(),
            shortages: ShortageWatch::default(),
            flush_queue: Arc::clone(&flush_queue),
            log_starts: Mutex::default(),
        };
        let (found, deleted_dirs) = find_partitions(path)?;
        let meta = take_identity(path, options, &found, data_dir.sync())?;
        make_checkpoints(path, &found, data_dir.sync())?;
        data_dir.log_starts = Mutex::new(checkpoint::read_offsets(&path.join(LOG_START_CHECKPOINT))?);
        let read = Checkpoints {
            recovery_points: checkpoint::read_offsets(&path.join(RECOVERY_POINT_CHECKPOINT))?,
            high_watermarks: checkpoint::read_offsets(&path.join(HIGH_WATERMARK_CHECKPOINT))?,
        };
        let cleaner = LogCleaner::open(path)?;
        let clean = clean_shutdown::is_there(&path.join(CLEAN_SHUTDOWN))?;
        let vouching = Vouching::new(found.iter().map(FoundPartition::name));
        let flusher =
            Flusher::start(flush_queue).map_err(|error| LogError::io("start a thread for", path, error))?;
        let manager = Self {
            data_dir: Arc::new(data_dir),
            cleaner,
            meta,
            clean,
            marked: Mutex::new(clean),
            vouching,
            found,
            read: Mutex::new(read),
            logs: Mutex::default(),
            undeleted: Mutex::default(),
            deleted_dirs: Mutex::new(deleted_dirs),
            checkpointing: Mutex::default(),
            _flusher: flusher,
            _lock: dir_lock,
        };
        if let Err(error) = manager.purge_deleted() {
            tracing::warn!(%error, "the folder of a deleted partition stays for now");
        }
        Ok(manager)
    }

    /// The cluster's id, from `meta.properties`.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.meta.cluster_id
    }

    /// The folder's id, from `meta.properties`.
    pub(crate) fn directory_id(&self) -> Uuid {
        self.meta.directory_id.unwrap_or(Uuid::NIL)
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir.path
    }

    /// The room on the volume of the data folder. Blocks.
    ///
    /// # Errors
    /// When the folder is out of service, or cannot be asked about.
    pub(crate) fn space(&self) -> Result<Space, LogError> {
        self.data_dir.poison.check()?;
        let path = &self.data_dir.path;
        Space::of(path).map_err(|error| LogError::io("measure", path, error))
    }

    /// Whether the last stop was clean: no log is scanned then.
    pub(crate) fn was_clean_shutdown(&self) -> bool {
        self.clean
    }

    /// The first failure of the disk, after which nothing is done in the folder any more.
    pub(crate) fn poisoned(&self) -> Option<&str> {
        self.data_dir.poison.reason()
    }

    /// The partition folders that were found when the data folder was opened.
    pub(crate) fn found_partitions(&self) -> &[FoundPartition] {
        &self.found
    }

    /// Opens the log of a partition, or creates it. Recovers it first when the last stop was not clean, which can take
    /// long: call it where blocking is allowed. A log that is open already is given as it is; but two threads must not
    /// open the same one at the same time.
    ///
    /// # Errors
    /// [`LogError::InconsistentTopicId`] when the folder was made for another topic; [`LogError::Corrupt`] when data
    /// that had been flushed is damaged or missing; [`LogError::Elsewhere`] when another data folder has it;
    /// [`LogError::Closed`] when the data folder is being closed.
    pub(crate) fn open_log(&self, open: OpenLog<'_>) -> Result<Arc<Log>, LogError> {
        self.data_dir.poison.check()?;
        let name = PartitionName { topic: open.topic.to_owned(), partition: open.partition };
        if let Some(log) = self.logs.lock().get(&name) {
            return Ok(Arc::clone(log));
        }
        let dir = self.data_dir.path.join(name.dir_name());
        self.begin_change()?;
        self.finish_deletion_of(&name)?;
        match open.origin {
            LogOrigin::New => self.forget_earlier(&name)?,
            LogOrigin::Assigned(directory) => self.check_assignment(&dir, directory)?,
        }
        self.vouching.opening(&name)?;
        self.prepare_dir(&dir, open.topic_id)?;
        let recovery_point = self.read.lock().recovery_points.get(&name).copied();
        let options = LoadOptions {
            recovery_point: recovery_point.unwrap_or(0),
            is_noted: recovery_point.is_some(),
            log_start_offset: self.data_dir.log_starts.lock().get(&name).copied().unwrap_or(0),
            clean: self.clean,
            now: open.now,
            producer_id_expiration: self.data_dir.producer_id_expiration,
            sync: self.data_dir.sync(),
        };
        let loaded = loader::load(&dir, &open.config, options);
        self.data_dir.note_shortage(&loaded);
        let loaded = loaded?;
        let log = Log::new(name.clone(), Arc::clone(&self.data_dir), open.config, loaded)?;
        self.vouching.settle(&name);
        let mut logs = self.logs.lock();
        let log = Arc::clone(logs.entry(name).or_insert(log));
        Ok(log)
    }

    /// Writes the checkpoint files. To be called every minute or so.
    pub(crate) fn checkpoint(&self) -> Result<(), LogError> {
        let _one_at_a_time = self.checkpointing.lock();
        self.data_dir.poison.check()?;
        let mut now = self.read.lock().clone();
        for (name, log) in &*self.logs.lock() {
            now.recovery_points.insert(name.clone(), log.flushed_end_offset());
            now.high_watermarks.insert(name.clone(), log.upkeep().high_watermark());
        }
        let (path, sync) = (&self.data_dir.path, self.data_dir.sync());
        for (file, offsets) in [
            (RECOVERY_POINT_CHECKPOINT, now.recovery_points),
            (HIGH_WATERMARK_CHECKPOINT, now.high_watermarks),
        ] {
            self.guard(checkpoint::write_offsets(&path.join(file), &offsets, sync))?;
        }
        Ok(())
    }

    /// What is due at `now`: flushes by `flush.ms`, forgetting idle producers, unlinking deleted segments, deleting what a shortage
    /// kept. To be called every second or so.
    pub(crate) fn tick(&self, now: Timestamp) {
        self.data_dir.shortages.tick();
        self.delete_again();
        let logs: Vec<Arc<Log>> = self.logs.lock().values().cloned().collect();
        for log in logs {
            log.tick(now);
        }
    }

    /// The clean stop: flushes and closes all logs, writes the checkpoints and, last, `.kafka_cleanshutdown` with the
    /// epoch of the broker's registration (-1 without one). Without that file, and with a warning, when a log of the folder was
    /// never opened whole: the next start is to look at it again.
    pub(crate) fn close(&self, broker_epoch: i64) -> Result<(), LogError> {
        let unopened = self.vouching.close();
        let logs: Vec<Arc<Log>> = self.logs.lock().values().cloned().collect();
        if logs.is_empty() && *self.marked.lock() {
            // Nothing was touched: what the last stop said still holds.
            return Ok(());
        }
        for log in &logs {
            log.close()?;
        }
        self.checkpoint()?;
        if !unopened.is_empty() {
            warn_unopened(&unopened);
            return Ok(());
        }
        let path = self.data_dir.path.join(CLEAN_SHUTDOWN);
        self.guard(clean_shutdown::write(&path, broker_epoch, self.data_dir.sync()))
    }

    /// Takes back, before the first change, that the last stop was clean.
    fn begin_change(&self) -> Result<(), LogError> {
        let mut marked = self.marked.lock();
        if *marked {
            let path = self.data_dir.path.join(CLEAN_SHUTDOWN);
            self.guard(clean_shutdown::remove(&path, self.data_dir.sync()))?;
            *marked = false;
        }
        Ok(())
    }

    /// Whether a log that is not here may begin here: not when another data folder has it.
    fn check_assignment(&self, dir: &Path, directory: Uuid) -> Result<(), LogError> {
        let here = self.directory_id();
        if !LogOrigin::is_elsewhere(directory, here) || dir.exists() {
            return Ok(());
        }
        Err(LogError::Elsewhere { dir: dir.to_path_buf(), directory, here })
    }

    /// Creates the folder of a partition, or checks whose it is.
    fn prepare_dir(&self, dir: &Path, topic_id: TopicId) -> Result<(), LogError> {
        let sync = self.data_dir.sync();
        match disk::create_dir(dir) {
            Ok(()) => self.guard(disk::sync_dir(&self.data_dir.path, sync))?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return self.guard(Err(LogError::io("create", dir, error))),
        }
        match checkpoint::read_topic_id(dir)? {
            None => self.guard(checkpoint::write_topic_id(dir, topic_id, sync)),
            Some(found) if found == topic_id => Ok(()),
            Some(found) => {
                Err(LogError::InconsistentTopicId { dir: dir.to_path_buf(), expected: topic_id, found })
            }
        }
    }

    fn guard<T>(&self, result: Result<T, LogError>) -> Result<T, LogError> {
        self.data_dir.guard(result)
    }
}

impl FoundPartition {
    fn name(&self) -> PartitionName {
        PartitionName { topic: self.topic.clone(), partition: self.partition }
    }
}

impl Checkpoints {
    fn knows(&self, name: &PartitionName) -> bool {
        self.recovery_points.contains_key(name) || self.high_watermarks.contains_key(name)
    }

    fn forget(&mut self, name: &PartitionName) {
        self.recovery_points.remove(name);
        self.high_watermarks.remove(name);
    }
}

/// How many logs a warning names.
const NAMED_LOGS: usize = 5;

fn warn_unopened(unopened: &BTreeSet<PartitionName>) {
    let names: Vec<String> = unopened.iter().take(NAMED_LOGS).map(PartitionName::dir_name).collect();
    let more = unopened.len().saturating_sub(NAMED_LOGS);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    tracing::warn!(
        "{} logs could not be opened ({}{more}): the folder is not marked as cleanly closed, and the next start looks at its logs \
         again",
        unopened.len(),
        names.join(", "),
    );
}
