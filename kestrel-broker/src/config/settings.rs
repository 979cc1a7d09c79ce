//! The keys of the broker that mean one thing each: a field of [`BrokerSettings`] has what a row says.
//!
//! Read once at the start, by [`BrokerConfig`](super::BrokerConfig). Whoever adds a key adds a row.

use std::time::Duration;

use kestrel_settings::Scope::ClusterWide;
use kestrel_settings::settings;

settings! {
    /// The settings that rooms of the broker read as they are. Defaults are Apache Kafka's, but for those that
    /// docs/broker-settings.md lists.
    pub(crate) struct BrokerSettings, keys BROKER: BrokerKeys;

    /// Whether a topic is created when a client first asks for it and allows that.
    auto_create_topics: bool, "auto.create.topics.enable", Boolean, "true", [any];
    /// Where the broker stands, as Metadata tells clients.
    rack: Option<String>, "broker.rack", String, null, [any];
    /// How many milliseconds a client waits for the answer that its login failed; nothing is read from it meanwhile.
    failed_authentication_delay: Duration, "connection.failed.authentication.delay.ms", Int, "100", [0..];
    /// A connection without a request for this many milliseconds is closed; a negative value: never.
    connections_max_idle: Option<Duration>, "connections.max.idle.ms", Long, "600000", [any];
    /// How many replicas a topic gets that does not say. There is one node, so anything above 1 refuses such topics.
    default_replication_factor: i16, "default.replication.factor", Int, "1", [1..];
    /// Whether topics may be deleted.
    delete_topics: bool, "delete.topic.enable", Boolean, "true", [any];
    /// How many bytes of records one answer to Fetch holds at most, whatever the client asks for.
    fetch_max_bytes: usize, "fetch.max.bytes", Int, "57671680", [1024..];
    /// Whether topics with the cleanup policy compact are compacted, the committed offsets of groups among them.
    cleans_logs: bool, "log.cleaner.enable", Boolean, "true", [any];
    /// How many milliseconds lie between two checks of whether segments may be deleted; below a second it is one. The first
    /// check comes 30 seconds after the start, or after the interval if that is shorter.
    retention_check_interval: Duration, "log.retention.check.interval.ms", Long, "300000", [1..];
    /// How many fetch sessions are kept at most; other clients name all their partitions in each request.
    fetch_sessions: usize, "max.incremental.fetch.session.cache.slots", Int, "1000", [0..];
    /// How many partitions one answer to DescribeTopicPartitions holds at most.
    max_described_partitions: usize, "max.request.partition.size.limit", Int, "2000", [1..];
    /// How many partitions a topic gets that does not say.
    num_partitions: i32, "num.partitions", Int, "1", [1..];
    /// How many logs are recovered at the same time after a stop that was not clean. Read at the start.
    recovery_threads: usize, "num.recovery.threads.per.data.dir", Int, "2", [1..], scope: ClusterWide;
    /// How many milliseconds a request of a group waits at most until what it changed is stored.
    offsets_commit_timeout: Duration, "offsets.commit.timeout.ms", Int, "5000", [1..];
    /// How many partitions the topic of the groups gets when it is created, at the first need.
    offsets_topic_partitions: i32, "offsets.topic.num.partitions", Int, "50", [1..];
    /// How many replicas the topic of the groups gets: there is one node, so it gets one whatever is said here.
    offsets_topic_replication_factor: i16, "offsets.topic.replication.factor", Short, "3", [1..];
    /// How large a segment of the topic of the groups may become, in bytes, when it is created.
    offsets_topic_segment_bytes: i32, "offsets.topic.segment.bytes", Int, "104857600", [1_048_576..];
    /// How many milliseconds the sequence numbers of an idle idempotent producer are remembered.
    producer_id_expiration: Duration, "producer.id.expiration.ms", Int, "86400000", [1..], scope: ClusterWide;
    /// How many connections may wait to be accepted.
    listen_backlog: u32, "socket.listen.backlog.size", Int, "1024", [1..];
    /// How many milliseconds a new connection has for its TLS handshake.
    connection_setup_timeout: Duration, "socket.connection.setup.timeout.ms", Long, "10000", [1..];
    /// How large a request may be, in bytes. A larger one closes the connection before anything is reserved for it.
    request_max_bytes: usize, "socket.request.max.bytes", Int, "104857600", [1..];
    /// How many bytes the metrics that a client pushes may have at most, compressed and not (KIP-714).
    telemetry_max_bytes: usize, "telemetry.max.bytes", Int, "1048576", [1..];
    /// How many replicas of the topic of transactions must have a record before it counts: there is one node, so it is one
    /// whatever is said here.
    transaction_topic_min_isr: i32, "transaction.state.log.min.isr", Int, "2", [1..];
    /// How many partitions the topic of transactions gets when it is created, at the first need.
    transaction_topic_partitions: i32, "transaction.state.log.num.partitions", Int, "50", [1..];
    /// How many replicas the topic of transactions gets: there is one node, so it gets one whatever is said here.
    transaction_topic_replication_factor: i16, "transaction.state.log.replication.factor", Short, "3", [1..];
    /// How large a segment of the topic of transactions may become, in bytes, when it is created.
    transaction_topic_segment_bytes: i32, "transaction.state.log.segment.bytes", Int, "104857600", [1_048_576..];
}
