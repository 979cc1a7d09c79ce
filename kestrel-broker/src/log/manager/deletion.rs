//! How the folder of a partition goes: renamed first, unlinked later, and everything that was noted of it forgotten.
//!
//! Called by the replica manager and by the controller's start. What a shortage keeps from being done is tried again with each
//! tick, and before a log of the same name is begun.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kestrel_protocol::TopicId;

use super::LogManager;
use super::identity::random_uuid;
use crate::log::disk::{self, TEMPORARY_SUFFIX};
use crate::log::error::LogError;
use crate::log::format::checkpoint;
use crate::log::format::file_names::{
    INDEX_SUFFIX, LEADER_EPOCH_CHECKPOINT, LOG_SUFFIX, PARTITION_METADATA, PartitionName, TIME_INDEX_SUFFIX,
    offset_of,
};

impl LogManager {
    /// Takes a partition's log out of service and renames its folder; [`Self::purge_deleted`] unlinks it.
    ///
    /// # Errors
    /// When the disk fails; [`LogError::Short`] when it is done later instead.
    pub(crate) fn delete_log(&self, topic: &str, partition: i32) -> Result<(), LogError> {
        let name = PartitionName { topic: topic.to_owned(), partition };
        if let Some(log) = self.logs.lock().remove(&name) {
            log.abandon();
        }
        self.vouching.settle(&name);
        let mut undeleted = self.undeleted.lock();
        undeleted.insert(name.clone());
        self.finish_deletion(&mut undeleted, &name)
    }

    /// As [`Self::delete_log`], for a log that was begun for this topic and has no records; what else has the name stays.
    pub(crate) fn delete_begun_log(
        &self,
        topic: &str,
        topic_id: TopicId,
        partition: i32,
    ) -> Result<(), LogError> {
        let name = PartitionName { topic: topic.to_owned(), partition };
        let found = checkpoint::read_topic_id(&self.data_dir.path.join(name.dir_name()))?;
        let is_ours = match found {
            Some(found) => found == topic_id,
            None => !self.holds_anything(topic, partition)?,
        };
        if is_ours { self.delete_log(topic, partition) } else { Ok(()) }
    }

    /// Moves the folder of a partition that nobody knows out of the way and keeps it; gives its new name. To be called
    /// before the partition's log could be opened.
    pub(crate) fn set_aside(&self, topic: &str, partition: i32) -> Result<PathBuf, LogError> {
        let name = PartitionName { topic: topic.to_owned(), partition };
        self.begin_change()?;
        self.forget_offsets(&name)?;
        let dir = self.data_dir.path.join(name.dir_name());
        let stray = self.data_dir.path.join(name.stray_dir_name(random_uuid()));
        self.guard(disk::rename(&dir, &stray))?;
        self.guard(disk::sync_dir(&self.data_dir.path, self.data_dir.sync()))?;
        self.vouching.settle(&name);
        Ok(stray)
    }

    /// As [`holds_anything`], for the folder of a partition.
    pub(crate) fn holds_anything(&self, topic: &str, partition: i32) -> Result<bool, LogError> {
        let name = PartitionName { topic: topic.to_owned(), partition };
        holds_anything(&self.data_dir.path.join(name.dir_name()))
    }

    /// Unlinks the folders of deleted logs; what cannot be unlinked now is next time. Can take long: call it where blocking is
    /// allowed.
    pub(crate) fn purge_deleted(&self) -> Result<(), LogError> {
        let mut outcome = Ok(());
        let mut deleted = std::mem::take(&mut *self.deleted_dirs.lock());
        deleted.retain(|dir| match disk::remove_dir_all(dir) {
            Err(error) if !error.is_gone() => {
                outcome = Err(error);
                true
            }
            _ => false,
        });
        self.deleted_dirs.lock().extend(deleted);
        outcome
    }

