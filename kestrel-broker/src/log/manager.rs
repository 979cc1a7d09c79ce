//! All logs of one data folder: its lock, its identity, its checkpoints. Called by `broker.rs` and `partition/`.
//!
//! Starts the one thread of the log layer, the flusher. Has no clock: its owner calls [`LogManager::tick`] and
//! [`LogManager::checkpoint`] now and then.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kestrel_protocol::{NodeId, TopicId, Uuid};

use super::checkpoint::{self, Offsets};
use super::clean_shutdown;
use super::cleaner::LogCleaner;
use super::config::{Durability, LogConfig, Validation};
use super::data_dir::DataDir;
use super::dir_lock::DirLock;
use super::disk::{self, Sync};
use super::error::{LogError, StorageError};
use super::file_names::{
    CLEAN_SHUTDOWN, CLEANER_CHECKPOINT, DELETE_DIR_SUFFIX, HIGH_WATERMARK_CHECKPOINT, LOCK,
    LOG_START_CHECKPOINT, META_PROPERTIES, PartitionName, RECOVERY_POINT_CHECKPOINT,
};
use super::flusher::{FlushQueue, Flusher};
use super::loader::{self, LoadOptions};
use super::log::{Log, lock};
use super::meta_properties::MetaProperties;
use super::poison::Poison;
use super::segment::is_gone;
use super::shortage::ShortageWatch;
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

/// What two of the checkpoint files say.
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
    clean: bool,
    found: Vec<FoundPartition>,
    /// The checkpoints as they were when the folder was opened: what holds for logs that are not open.
    read: Mutex<Checkpoints>,
    pub(super) logs: Mutex<BTreeMap<PartitionName, Arc<Log>>>,
    deleted_dirs: Mutex<Vec<PathBuf>>,
    /// Written by one thread at a time.
    checkpointing: Mutex<()>,
    _flusher: Flusher,
    _lock: DirLock,
}

impl LogManager {
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
        let meta = take_identity(path, options, data_dir.sync())?;
        data_dir.log_starts = Mutex::new(checkpoint::read_offsets(&path.join(LOG_START_CHECKPOINT))?);
        let read = Checkpoints {
            recovery_points: checkpoint::read_offsets(&path.join(RECOVERY_POINT_CHECKPOINT))?,
            high_watermarks: checkpoint::read_offsets(&path.join(HIGH_WATERMARK_CHECKPOINT))?,
        };
        let cleaner = LogCleaner::open(path)?;
        let clean = clean_shutdown::take(&path.join(CLEAN_SHUTDOWN), data_dir.sync())?;
        let (found, deleted_dirs) = find_partitions(path)?;
        let flusher =
            Flusher::start(flush_queue).map_err(|error| LogError::io("start a thread for", path, error))?;
        let manager = Self {
            data_dir: Arc::new(data_dir),
            cleaner,
            meta,
            clean,
            found,
            read: Mutex::new(read),
            logs: Mutex::default(),
            deleted_dirs: Mutex::new(deleted_dirs),
            checkpointing: Mutex::default(),
            _flusher: flusher,
            _lock: dir_lock,
        };
        manager.purge_deleted()?;
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
    /// that had been flushed is damaged or missing.
    pub(crate) fn open_log(&self, open: OpenLog<'_>) -> Result<Arc<Log>, LogError> {
        self.data_dir.poison.check()?;
        let name = PartitionName { topic: open.topic.to_owned(), partition: open.partition };
        if let Some(log) = lock(&self.logs).get(&name) {
            return Ok(Arc::clone(log));
        }
        let dir = self.data_dir.path.join(name.dir_name());
        self.prepare_dir(&dir, open.topic_id)?;
        let options = LoadOptions {
            recovery_point: lock(&self.read).recovery_points.get(&name).copied().unwrap_or(0),
            log_start_offset: lock(&self.data_dir.log_starts).get(&name).copied().unwrap_or(0),
            clean: self.clean,
            now: open.now,
            producer_id_expiration: self.data_dir.producer_id_expiration,
            sync: self.data_dir.sync(),
        };
        let loaded = loader::load(&dir, &open.config, options);
        self.data_dir.note_shortage(&loaded);
        let loaded = loaded?;
        let log = Log::new(name.clone(), Arc::clone(&self.data_dir), open.config, loaded)?;
        let mut logs = lock(&self.logs);
        let log = Arc::clone(logs.entry(name).or_insert(log));
        Ok(log)
    }

    /// Takes a partition's log out of service and renames its folder; [`Self::purge_deleted`] unlinks it.
    pub(crate) fn delete_log(&self, topic: &str, partition: i32) -> Result<(), LogError> {
        let name = PartitionName { topic: topic.to_owned(), partition };
        if let Some(log) = lock(&self.logs).remove(&name) {
            log.abandon();
        }
        // A folder of the same name must not be judged by what is known of this one.
        lock(&self.read).forget(&name);
        let forgotten = self.forget_offsets(&name);
        // On a full disk the folder goes first, and makes room: until then its name is not taken again.
        let is_short = matches!(forgotten, Err(LogError::Short { .. }));
        if !is_short {
            forgotten?;
        }
        let dir = self.data_dir.path.join(name.dir_name());
        let deleted = self.data_dir.path.join(name.deleted_dir_name(random_uuid()));
        match disk::rename(&dir, &deleted) {
            Err(error) if is_gone(&error) => return Ok(()),
            renamed => self.guard(renamed)?,
        }
        self.guard(disk::sync_dir(&self.data_dir.path, self.data_dir.sync()))?;
        lock(&self.deleted_dirs).push(deleted);
        if is_short {
            self.purge_deleted()?;
            self.forget_offsets(&name)?;
        }
        Ok(())
    }

