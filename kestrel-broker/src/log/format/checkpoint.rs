//! The small text files beside the logs: a version, a count, and that many lines. Replaced as a whole, never edited.
//!
//! Called by the manager (offsets of all logs), by the leader epoch cache, and for `partition.metadata`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use kestrel_protocol::TopicId;

use crate::log::disk::{self, FileSync};
use crate::log::error::LogError;
use crate::log::format::file_names::{PARTITION_METADATA, PartitionName};

/// The only version there is of these files.
const VERSION: &str = "0";

/// One offset per partition, as in `recovery-point-offset-checkpoint`.
pub(in crate::log) type Offsets = BTreeMap<PartitionName, i64>;

/// Reads a file of offsets; one that is missing or empty has none.
pub(in crate::log) fn read_offsets(path: &Path) -> Result<Offsets, LogError> {
    let lines = read_lines(path)?.unwrap_or_default();
    lines.iter().map(|line| parse_offset(line).ok_or_else(|| damaged(path, line))).collect()
}

/// Writes a file of offsets.
pub(in crate::log) fn write_offsets(path: &Path, offsets: &Offsets, sync: FileSync) -> Result<(), LogError> {
    let lines = offsets.iter().map(|(name, offset)| format!("{} {} {offset}", name.topic, name.partition));
    write_lines(path, lines, sync)
}

/// Reads the lines of a checkpoint; `None` when it is missing or empty.
pub(in crate::log) fn read_lines(path: &Path) -> Result<Option<Vec<String>>, LogError> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let mut lines = text.lines();
    let Some(version) = lines.next() else { return Ok(None) };
    if version != VERSION {
        return Err(damaged(path, version));
    }
    let count: usize =
        lines.next().and_then(|count| count.parse().ok()).ok_or_else(|| damaged(path, &text))?;
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.len() == count { Ok(Some(lines)) } else { Err(damaged(path, &format!("{} lines", lines.len()))) }
}

/// Writes the lines of a checkpoint.
pub(in crate::log) fn write_lines(
    path: &Path,
    lines: impl ExactSizeIterator<Item = String>,
    sync: FileSync,
) -> Result<(), LogError> {
    let mut text = format!("{VERSION}\n{}\n", lines.len());
    for line in lines {
        writeln!(text, "{line}").expect("a string takes what is written to it");
    }
    disk::replace(path, text.as_bytes(), sync)
}

/// The topic id in a partition folder's `partition.metadata`; `None` when there is no such file.
pub(in crate::log) fn read_topic_id(dir: &Path) -> Result<Option<TopicId>, LogError> {
    let path = dir.join(PARTITION_METADATA);
    let Some(text) = read_text(&path)? else { return Ok(None) };
    let id = text
        .strip_prefix("version: 0\ntopic_id: ")
        .and_then(|id| id.trim_end().parse().ok())
        .ok_or_else(|| damaged(&path, &text))?;
    Ok(Some(id))
}

/// Writes a partition folder's `partition.metadata`.
pub(in crate::log) fn write_topic_id(dir: &Path, topic_id: TopicId, sync: FileSync) -> Result<(), LogError> {
    let text = format!("version: 0\ntopic_id: {topic_id}");
    disk::replace(&dir.join(PARTITION_METADATA), text.as_bytes(), sync)
}

fn read_text(path: &Path) -> Result<Option<String>, LogError> {
    let Some(bytes) = disk::read_file(path)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(|error| LogError::corrupt(path, 0, error))
}

fn parse_offset(line: &str) -> Option<(PartitionName, i64)> {
    let mut words = line.split(' ');
    let (topic, partition, offset) = (words.next()?, words.next()?, words.next()?);
    let name = PartitionName { topic: topic.to_owned(), partition: partition.parse().ok()? };
    words.next().is_none().then_some((name, offset.parse().ok()?))
}

fn damaged(path: &Path, found: &str) -> LogError {
    LogError::corrupt(path, 0, format!("not the text of a checkpoint: {found:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recovery-point-offset-checkpoint");
        assert_eq!(read_offsets(&path).unwrap(), Offsets::new());
        let offsets: Offsets = [("a", 0, 7), ("a", 1, 0), ("b-c", 10, i64::MAX)]
            .map(|(topic, partition, offset)| (PartitionName { topic: topic.into(), partition }, offset))
            .into();
        write_offsets(&path, &offsets, FileSync::No).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "0\n3\na 0 7\na 1 0\nb-c 10 9223372036854775807\n"
        );
        assert_eq!(read_offsets(&path).unwrap(), offsets);
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        for text in ["1\n0\n", "0\n", "0\n2\na 0 7\n", "0\n1\na 0\n", "0\n1\na 0 7 8\n", "0\n1\na x 7\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(read_offsets(&path), Err(LogError::Corrupt { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_topic_id_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_topic_id(dir.path()).unwrap(), None);
        let id: TopicId = "6V2vuVFET0ClMlN0IowfBA".parse().unwrap();
        write_topic_id(dir.path(), id, FileSync::No).unwrap();
        let text = std::fs::read_to_string(dir.path().join(PARTITION_METADATA)).unwrap();
        assert_eq!(text, "version: 0\ntopic_id: 6V2vuVFET0ClMlN0IowfBA");
        assert_eq!(read_topic_id(dir.path()).unwrap(), Some(id));
    }
}
