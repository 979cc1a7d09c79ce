//! What the command line says.

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use kestrel_bench::Format;

/// Measures a Kafka client on a broker and prints one line of JSON.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Produce as fast as the broker acknowledges; every acknowledgement is observed.
    Produce(Produce),
    /// Read a topic from its beginning; every record is touched.
    Consume(Consume),
    /// Produce at a fixed rate and read at the same time: latency from when a record was due to its receipt.
    E2e(EndToEnd),
    /// Produce in transactions of so many records; every acknowledgement is observed.
    Transactions(Transactions),
    /// Produce orders with a serializer; every acknowledgement is observed.
    TypedProduce(TypedProduce),
    /// Read orders with a deserializer from the beginning of a topic.
    TypedConsume(TypedConsume),
    /// Join groups, then heartbeat, poll and commit once a second each: what the coordinator costs.
    Groups(Groups),
    /// Produce and consume 100-byte records with Kestrel and rdkafka in turns, three rounds, and print the ratios.
    Compare(Compare),
    /// Create or delete a topic, with Kestrel's admin client.
    #[command(subcommand)]
    Topic(Topic),
    /// Stand between clients and a broker as the network that one machine does not have: a longer way, or one that fails.
    Proxy(Proxy),
}

/// Which client does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    Kestrel,
    /// Its asynchronous half: `FutureProducer` and `StreamConsumer`.
    #[cfg(feature = "rdkafka")]
    Rdkafka,
    /// Its fastest half: `ThreadedProducer` with delivery callbacks, and `BaseConsumer`.
    #[cfg(feature = "rdkafka")]
    RdkafkaBase,
    #[cfg(feature = "krafka")]
    Krafka,
    #[cfg(feature = "kacrab")]
    Kacrab,
    /// Which has no producer queue: the batches are made here.
    #[cfg(feature = "rskafka")]
    Rskafka,
}

impl Client {
    /// The name on the command line and in the results.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no client is skipped").get_name().to_owned()
    }
}

/// Whose settings a client runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Settings {
    /// The same for every client: what the options say; consumers are set for throughput.
    Matched,
    /// The client's own defaults: only addresses are set.
    Defaults,
}

/// How many replicas must have a record before it counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Acks {
    #[value(alias = "-1")]
    All,
    #[value(name = "1")]
    Leader,
    #[value(name = "0")]
    None,
}

/// The codec of record batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// Which records of transactions a consumer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

/// Where the work goes, and who does it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Bootstrap servers.
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub(crate) bootstrap: String,
    /// The topic.
    #[arg(long, default_value = "bench")]
    pub(crate) topic: String,
    /// `produce` and `e2e` create a missing topic with so many partitions; with 0 it has to be there.
    #[arg(long, default_value_t = 1)]
    pub(crate) partitions: i32,
    /// The client that does the work.
    #[arg(long, value_enum, default_value_t = Client::Kestrel)]
    pub(crate) client: Client,
    /// Whose settings it runs with.
    #[arg(long, value_enum, default_value_t = Settings::Matched)]
    pub(crate) settings: Settings,
    /// Worker threads of the asynchronous runtime; 0 runs everything on the calling thread [default: one per core].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Encrypt connections, and trust the certificates that this authority has signed: a PEM file.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<String>,
    /// Which records of transactions a consumer gets.
    #[arg(long, value_enum, default_value_t = Isolation::ReadUncommitted)]
    pub(crate) isolation: Isolation,
    /// Have the client tell its metrics to an exporter for Prometheus, which is read at the end. Of Kestrel alone.
    #[arg(long)]
    pub(crate) metrics: bool,
}

impl Common {
    pub(crate) fn matched(&self) -> bool {
        self.settings == Settings::Matched
    }
}

