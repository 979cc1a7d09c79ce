//! The replayed metadata against the folders that are there: topics without folders, folders without topics, other ids.

use std::collections::BTreeMap;
use std::path::Path;

use kestrel_protocol::TopicId;

use crate::cluster::{ExpectedPartition, METADATA_TOPIC, check_metadata};
use crate::log::check::{CheckedFolder, CheckedPartition, Finding};
use crate::log::{LogError, holds_anything};

/// Checks the metadata of the data folder.
pub(super) fn check(
    data_dir: &Path,
    folder: &CheckedFolder,
    found: &mut dyn FnMut(Finding),
) -> Result<(), LogError> {
    // Without its identity nobody knows which replicas belong into the folder.
    let Some(identity) = &folder.identity else {
        folder.find_missing(data_dir, found);
        return Ok(());
    };
    let ids = folder.partitions.iter().filter_map(|partition| partition.topic_id);
    let metadata = check_metadata(data_dir, identity.node_id, identity.directory_id, ids)?;
    for fault in metadata.faults {
        found(Finding::damage(&fault.file, None, fault.why));
    }
    if let Some(file) = metadata.missing.filter(|_| folder.is_used) {
        found(missing(&file, folder));
    }
    let Some(expected) = metadata.expected else {
        folder.find_missing(data_dir, found);
        return Ok(());
    };
    let mut folders: Folders<'_> = folder
        .partitions
        .iter()
        .filter(|partition| partition.topic != METADATA_TOPIC)
        .map(|partition| ((partition.topic.as_str(), partition.partition), partition))
        .collect();
    let mut elsewhere = 0;
    for wanted in &expected {
        let dir = data_dir.join(format!("{}-{}", wanted.topic, wanted.partition));
        match folders.remove(&(wanted.topic.as_str(), wanted.partition)) {
            Some(partition) => check_id(wanted, partition.topic_id, &metadata.removed, &dir, found),
            None if wanted.is_elsewhere => elsewhere += 1,
            None if folder.may_be_new(&wanted.topic, wanted.partition) => {
                found(Finding::note(&dir, "the folder of a new partition; the next start makes it"));
            }
            None => {
                let what = "the metadata has the partition, but its folder is missing";
                found(Finding::damage(&dir, None, what));
            }
        }
    }
    if elsewhere > 0 {
        let what = format!(
            "one of several data folders of its broker: {elsewhere} partitions are in others, and offline here"
        );
        found(Finding::note(data_dir, what));
    }
    folders.values().try_for_each(|partition| check_unwanted(partition, &metadata.removed, found))
}

/// The folders of partitions, by topic and number.
type Folders<'a> = BTreeMap<(&'a str, i32), &'a CheckedPartition>;

/// Checks that a partition's folder belongs to the topic that has its name now.
fn check_id(
    wanted: &ExpectedPartition,
    found_id: Option<TopicId>,
    removed: &[TopicId],
    dir: &Path,
    found: &mut dyn FnMut(Finding),
) {
    let Some(id) = found_id.filter(|&id| id != wanted.topic_id) else { return };
    if removed.contains(&id) {
        let what = format!("belongs to topic id {id}, which was deleted; the next start deletes it");
        return found(Finding::note(dir, what));
    }
    let what = format!("belongs to topic id {id}, but the topic has {}", wanted.topic_id);
    found(Finding::damage(&dir.join("partition.metadata"), None, what));
}

/// Says what the folder of a partition is that the metadata does not have.
fn check_unwanted(
    partition: &CheckedPartition,
    removed: &[TopicId],
    found: &mut dyn FnMut(Finding),
) -> Result<(), LogError> {
    let dir = &partition.dir;
    if partition.topic_id.is_some_and(|id| removed.contains(&id)) {
        found(Finding::note(dir, "the folder of a topic that was deleted; the next start deletes it"));
    } else if !holds_anything(dir)? {
        // The folders of a topic are there before its records are: the broker ended in between.
        let what = "the folder of a topic whose creation was not finished; the next start deletes it";
        found(Finding::note(dir, what));
    } else {
        let what = "the metadata does not have the partition; the next start sets the folder aside";
        found(Finding::damage(dir, None, what));
    }
    Ok(())
}

/// What it means that a file or folder of the metadata is missing where there are logs.
fn missing(file: &Path, folder: &CheckedFolder) -> Finding {
    if folder.has_gaps() && folder.partitions.iter().all(|partition| partition.topic != METADATA_TOPIC) {
        // Apache Kafka keeps the metadata in one of them.
        let what = "is not here: another of the broker's data folders has it, as some of its partitions, or both are lost; no \
                    broker starts on this folder alone";
        return Finding::note(file, what);
    }
    Finding::damage(file, None, "the metadata log is missing: no broker starts on the folder without it")
}
