//! The data folder as clients are told of it: where it is, how much room its volume has, and what is in it.

use std::sync::Arc;

use kestrel_protocol::{ErrorCode, Uuid};
use tokio::task::spawn_blocking;

use super::ReplicaManager;
use crate::log::Space;
use crate::partition::PartitionStanding;

/// The data folder at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogDir {
    /// Its absolute path.
    pub(crate) path: String,
    /// Its id.
    pub(crate) id: Uuid,
    /// What is known of it, or why it is out of service.
    pub(crate) contents: Result<LogDirContents, ErrorCode>,
}

/// What is known of a folder that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogDirContents {
    /// The room on its volume.
    pub(crate) space: Space,
    /// Where its partitions stand that are online, by topic and number.
    pub(crate) partitions: Vec<PartitionStanding>,
}

impl ReplicaManager {
    /// The absolute path of the data folder.
    pub(crate) fn log_dir_path(&self) -> String {
        let path = self.logs.data_dir();
        std::path::absolute(path).as_deref().unwrap_or(path).to_string_lossy().into_owned()
    }

    /// The data folder with its partitions and its room.
    pub(crate) async fn log_dir(&self) -> LogDir {
        let logs = Arc::clone(&self.logs);
        // A volume that is in a network may take its time.
        let space = spawn_blocking(move || logs.space()).await;
        let contents = match space {
            Ok(Ok(space)) => Ok(LogDirContents { space, partitions: self.standings() }),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the data folder cannot be described");
                Err(ErrorCode::KafkaStorageError)
            }
            Err(_) => Err(ErrorCode::UnknownServerError),
        };
        LogDir { path: self.log_dir_path(), id: self.logs.directory_id(), contents }
    }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::{Timestamp, TopicId};

    use super::super::tests::{led, manager};
    use crate::log::AppendOrigin;
    use crate::partition::ReplicaChanges;
    use crate::testing::batch;

    #[tokio::test]
    async fn the_folder_says_how_much_is_in_it_and_how_much_fits() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let dir = tempfile::tempdir().unwrap();
        let replicas = manager(dir.path());
        let changes =
            ReplicaChanges { led: vec![led("t", TopicId::from_u128(1), 0, 0)], ..ReplicaChanges::default() };
        replicas.apply(changes, now).await;
        let records = batch(&["a", "b"]);
        replicas.get("t", 0).unwrap().append(records.clone(), AppendOrigin::Client, now).unwrap();
        let log_dir = replicas.log_dir().await;
        assert_eq!(std::path::Path::new(&log_dir.path), dir.path());
        let contents = log_dir.contents.unwrap();
        assert!(contents.space.total_bytes > contents.space.usable_bytes);
        let [partition] = &contents.partitions[..] else { panic!("one partition") };
        assert_eq!((&*partition.topic, partition.index), ("t", 0));
        assert_eq!(partition.size_bytes, records.len() as u64);
    }
}