/// Settings of the producer.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Tuning {
    /// Size of each value, in bytes.
    #[arg(long, default_value_t = 100)]
    pub(crate) size: usize,
    #[arg(long, value_enum, default_value_t = Acks::All)]
    pub(crate) acks: Acks,
    #[arg(long, value_enum, default_value_t = Codec::None)]
    pub(crate) compression: Codec,
    /// Whether the producer is idempotent (needs --acks all).
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) idempotent: bool,
    /// How long a batch waits for more records, in milliseconds.
    #[arg(long, default_value_t = 5)]
    pub(crate) linger_ms: u64,
    /// Largest batch, in bytes.
    #[arg(long, default_value_t = 262_144)]
    pub(crate) batch_bytes: usize,
    /// Produce requests in flight per broker.
    #[arg(long, default_value_t = 5)]
    pub(crate) inflight: usize,
    /// Bytes of records that wait or are on their way at most.
    #[arg(long, default_value_t = 33_554_432)]
    pub(crate) buffer_bytes: usize,
}

impl Tuning {
    pub(crate) const fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }
}

/// `kestrel-bench produce`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Produce {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    /// How many records.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) records: u64,
    /// Producers, each with a connection of its own, that take turns.
    #[arg(long, default_value_t = 1)]
    pub(crate) connections: u64,
}

/// `kestrel-bench transactions`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Transactions {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    /// How many records in all.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) records: u64,
    /// How many of them are committed together.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) per_transaction: u64,
}

/// `kestrel-bench consume`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Consume {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many records to read before stopping.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) records: u64,
}

/// Which serializers.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Serializers {
    /// The language of the schema. The serializers of `rdkafka-base` are those of `schema_registry_converter`.
    #[arg(long, value_enum, default_value_t = Format::Avro)]
    pub(crate) format: Format,
    /// Address of the schema registry.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    pub(crate) registry: String,
}

/// `kestrel-bench typed-produce`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TypedProduce {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) serializers: Serializers,
    /// How many records.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) records: u64,
}

/// `kestrel-bench typed-consume`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TypedConsume {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) serializers: Serializers,
    /// How many records to read before stopping.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) records: u64,
}

/// `kestrel-bench e2e`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EndToEnd {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    /// Records per second.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) rate: u32,
    /// For how long it is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// For how long it runs before, unmeasured, in seconds.
    #[arg(long, default_value_t = 1)]
    pub(crate) warmup_seconds: u64,
}

/// `kestrel-bench groups`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Groups {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many groups.
    #[arg(long, default_value_t = 1)]
    pub(crate) groups: usize,
    /// Members of each group; the topic's partitions have to be a multiple of them.
    #[arg(long, default_value_t = 1)]
    pub(crate) members: usize,
    /// For how long they live after all have their partitions, in seconds.
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
}

/// `kestrel-bench compare`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Compare {
    /// Bootstrap servers.
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub(crate) bootstrap: String,
    /// Records of each run.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) records: u64,
    /// Size of each value, in bytes.
    #[arg(long, default_value_t = 100)]
    pub(crate) size: usize,
    /// Rounds: in each one every client produces and consumes once.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
}

/// `kestrel-bench topic`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Topic {
    /// Create it; that it is there already is fine.
    Create(TopicArgs),
    /// Delete it.
    Delete(TopicArgs),
}

/// Which topic.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TopicArgs {
    /// Bootstrap servers.
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub(crate) bootstrap: String,
    #[arg(long)]
    pub(crate) topic: String,
    /// Partitions of a topic that is created.
    #[arg(long, default_value_t = 1)]
    pub(crate) partitions: i32,
}

/// `kestrel-bench proxy`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Proxy {
    /// Where clients connect; port 0 takes a free one. The broker has to advertise this address.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
    /// The broker.
    #[arg(long)]
    pub(crate) to: String,
    /// What is added to each round trip, in milliseconds; half of it each way.
    #[arg(long, default_value_t = 0)]
    pub(crate) rtt_ms: u64,
    /// Reset each connection within a second, hold bytes back and stand still now and then, as this seed decides.
    #[arg(long, value_name = "SEED", conflicts_with = "rtt_ms")]
    pub(crate) cut_seed: Option<u64>,
}