    /// Deletes what a shortage has kept from being deleted.
    pub(super) fn delete_again(&self) {
        let mut undeleted = self.undeleted.lock();
        for name in undeleted.clone() {
            match self.finish_deletion(&mut undeleted, &name) {
                Ok(()) => tracing::info!("the folder of {} is deleted now", name.dir_name()),
                // Said by the watch over shortages, or by the poisoned folder.
                Err(LogError::Short { .. } | LogError::Poisoned { .. }) => {}
                Err(error) => tracing::error!(%error, "the folder of {} is not deleted", name.dir_name()),
            }
        }
    }

    /// Makes sure that nothing is left of a deleted log of this name, before another begins.
    pub(super) fn finish_deletion_of(&self, name: &PartitionName) -> Result<(), LogError> {
        let mut undeleted = self.undeleted.lock();
        if undeleted.contains(name) { self.finish_deletion(&mut undeleted, name) } else { Ok(()) }
    }

    /// Does what is left to do of a deletion. Under the lock of what is not deleted yet: the folder that is renamed must never
    /// be that of the next log of the name.
    fn finish_deletion(
        &self,
        undeleted: &mut BTreeSet<PartitionName>,
        name: &PartitionName,
    ) -> Result<(), LogError> {
        self.begin_change()?;
        let forgotten = self.forget_offsets(name);
        // On a full disk the folder goes first, and makes room: until then its name is not taken again.
        let is_short = matches!(forgotten, Err(LogError::Short { .. }));
        if !is_short {
            forgotten?;
        }
        self.retire_dir(name)?;
        if is_short {
            self.purge_deleted()?;
            self.forget_offsets(name)?;
        }
        undeleted.remove(name);
        Ok(())
    }

    /// Gives the folder of a deleted log its last name.
    fn retire_dir(&self, name: &PartitionName) -> Result<(), LogError> {
        let dir = self.data_dir.path.join(name.dir_name());
        let deleted = self.data_dir.path.join(name.deleted_dir_name(random_uuid()));
        match disk::rename(&dir, &deleted) {
            Err(error) if error.is_gone() => return Ok(()),
            renamed => self.guard(renamed)?,
        }
        self.deleted_dirs.lock().push(deleted);
        self.guard(disk::sync_dir(&self.data_dir.path, self.data_dir.sync()))
    }

    /// Forgets what an earlier log of the name has left in the checkpoints, before a new topic begins one.
    pub(super) fn forget_earlier(&self, name: &PartitionName) -> Result<(), LogError> {
        let is_known = self.read.lock().knows(name)
            || self.cleaner.knows(name)
            || self.data_dir.log_starts.lock().contains_key(name);
        if is_known { self.forget_offsets(name) } else { Ok(()) }
    }

    /// Writes down that nothing is known of a partition any more: a folder of the same name must not be judged by what was
    /// known of this one.
    fn forget_offsets(&self, name: &PartitionName) -> Result<(), LogError> {
        self.read.lock().forget(name);
        self.checkpoint()?;
        self.guard(self.cleaner.forget(&self.data_dir.path, name, self.data_dir.sync()))?;
        self.guard(self.data_dir.forget_log_start(name))
    }
}

/// Whether a partition's folder holds more than what a log without a record begins with: records, or files that are not a log's.
pub(crate) fn holds_anything(dir: &Path) -> Result<bool, LogError> {
    let holds = || -> std::io::Result<bool> {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if !metadata.is_file() || !is_of_empty_log(&entry.file_name(), metadata.len()) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match holds() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        held => held.map_err(|error| LogError::io("list", dir, error)),
    }
}

/// Whether a log begins with a file of this name and size.
fn is_of_empty_log(name: &OsStr, size_bytes: u64) -> bool {
    let Some(name) = name.to_str() else { return false };
    let small = name.strip_suffix(TEMPORARY_SUFFIX).unwrap_or(name);
    let is_index = [INDEX_SUFFIX, TIME_INDEX_SUFFIX].iter().any(|suffix| offset_of(name, suffix).is_some());
    [PARTITION_METADATA, LEADER_EPOCH_CHECKPOINT].contains(&small)
        || is_index
        || (offset_of(name, LOG_SUFFIX).is_some() && size_bytes == 0)
}
