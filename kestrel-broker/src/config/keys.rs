//! Every broker key of Apache Kafka 4.3: those that Kestrel acts on with their meaning, the others with a warning.
//!
//! Read by [`BrokerConfig`](super::BrokerConfig) when it checks what was said, and by DescribeConfigs.

use super::accepted_keys::ACCEPTED_KEYS;
use super::value::Allowed::{self, Any, AtLeast, Each, Fraction, OneOf};
use super::value::ValueType::{self, Boolean, Double, Int, List, Long, Short, String};

/// A broker key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BrokerKey {
    /// Its name.
    pub(crate) name: &'static str,
    /// The type of its value.
    pub(crate) value_type: ValueType,
    /// Its value when nothing is said; `None` is null.
    pub(crate) default: Option<&'static str>,
    /// The values of the type that it takes.
    pub(crate) allowed: Allowed,
    /// Whether and where Apache Kafka lets it be changed on a running broker.
    pub(crate) scope: Scope,
    /// What Kestrel does with it.
    pub(crate) status: Status,
}

/// What Kestrel does with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is acted on, as the text says.
    Acted(&'static str),
    /// It is accepted with a warning: it belongs to something that Kestrel does not have yet.
    Accepted(Area),
}

/// Whether a key can be changed on a running broker (KIP-226).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Only at the start.
    ReadOnly,
    /// On one broker.
    PerBroker,
    /// On one broker or on all of them.
    ClusterWide,
}

/// What a key belongs to that Kestrel does not act on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Area {
    /// More than one node.
    Cluster,
    /// Threads, queues and buffers of Apache Kafka's network and request engine.
    Engine,
    /// Consumer groups.
    Groups,
    /// Knobs that Apache Kafka keeps for its own tests.
    Internal,
    /// Details of log files.
    Log,
    /// Metrics and client telemetry.
    Metrics,
    /// Plug-in policies.
    Policies,
    /// Quotas.
    Quotas,
    /// SASL.
    Sasl,
    /// Principals, ACLs and delegation tokens.
    Security,
    /// Share groups.
    ShareGroups,
    /// Streams groups.
    StreamsGroups,
    /// Tiered storage.
    TieredStorage,
    /// TLS.
    Tls,
    /// Transactions.
    Transactions,
}

impl Area {
    /// What it is, in words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "clusters of several nodes",
            Self::Engine => "the request engine of Apache Kafka",
            Self::Groups => "consumer groups",
            Self::Internal => "the inner workings of Apache Kafka",
            Self::Log => "details of log files",
            Self::Metrics => "metrics",
            Self::Policies => "plug-in policies",
            Self::Quotas => "quotas",
            Self::Sasl => "SASL",
            Self::Security => "authorization",
            Self::ShareGroups => "share groups",
            Self::StreamsGroups => "streams groups",
            Self::TieredStorage => "tiered storage",
            Self::Tls => "TLS",
            Self::Transactions => "transactions",
        }
    }
}

impl BrokerKey {
    /// The key of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::all().find(|key| key.name == name)
    }

    /// Every key, in no particular order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ACTED_KEYS.iter().copied().map(Self::acted).chain(ACCEPTED_KEYS.iter().copied().map(Self::accepted))
    }

    /// Whether Apache Kafka keeps it for itself: it is taken and not shown.
    pub(crate) const fn is_internal(&self) -> bool {
        matches!(self.status, Status::Accepted(Area::Internal))
    }

    /// What it means, for whoever reads DescribeConfigs.
    pub(crate) fn doc(&self) -> std::string::String {
        match self.status {
            Status::Acted(doc) => doc.to_owned(),
            Status::Accepted(area) => {
                format!("Known from Apache Kafka and without effect here: it belongs to {}.", area.name())
            }
        }
    }

    const fn acted((name, value_type, default, allowed, scope, doc): ActedKey) -> Self {
        Self { name, value_type, default, allowed, scope, status: Status::Acted(doc) }
    }

    const fn accepted(
        (name, value_type, default, allowed, scope, area): super::accepted_keys::AcceptedKey,
    ) -> Self {
        Self { name, value_type, default, allowed, scope, status: Status::Accepted(area) }
    }
}