    /// Writes down that nothing is known of a partition any more.
    fn forget_offsets(&self, name: &PartitionName) -> Result<(), LogError> {
        self.checkpoint()?;
        self.guard(self.cleaner.forget(&self.data_dir.path, name, self.data_dir.sync()))?;
        self.guard(self.data_dir.forget_log_start(name))
    }

    /// Moves the folder of a partition that nobody knows out of the way and keeps it; gives its new name. To be called
    /// before the partition's log could be opened.
    pub(crate) fn set_aside(&self, topic: &str, partition: i32) -> Result<PathBuf, LogError> {
        let name = PartitionName { topic: topic.to_owned(), partition };
        lock(&self.read).forget(&name);
        self.forget_offsets(&name)?;
        let dir = self.data_dir.path.join(name.dir_name());
        let stray = self.data_dir.path.join(name.stray_dir_name(random_uuid()));
        self.guard(disk::rename(&dir, &stray))?;
        self.guard(disk::sync_dir(&self.data_dir.path, self.data_dir.sync()))?;
        Ok(stray)
    }

    /// Unlinks the folders of deleted logs. Can take long: call it where blocking is allowed.
    pub(crate) fn purge_deleted(&self) -> Result<(), LogError> {
        let deleted = std::mem::take(&mut *lock(&self.deleted_dirs));
        for dir in deleted {
            disk::remove_dir_all(&dir)?;
        }
        Ok(())
    }

    /// Writes the checkpoint files. To be called every minute or so.
    pub(crate) fn checkpoint(&self) -> Result<(), LogError> {
        let _one_at_a_time = lock(&self.checkpointing);
        self.data_dir.poison.check()?;
        let mut now = lock(&self.read).clone();
        for (name, log) in &*lock(&self.logs) {
            now.recovery_points.insert(name.clone(), log.flushed_end_offset());
            now.high_watermarks.insert(name.clone(), log.noted_high_watermark());
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

    /// What is due at `now`: flushes by `flush.ms`, forgetting idle producers, unlinking deleted segments. To be called every second or so.
    pub(crate) fn tick(&self, now: Timestamp) {
        self.data_dir.shortages.tick();
        let logs: Vec<Arc<Log>> = lock(&self.logs).values().cloned().collect();
        for log in logs {
            log.tick(now);
        }
    }

    /// The clean stop: flushes and closes all logs, writes the checkpoints and, last, `.kafka_cleanshutdown` with the
    /// epoch of the broker's registration (-1 without one).
    pub(crate) fn close(&self, broker_epoch: i64) -> Result<(), LogError> {
        let logs: Vec<Arc<Log>> = lock(&self.logs).values().cloned().collect();
        for log in &logs {
            log.close()?;
        }
        self.checkpoint()?;
        let path = self.data_dir.path.join(CLEAN_SHUTDOWN);
        self.guard(clean_shutdown::write(&path, broker_epoch, self.data_dir.sync()))
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

impl Checkpoints {
    fn forget(&mut self, name: &PartitionName) {
        self.recovery_points.remove(name);
        self.high_watermarks.remove(name);
    }
}

/// Creates the data folder with those above it, durably.
fn create_data_dir(path: &Path) -> Result<(), LogError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|error| LogError::io("create", path, error))?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => disk::sync_dir(parent, Sync::Yes),
        None => Ok(()),
    }
}

/// Whose folder it is: as the file says and the options agree, or as they say when there is no file yet.
fn take_identity(dir: &Path, options: ManagerOptions, sync: Sync) -> Result<MetaProperties, StorageError> {
    let file = dir.join(META_PROPERTIES);
    let Some(mut meta) = MetaProperties::read(&file)? else {
        let meta = MetaProperties {
            cluster_id: options.cluster_id.unwrap_or_else(|| random_uuid().to_string()),
            node_id: options.node_id,
            directory_id: Some(random_uuid()),
        };
        for checkpoint in
            [RECOVERY_POINT_CHECKPOINT, HIGH_WATERMARK_CHECKPOINT, LOG_START_CHECKPOINT, CLEANER_CHECKPOINT]
        {
            checkpoint::write_offsets(&dir.join(checkpoint), &Offsets::new(), sync)?;
        }
        meta.write(&file, sync)?;
        return Ok(meta);
    };
    if meta.node_id != options.node_id {
        let (found, configured) = (meta.node_id, options.node_id);
        return Err(StorageError::NodeIdMismatch { file, found, configured });
    }
    if let Some(configured) = options.cluster_id.filter(|configured| *configured != meta.cluster_id) {
        return Err(StorageError::ClusterIdMismatch { file, found: meta.cluster_id, configured });
    }
    if meta.directory_id.is_none() {
        meta.directory_id = Some(random_uuid());
        meta.write(&file, sync)?;
    }
    Ok(meta)
}

/// The folders of partitions, and those of deleted ones.
fn find_partitions(data_dir: &Path) -> Result<(Vec<FoundPartition>, Vec<PathBuf>), LogError> {
    let (mut found, mut deleted) = (Vec::new(), Vec::new());
    let entries = fs::read_dir(data_dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for entry in entries.map_err(|error| LogError::io("list", data_dir, error))? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        if !path.is_dir() {
            continue;
        }
        if name.ends_with(DELETE_DIR_SUFFIX) {
            deleted.push(path);
        } else if let Some(PartitionName { topic, partition }) = PartitionName::parse(&name) {
            found.push(FoundPartition { topic, partition, topic_id: checkpoint::read_topic_id(&path)? });
        }
    }
    found.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    Ok((found, deleted))
}

fn random_uuid() -> Uuid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    Uuid::from_random_bytes(bytes)
}
