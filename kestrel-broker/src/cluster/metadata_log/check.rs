//! Replays the metadata of a data folder without opening its log, to hold it against the folders that are there.
//!
//! Called by the crate's `check` room. Never writes: no epoch is begun and no broker registered.

use std::path::{Path, PathBuf};

use kestrel_protocol::{NodeId, TopicId, Uuid};

use super::entry::{Entry, entries};
use super::quorum_state::QuorumState;
use super::snapshot::{newest_snapshot, read_bootstrap, read_snapshot};
use crate::cluster::image::{ClusterImage, PartitionImage, TopicImage};
use crate::cluster::records::MetadataRecord;
use crate::cluster::replay::Replay;
use crate::cluster::topic_name::CLUSTER_METADATA_TOPIC;
use crate::log::{LogError, LogOrigin, check};

/// A partition that a data folder is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpectedPartition {
    /// The topic.
    pub(crate) topic: String,
    /// The topic's id.
    pub(crate) topic_id: TopicId,
    /// The number.
    pub(crate) partition: i32,
    /// Whether the metadata has it in another data folder of the broker; it may have been moved here since.
    pub(crate) is_elsewhere: bool,
}

/// A problem of the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetadataFault {
    /// The file or folder.
    pub(crate) file: PathBuf,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// The metadata of a data folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckedMetadata {
    /// The partitions of the broker; `None` when the metadata could not be replayed to its end.
    pub(crate) expected: Option<Vec<ExpectedPartition>>,
    /// Topics of `folders` that were removed: a crash may have left them.
    pub(crate) removed: Vec<TopicId>,
    /// What there is no metadata without and is not there, in a folder that was used.
    pub(crate) missing: Option<PathBuf>,
    /// What is wrong.
    pub(crate) faults: Vec<MetadataFault>,
}

/// The topic of the metadata log, which is in no image.
pub(crate) const METADATA_TOPIC: &str = CLUSTER_METADATA_TOPIC;

/// Replays the newest snapshot and the log of `data_dir`, the folder of `node_id` with `directory_id`; `folders` are the topic
/// ids of the partitions' folders.
///
/// # Errors
/// When the disk cannot be read.
pub(crate) fn check_metadata(
    data_dir: &Path,
    node_id: NodeId,
    directory_id: Option<Uuid>,
    folders: impl Iterator<Item = TopicId>,
) -> Result<CheckedMetadata, LogError> {
    let dir = data_dir.join(format!("{CLUSTER_METADATA_TOPIC}-0"));
    let mut faults = Vec::new();
    if let Some(Err(error)) = read_bootstrap(data_dir)? {
        faults.push(fault(&data_dir.join("bootstrap.checkpoint"), &error));
    }
    if !dir.is_dir() {
        return Ok(CheckedMetadata { faults, missing: Some(dir), ..CheckedMetadata::default() });
    }
    match QuorumState::read(&dir)? {
        Some(Err(why)) => faults.push(fault(&dir.join("quorum-state"), &why)),
        // The first start writes it, before the first record.
        None if check::has_log(&dir)? => faults.push(fault(&dir.join("quorum-state"), &"is missing")),
        None | Some(Ok(_)) => {}
    }
    let folders: Vec<TopicId> = folders.collect();
    match replay(&dir, node_id, &folders)? {
        Ok(replay) => {
            let expected = Some(expected(replay.image(), node_id, directory_id));
            let removed = folders.into_iter().filter(|&id| replay.has_removed(id)).collect();
            Ok(CheckedMetadata { expected, removed, faults, missing: None })
        }
        Err(wrong) => {
            faults.push(wrong);
            Ok(CheckedMetadata { faults, ..CheckedMetadata::default() })
        }
    }
}

fn replay(
    dir: &Path,
    node_id: NodeId,
    folders: &[TopicId],
) -> Result<Result<Replay, MetadataFault>, LogError> {
    let mut replay = Replay::new(ClusterImage::new("", node_id));
    replay.watch_topics(folders.iter().copied());
    let next_offset = match replay_snapshot(dir, &mut replay)? {
        Ok(next_offset) => next_offset,
        Err(fault) => return Ok(Err(fault)),
    };
    let (mut outcome, mut is_first) = (Ok(()), true);
    check::for_each_batch(dir, |batch| {
        let begins_at = batch.header().base_offset;
        if std::mem::take(&mut is_first) && begins_at > next_offset {
            let why = format!("its log begins at {begins_at} and no snapshot leads there");
            outcome = Err(fault(dir, &why));
        }
        if outcome.is_err() || batch.header().next_offset() <= next_offset {
            return;
        }
        outcome = entries(batch).map_err(|error| fault(dir, &error)).and_then(|entries| {
            entries
                .into_iter()
                .filter(|(offset, _)| *offset >= next_offset)
                .try_for_each(|(offset, entry)| replay_entry(&mut replay, entry, offset, dir))
        });
    })?;
    Ok(outcome.map(|()| replay))
}

/// Replays the newest snapshot; gives the offset where the log goes on.
fn replay_snapshot(dir: &Path, replay: &mut Replay) -> Result<Result<i64, MetadataFault>, LogError> {
    let Some(snapshot) = newest_snapshot(dir)? else { return Ok(Ok(0)) };
    let contents = match read_snapshot(&snapshot.path)? {
        Ok(contents) => contents,
        Err(error) => return Ok(Err(fault(&snapshot.path, &error))),
    };
    for value in contents.values {
        let entry = Entry::Metadata(value);
        if let Err(wrong) = replay_entry(replay, entry, snapshot.end_offset - 1, &snapshot.path) {
            return Ok(Err(wrong));
        }
    }
    Ok(Ok(snapshot.end_offset))
}

fn replay_entry(replay: &mut Replay, entry: Entry, offset: i64, file: &Path) -> Result<(), MetadataFault> {
    let Entry::Metadata(value) = entry else { return Ok(()) };
    let record = MetadataRecord::decode(value)
        .map_err(|error| fault(file, &format!("the record at offset {offset}: {error}")))?;
    replay.replay(record, offset).map_err(|error| fault(file, &error))
}

/// The partitions of the image that have a replica on this node.
fn expected(image: &ClusterImage, node_id: NodeId, directory_id: Option<Uuid>) -> Vec<ExpectedPartition> {
    let is_elsewhere = |partition: &PartitionImage| {
        directory_id.is_some_and(|own| LogOrigin::is_elsewhere(partition.directory_on(node_id), own))
    };
    let of_topic = |topic: &std::sync::Arc<TopicImage>| {
        let numbered = topic.numbered().filter(|(_, partition)| partition.replicas.contains(&node_id));
        numbered
            .map(|(number, partition)| ExpectedPartition {
                topic: topic.name.to_string(),
                topic_id: topic.id,
                partition: number,
                is_elsewhere: is_elsewhere(partition),
            })
            .collect::<Vec<_>>()
    };
    image.topics().flat_map(of_topic).collect()
}

fn fault(file: &Path, why: &dyn std::fmt::Display) -> MetadataFault {
    MetadataFault { file: file.to_path_buf(), why: why.to_string() }
}
