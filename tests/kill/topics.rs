//! The topics of the kill loop and what each of them keeps.

use std::time::Duration;

use kestrel_client::admin::NewTopic;

/// How large a segment is: a few dozen batches, so that rolls are frequent.
const SEGMENT_BYTES: u64 = 24_000;

/// What a topic keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Everything.
    All,
    /// At least so many bytes.
    Bytes(u64),
    /// At least what is younger.
    Younger(Duration),
    /// What DeleteRecords has left.
    NotDeleted,
    /// The last record of each key; tombstones go some time after the others.
    Latest,
    /// The last record of each key, and nothing that is older.
    LatestYounger(Duration),
}

impl Kept {
    /// Whether records in the middle may go.
    pub(crate) const fn is_compacted(self) -> bool {
        matches!(self, Self::Latest | Self::LatestYounger(_))
    }

    /// How old a record has to be to be deleted, where age counts.
    pub(crate) const fn younger(self) -> Option<Duration> {
        match self {
            Self::Younger(age) | Self::LatestYounger(age) => Some(age),
            _ => None,
        }
    }

    fn configs(self) -> Vec<(&'static str, String)> {
        let policy = |policy: &str| ("cleanup.policy", policy.to_owned());
        let millis = |age: Duration| ("retention.ms", age.as_millis().to_string());
        let forever = || ("retention.ms", "-1".to_owned());
        let eager = [
            ("min.cleanable.dirty.ratio", "0.01".to_owned()),
            ("delete.retention.ms", DELETE_RETENTION.as_millis().to_string()),
        ];
        match self {
            Self::All | Self::NotDeleted => vec![forever()],
            Self::Bytes(bytes) => vec![forever(), ("retention.bytes", bytes.to_string())],
            Self::Younger(age) => vec![millis(age)],
            Self::Latest => [vec![policy("compact"), forever()], eager.into()].concat(),
            Self::LatestYounger(age) => [vec![policy("compact,delete"), millis(age)], eager.into()].concat(),
        }
    }
}

/// How long a tombstone is kept after compaction has seen it.
pub(crate) const DELETE_RETENTION: Duration = Duration::from_secs(2);

/// A topic that is there from the beginning to the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: &'static str,
    /// How many partitions it has.
    pub(crate) partitions: i32,
    /// What it keeps.
    pub(crate) kept: Kept,
}

impl Topic {
    /// How it is made.
    pub(crate) fn new_topic(self) -> NewTopic {
        new_topic(self.name, self.partitions, self.kept)
    }

    /// The numbers of its partitions.
    pub(crate) fn partitions(self) -> impl Iterator<Item = (&'static str, i32)> {
        (0..self.partitions).map(move |partition| (self.name, partition))
    }
}

/// A topic with small segments whose files go soon after they were deleted.
pub(crate) fn new_topic(name: &str, partitions: i32, kept: Kept) -> NewTopic {
    let topic = NewTopic::new(name)
        .partitions(partitions)
        .replication_factor(1)
        .config("internal.segment.bytes", SEGMENT_BYTES.to_string())
        .config("index.interval.bytes", "1024")
        .config("file.delete.delay.ms", "200");
    kept.configs().into_iter().fold(topic, |topic, (key, value)| topic.config(key, value))
}

/// Where the group reads: nothing of it may be missing.
pub(crate) const READ: Topic = Topic { name: "all", partitions: 3, kept: Kept::All };
/// Where DeleteRecords is called.
pub(crate) const CUT: Topic = Topic { name: "cut", partitions: 2, kept: Kept::NotDeleted };
/// Which folders are held against `retention.bytes`.
pub(crate) const SIZED: Topic = Topic { name: "sized", partitions: 1, kept: Kept::Bytes(100_000) };
/// A compacted topic.
pub(crate) const LATEST: Topic = Topic { name: "latest", partitions: 2, kept: Kept::Latest };
/// All topics that are there from the beginning to the end.
pub(crate) const TOPICS: [Topic; 6] = [
    READ,
    CUT,
    SIZED,
    LATEST,
    Topic { name: "timed", partitions: 1, kept: Kept::Younger(Duration::from_secs(3)) },
    Topic { name: "latest-timed", partitions: 1, kept: Kept::LatestYounger(Duration::from_secs(4)) },
];
