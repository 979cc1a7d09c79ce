//! The names in a data folder and in a partition's folder, as Apache Kafka writes them, in one place.

use std::path::{Path, PathBuf};
use std::{fs, io};

use kestrel_protocol::Uuid;

use crate::log::error::LogError;

/// The ending of a file with bytes that were cut off. No broker reads it.
pub(in crate::log) const CUT_SUFFIX: &str = ".cut";
pub(in crate::log) const LOG_SUFFIX: &str = ".log";
pub(in crate::log) const INDEX_SUFFIX: &str = ".index";
pub(in crate::log) const TIME_INDEX_SUFFIX: &str = ".timeindex";
pub(in crate::log) const TXN_INDEX_SUFFIX: &str = ".txnindex";
pub(in crate::log) const SNAPSHOT_SUFFIX: &str = ".snapshot";
/// A file that was about to be deleted.
pub(in crate::log) const DELETED_SUFFIX: &str = ".deleted";
/// The output of a cleaning that did not end.
pub(in crate::log) const CLEANED_SUFFIX: &str = ".cleaned";
/// The output of a cleaning that is to replace the originals.
pub(in crate::log) const SWAP_SUFFIX: &str = ".swap";
/// A folder whose partition was deleted.
pub(in crate::log) const DELETE_DIR_SUFFIX: &str = "-delete";
/// A folder whose partition is not known any more; it is never deleted.
const STRAY_DIR_SUFFIX: &str = "-stray";

pub(in crate::log) const PARTITION_METADATA: &str = "partition.metadata";
pub(in crate::log) const LEADER_EPOCH_CHECKPOINT: &str = "leader-epoch-checkpoint";
pub(in crate::log) const META_PROPERTIES: &str = "meta.properties";
pub(in crate::log) const LOCK: &str = ".lock";
pub(in crate::log) const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
pub(in crate::log) const RECOVERY_POINT_CHECKPOINT: &str = "recovery-point-offset-checkpoint";
pub(in crate::log) const HIGH_WATERMARK_CHECKPOINT: &str = "replication-offset-checkpoint";
pub(in crate::log) const LOG_START_CHECKPOINT: &str = "log-start-offset-checkpoint";
/// Written by the cleaner; made here, empty, so that a new folder has all that Apache Kafka's has.
pub(in crate::log) const CLEANER_CHECKPOINT: &str = "cleaner-offset-checkpoint";

/// The longest name that file systems take.
const MAX_NAME_BYTES: usize = 255;
/// How many digits an offset has in a file's name.
const OFFSET_DIGITS: usize = 20;

/// The file of the segment (or snapshot) at `offset`: 20 digits and a suffix.
pub(in crate::log) fn segment_file(dir: &Path, offset: i64, suffix: &str) -> PathBuf {
    dir.join(format!("{offset:020}{suffix}"))
}

/// The offset in the name of a file with `suffix`; `None` for any other file.
pub(in crate::log) fn offset_of(name: &str, suffix: &str) -> Option<i64> {
    let digits = name.strip_suffix(suffix)?;
    (digits.len() == OFFSET_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// The names of the files in `dir` that are text, in order.
pub(in crate::log) fn file_names(dir: &Path) -> Result<Vec<String>, LogError> {
    let names = || -> io::Result<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name().into_string().ok()))
            .filter_map(io::Result::transpose)
            .collect::<io::Result<_>>()?;
        names.sort_unstable();
        Ok(names)
    };
    names().map_err(|error| LogError::io("list", dir, error))
}

/// The base offsets of the segments among `names`, ascending. Files of any other name are no segments.
pub(in crate::log) fn segment_bases(names: &[String]) -> Vec<i64> {
    let mut bases: Vec<i64> = names.iter().filter_map(|name| offset_of(name, LOG_SUFFIX)).collect();
    bases.sort_unstable();
    bases
}

/// A partition: a topic's name and a number. As text it is the name of the partition's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::log) struct PartitionName {
    pub(in crate::log) topic: String,
    pub(in crate::log) partition: i32,
}

impl PartitionName {
    /// The name of the folder.
    pub(in crate::log) fn dir_name(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    /// The partition whose folder has this name; `None` for any other folder.
    pub(in crate::log) fn parse(dir_name: &str) -> Option<Self> {
        let (topic, partition) = dir_name.rsplit_once('-')?;
        let plain = !partition.is_empty() && partition.bytes().all(|byte| byte.is_ascii_digit());
        let partition = plain.then(|| partition.parse().ok()).flatten()?;
        (!topic.is_empty()).then(|| Self { topic: topic.to_owned(), partition })
    }

    /// The name of the folder once the partition is deleted: unique, and never too long.
    pub(in crate::log) fn deleted_dir_name(&self, unique: Uuid) -> String {
        self.retired_dir_name(unique, DELETE_DIR_SUFFIX)
    }

    /// The name of the folder once it is set aside, as nobody knows the partition: unique, and never too long.
    pub(in crate::log) fn stray_dir_name(&self, unique: Uuid) -> String {
        self.retired_dir_name(unique, STRAY_DIR_SUFFIX)
    }

    fn retired_dir_name(&self, unique: Uuid, suffix: &str) -> String {
        let unique = u128::from_be_bytes(unique.0);
        let end = format!("-{}.{unique:032x}{suffix}", self.partition);
        let room = MAX_NAME_BYTES - end.len();
        let topic = self.topic.get(..room).unwrap_or(&self.topic);
        format!("{topic}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_have_twenty_digits() {
        let path = segment_file(Path::new("orders-0"), 29952, LOG_SUFFIX);
        assert_eq!(path, Path::new("orders-0/00000000000000029952.log"));
        assert_eq!(offset_of("00000000000000029952.log", LOG_SUFFIX), Some(29952));
        for other in [
            "29952.log",
            "00000000000000029952.index",
            "0000000000000002995x.log",
            "99999999999999999999.log",
        ] {
            assert_eq!(offset_of(other, LOG_SUFFIX), None, "{other}");
        }
    }

    #[test]
    fn a_folder_is_named_after_its_partition() {
        let name = PartitionName { topic: "a-b".into(), partition: 12 };
        assert_eq!(name.dir_name(), "a-b-12");
        assert_eq!(PartitionName::parse("a-b-12"), Some(name));
        for other in ["orders", "-1", "orders-", "orders-x", "orders--1-future", "orders-99999999999"] {
            assert_eq!(PartitionName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_deleted_folder_fits_into_a_name() {
        let long = PartitionName { topic: "t".repeat(249), partition: 0 };
        let name = long.deleted_dir_name(Uuid::from_u128(7));
        assert_eq!(name.len(), MAX_NAME_BYTES);
        assert!(name.ends_with("-0.00000000000000000000000000000007-delete"), "{name}");
        assert!(long.stray_dir_name(Uuid::from_u128(7)).ends_with("7-stray"));
    }
}