/// One row: name, type, default, range, how it may be changed, meaning.
type ActedKey = (&'static str, ValueType, Option<&'static str>, Allowed, Scope, &'static str);

/// The keys that Kestrel acts on. Defaults are Apache Kafka's, but for the address, the folder and the node id, which let
/// a broker start with nothing said, and for `group.initial.rebalance.delay.ms`: a first consumer need not wait.
#[rustfmt::skip]
const ACTED_KEYS: &[ActedKey] = &[
    ("advertised.listeners", List, None, Any, Scope::ReadOnly,
        "The address that clients of each listener are told to connect to, as NAME://HOST:PORT. Default: the address of the listener."),
    ("auto.create.topics.enable", Boolean, Some("true"), Any, Scope::ReadOnly,
        "Whether a topic is created when a client first asks for it and allows that."),
    ("broker.id", Int, Some("-1"), Any, Scope::ReadOnly,
        "An older name of node.id; used when node.id is not given."),
    ("broker.rack", String, None, Any, Scope::ReadOnly,
        "Where the broker stands, as Metadata tells clients."),
    ("compression.type", String, Some("producer"),
        OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Scope::ClusterWide,
        "How batches are stored in topics that do not say: as the producer sent them, or with one codec."),
    ("connections.max.idle.ms", Long, Some("600000"), Any, Scope::ReadOnly,
        "A connection without a request for this many milliseconds is closed; a negative value: never."),
    ("controller.listener.names", List, None, Any, Scope::ReadOnly,
        "The names of listeners that only controllers use. They are not opened: the controller is part of the broker."),
    ("default.replication.factor", Int, Some("1"), AtLeast(1), Scope::ReadOnly,
        "How many replicas a topic gets that does not say. There is one node, so anything above 1 refuses such topics."),
    ("delete.topic.enable", Boolean, Some("true"), Any, Scope::ReadOnly,
        "Whether topics may be deleted."),
    ("fetch.max.bytes", Int, Some("57671680"), AtLeast(1024), Scope::ReadOnly,
        "How many bytes of records one answer to Fetch holds at most, whatever the client asks for."),
    ("group.initial.rebalance.delay.ms", Int, Some("0"), AtLeast(0), Scope::ReadOnly,
        "How many milliseconds a group that was empty waits for more members before its first rebalance. Apache Kafka: 3000."),
    ("group.max.session.timeout.ms", Int, Some("1800000"), AtLeast(0), Scope::ReadOnly,
        "The longest session timeout, in milliseconds, that a member of a classic group may ask for."),
    ("group.max.size", Int, Some("2147483647"), AtLeast(1), Scope::ReadOnly,
        "How many members a classic group has at most."),
    ("group.min.session.timeout.ms", Int, Some("6000"), AtLeast(0), Scope::ReadOnly,
        "The shortest session timeout, in milliseconds, that a member of a classic group may ask for."),
    ("inter.broker.listener.name", String, None, Any, Scope::ReadOnly,
        "The listener that brokers would use among themselves. There is one node, so it has no effect, but it has to be one of listeners."),
    ("listener.security.protocol.map", String,
        Some("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Any, Scope::PerBroker,
        "Which security protocol the listener of a name has. Only PLAINTEXT is there yet."),
    ("listeners", List, Some("PLAINTEXT://127.0.0.1:9092"), Any, Scope::PerBroker,
        "Where the broker listens, as NAME://HOST:PORT, several with commas. The first one is what the ready line names."),
    ("log.cleaner.backoff.ms", Long, Some("15000"), AtLeast(0), Scope::ClusterWide,
        "How many milliseconds the log cleaner rests when no log is worth compacting; below 50 it is 50."),
    ("log.cleaner.dedupe.buffer.size", Long, Some("134217728"), Any, Scope::ClusterWide,
        "How many bytes of memory the log cleaner may take for the keys of a log, at 24 bytes each; it takes what the keys need, and half as much again while it grows. A log with more keys is compacted in parts."),
    ("log.cleaner.delete.retention.ms", Long, Some("86400000"), AtLeast(0), Scope::ClusterWide,
        "How many milliseconds compaction keeps a tombstone, in topics that do not say."),
    ("log.cleaner.enable", Boolean, Some("true"), Any, Scope::ReadOnly,
        "Whether topics with the cleanup policy compact are compacted, the committed offsets of groups among them."),
    ("log.cleaner.io.buffer.load.factor", Double, Some("0.9"), Any, Scope::ClusterWide,
        "Which part of log.cleaner.dedupe.buffer.size may be filled, from 0.1 to 0.95: the fuller, the slower."),
    ("log.cleaner.io.buffer.size", Int, Some("524288"), AtLeast(0), Scope::ClusterWide,
        "How many bytes of memory the log cleaner reads and writes with, half for each; a larger record batch takes more."),
    ("log.cleaner.io.max.bytes.per.second", Double, Some("1.7976931348623157E308"), Any, Scope::ClusterWide,
        "How many bytes the log cleaner reads and writes per second at most, on average over the compaction of a log."),
    ("log.cleaner.max.compaction.lag.ms", Long, Some("9223372036854775807"), AtLeast(1), Scope::ClusterWide,
        "How many milliseconds a record may stay uncompacted, in topics that do not say; a segment is not written longer than that either."),
    ("log.cleaner.min.cleanable.ratio", Double, Some("0.5"), Fraction(0.0, 1.0), Scope::ClusterWide,
        "Which part of a log must be uncompacted before it is compacted, in topics that do not say."),
    ("log.cleaner.min.compaction.lag.ms", Long, Some("0"), AtLeast(0), Scope::ClusterWide,
        "How many milliseconds a record stays uncompacted at least, in topics that do not say."),
    ("log.cleaner.threads", Int, Some("1"), AtLeast(0), Scope::ClusterWide,
        "With 0 nothing is compacted. Any other number means one thread, which compacts one log after the other."),
    ("log.cleanup.policy", List, Some("delete"), Each(&["compact", "delete"]), Scope::ClusterWide,
        "The cleanup policy of topics that do not say. With compact each record needs a key."),
    ("log.dir", List, Some("./kestrel-data"), Any, Scope::ReadOnly,
        "The data folder; used when log.dirs is not given."),
    ("log.dirs", List, None, Any, Scope::ReadOnly,
        "The data folder. One folder, not a list."),
    ("log.flush.interval.messages", Long, Some("9223372036854775807"), AtLeast(1), Scope::ClusterWide,
        "With durability interval: how many records of a partition may wait for a flush."),
    ("log.flush.interval.ms", Long, None, Any, Scope::ClusterWide,
        "With durability interval: how many milliseconds a record may wait for a flush."),
    ("log.index.interval.bytes", Int, Some("4096"), AtLeast(0), Scope::ClusterWide,
        "How many bytes of a log lie between two entries of its offset index, at least."),
    ("log.index.size.max.bytes", Int, Some("10485760"), AtLeast(4), Scope::ClusterWide,
        "The size at which an offset index is full, which starts a new segment."),
    ("log.message.timestamp.after.max.ms", Long, Some("3600000"), AtLeast(0), Scope::ClusterWide,
        "How many milliseconds a record's timestamp may lie in the future."),
    ("log.message.timestamp.before.max.ms", Long, Some("9223372036854775807"), AtLeast(0), Scope::ClusterWide,
        "How many milliseconds a record's timestamp may lie in the past."),
    ("log.message.timestamp.type", String, Some("CreateTime"), OneOf(&["CreateTime", "LogAppendTime"]),
        Scope::ClusterWide,
        "Whether records of topics that do not say keep the producer's timestamp or get the broker's."),
    ("log.retention.bytes", Long, Some("-1"), Any, Scope::ClusterWide,
        "How large a partition may become, in bytes, before its oldest segments are deleted; -1: no limit."),
    ("log.retention.check.interval.ms", Long, Some("300000"), AtLeast(1), Scope::ReadOnly,
        "How many milliseconds lie between two checks of whether segments may be deleted; below a second it is one. The first check comes 30 seconds after the start, or after the interval if that is shorter."),
    ("log.retention.hours", Int, Some("168"), Any, Scope::ReadOnly,
        "How many hours a segment is kept after its largest timestamp; -1: forever. Used when neither log.retention.ms nor log.retention.minutes is given."),
    ("log.retention.minutes", Int, None, Any, Scope::ReadOnly,
        "How many minutes a segment is kept after its largest timestamp; -1: forever. Used when log.retention.ms is not given."),
    ("log.retention.ms", Long, None, Any, Scope::ClusterWide,
        "How many milliseconds a segment is kept after its largest timestamp; -1: forever. Default: log.retention.minutes, then log.retention.hours."),
    ("log.roll.hours", Int, Some("168"), AtLeast(1), Scope::ReadOnly,
        "After how many hours a new segment is started; used when log.roll.ms is not given."),
    ("log.roll.ms", Long, None, Any, Scope::ClusterWide,
        "After how many milliseconds a new segment is started."),
    ("log.segment.bytes", Int, Some("1073741824"), AtLeast(1_048_576), Scope::ClusterWide,
        "How large a segment may become, in bytes."),
    ("log.segment.delete.delay.ms", Long, Some("60000"), AtLeast(0), Scope::ClusterWide,
        "How many milliseconds the files of a deleted segment stay on the disk, renamed."),
    ("max.connections", Int, Some("2147483647"), AtLeast(0), Scope::ClusterWide,
        "How many connections may be open at once; further ones are closed as they come."),
    ("max.connections.per.ip", Int, Some("2147483647"), AtLeast(0), Scope::ClusterWide,
        "How many connections one address may have open at once; further ones are closed as they come."),
    ("max.incremental.fetch.session.cache.slots", Int, Some("1000"), AtLeast(0), Scope::ReadOnly,
        "How many fetch sessions are kept at most; other clients name all their partitions in each request."),
    ("max.request.partition.size.limit", Int, Some("2000"), AtLeast(1), Scope::ReadOnly,
        "How many partitions one answer to DescribeTopicPartitions holds at most."),
    ("message.max.bytes", Int, Some("1048588"), AtLeast(0), Scope::ClusterWide,
        "How large a record batch may be, in bytes, in topics that do not say."),
    ("metadata.log.max.record.bytes.between.snapshots", Long, Some("20971520"), AtLeast(1), Scope::ReadOnly,
        "After how many bytes of records a snapshot of the metadata is written."),
    ("metadata.log.max.snapshot.interval.ms", Long, Some("3600000"), AtLeast(0), Scope::ReadOnly,
        "How many milliseconds after the last snapshot of the metadata the next one is written, if anything changed; 0: not for the time alone."),
    ("metadata.log.segment.bytes", Int, Some("1073741824"), AtLeast(8_388_608), Scope::ReadOnly,
        "How large a segment of the metadata log may become, in bytes."),
    ("metadata.log.segment.ms", Long, Some("604800000"), Any, Scope::ReadOnly,
        "After how many milliseconds a new segment of the metadata log is started."),
    ("metadata.max.retention.bytes", Long, Some("104857600"), Any, Scope::ReadOnly,
        "From how many bytes of the metadata log and its snapshots on the oldest are deleted; -1: no limit. The newest snapshot stays."),
    ("metadata.max.retention.ms", Long, Some("604800000"), Any, Scope::ReadOnly,
        "How many milliseconds a snapshot of the metadata is kept after its last record, unless it is the newest; -1: no limit."),
    ("min.insync.replicas", Int, Some("1"), AtLeast(1), Scope::ClusterWide,
        "How many replicas must be in sync for acks=all, in topics that do not say."),
    ("node.id", Int, Some("1"), AtLeast(0), Scope::ReadOnly,
        "The number of this node. A data folder belongs to the node that made it."),
    ("num.recovery.threads.per.data.dir", Int, Some("2"), AtLeast(1), Scope::ClusterWide,
        "How many logs are recovered at the same time after a stop that was not clean. Read at the start."),
    ("num.partitions", Int, Some("1"), AtLeast(1), Scope::ReadOnly,
        "How many partitions a topic gets that does not say."),
    ("offset.metadata.max.bytes", Int, Some("4096"), AtLeast(0), Scope::ReadOnly,
        "How many characters of metadata may be kept with a committed offset; Apache Kafka counts them too, whatever the name says."),
    ("offsets.commit.timeout.ms", Int, Some("5000"), AtLeast(1), Scope::ReadOnly,
        "How many milliseconds a request of a group waits at most until what it changed is stored."),
    ("offsets.retention.check.interval.ms", Long, Some("600000"), AtLeast(1), Scope::ReadOnly,
        "How often, in milliseconds, it is looked for committed offsets that are too old."),
    ("offsets.retention.minutes", Int, Some("10080"), AtLeast(1), Scope::ReadOnly,
        "How many minutes committed offsets are kept once their group is empty, or was never joined."),
    ("offsets.topic.num.partitions", Int, Some("50"), AtLeast(1), Scope::ReadOnly,
        "How many partitions the topic of the groups gets when it is created, at the first need."),
    ("offsets.topic.replication.factor", Short, Some("3"), AtLeast(1), Scope::ReadOnly,
        "How many replicas the topic of the groups gets: there is one node, so it gets one whatever is said here."),
    ("offsets.topic.segment.bytes", Int, Some("104857600"), AtLeast(1_048_576), Scope::ReadOnly,
        "How large a segment of the topic of the groups may become, in bytes, when it is created."),
    ("process.roles", List, None, Each(&["broker", "controller"]), Scope::ReadOnly,
        "What this process is. Kestrel is always both, broker and controller."),
    ("producer.id.expiration.ms", Int, Some("86400000"), AtLeast(1), Scope::ClusterWide,
        "How many milliseconds the sequence numbers of an idle idempotent producer are remembered."),
    ("socket.listen.backlog.size", Int, Some("1024"), AtLeast(1), Scope::ReadOnly,
        // Not Kafka's 50: what comes when that many wait is dropped by the kernel and tried again after a second.
        "How many connections may wait to be accepted."),
    ("socket.request.max.bytes", Int, Some("104857600"), AtLeast(1), Scope::ReadOnly,
        "How large a request may be, in bytes. A larger one closes the connection before anything is reserved for it."),
];

#[cfg(test)]
mod tests {
    use super::super::value::check;
    use super::*;

    #[test]
    fn each_key_is_there_once_and_takes_its_own_default() {
        let mut names: Vec<_> = BrokerKey::all().map(|key| key.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(count, 360);
        for key in BrokerKey::all() {
            if let Some(default) = key.default.filter(|_| key.name != "broker.id") {
                assert_eq!(check(key.value_type, key.allowed, default), Ok(()), "{}", key.name);
            }
            assert!(key.doc().ends_with('.') && !key.doc().contains('\n'), "{}", key.name);
        }
    }
}
