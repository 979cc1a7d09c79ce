//! The keys of consumer groups and their offsets.

use std::time::Duration;

use kestrel_settings::{Minutes, settings};

settings! {
    /// The settings of groups, handed to each of their machines.
    #[derive(PartialEq, Eq)]
    pub(crate) struct GroupSettings, keys GROUPS: GroupKeys;

    /// How many milliseconds a group that was empty waits for more members before its first rebalance. Apache Kafka: 3000.
    initial_rebalance_delay: Duration, "group.initial.rebalance.delay.ms", Int, "0", [0..];
    /// The longest session timeout, in milliseconds, that a member of a classic group may ask for.
    max_session_timeout: Duration, "group.max.session.timeout.ms", Int, "1800000", [0..];
    /// How many members a classic group has at most.
    max_size: usize, "group.max.size", Int, "2147483647", [1..];
    /// The shortest session timeout, in milliseconds, that a member of a classic group may ask for.
    min_session_timeout: Duration, "group.min.session.timeout.ms", Int, "6000", [0..];
    /// How many characters of metadata may be kept with a committed offset; Apache Kafka counts them too, whatever the name
    /// says.
    offset_metadata_max_bytes: usize, "offset.metadata.max.bytes", Int, "4096", [0..];
    /// How often, in milliseconds, it is looked for committed offsets that are too old.
    offsets_retention_check_interval: Duration, "offsets.retention.check.interval.ms", Long, "600000", [1..];
    /// How many minutes committed offsets are kept once their group is empty, or was never joined.
    offsets_retention: Minutes, "offsets.retention.minutes", Int, "10080", [1..];
}
