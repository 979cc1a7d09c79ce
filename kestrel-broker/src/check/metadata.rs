//! The replayed metadata against the folders that are there: topics without folders, folders without topics, other ids.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cluster::{METADATA_TOPIC, check_metadata};
use crate::log::check::{CheckedFolder, Finding};
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
    let mut folders: BTreeMap<(&str, i32), _> = folder
        .partitions
        .iter()
        .filter(|partition| partition.topic != METADATA_TOPIC)
        .map(|partition| ((partition.topic.as_str(), partition.partition), partition))
        .collect();
    let mut elsewhere = 0;
    for wanted in &expected {
        let dir = data_dir.join(format!("{}-{}", wanted.topic, wanted.partition));
        match folders.remove(&(wanted.topic.as_str(), wanted.partition)) {
            None if wanted.is_elsewhere => elsewhere += 1,
            None if folder.may_be_new(&wanted.topic, wanted.partition) => {
                found(Finding::note(&dir, "the folder of a new partition; the next start makes it"));
            }
            None => found(Finding::damage(
                &dir,
                None,
                "the metadata has the partition, but its folder is missing",
            )),
            Some(partition) => {
                if let Some(id) = partition.topic_id.filter(|&id| id != wanted.topic_id) {
                    if metadata.removed.contains(&id) {
                        let what =
                            format!("belongs to topic id {id}, which was deleted; the next start deletes it");
                        found(Finding::note(&dir, what));
                        continue;
                    }
                    let what = format!("belongs to topic id {id}, but the topic has {}", wanted.topic_id);
                    found(Finding::damage(&dir.join("partition.metadata"), None, what));
                }
            }
        }
    }
    if elsewhere > 0 {
        let what = format!(
            "one of several data folders of its broker: {elsewhere} partitions are in others, and offline here"
        );
        found(Finding::note(data_dir, what));
    }
    for partition in folders.values() {
        if partition.topic_id.is_some_and(|id| metadata.removed.contains(&id)) {
            let what = "the folder of a topic that was deleted; the next start deletes it";
            found(Finding::note(&partition.dir, what));
            continue;
        }
        // The folders of a topic are there before its records are: the broker ended in between.
        if !holds_anything(&partition.dir)? {
            let what = "the folder of a topic whose creation was not finished; the next start deletes it";
            found(Finding::note(&partition.dir, what));
            continue;
        }
        let what = "the metadata does not have the partition; the next start sets the folder aside";
        found(Finding::damage(&partition.dir, None, what));
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
