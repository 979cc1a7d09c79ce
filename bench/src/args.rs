//! What the command line says.

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

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
    /// Read a topic from its beginning.
    Consume(Consume),
    /// Produce at a fixed rate and read at the same time: latency from send to receipt.
    E2e(EndToEnd),
    /// Produce and consume 100-byte records with Kestrel and rdkafka in turns, three rounds, and print the ratios.
    Compare(Compare),
}

/// Which client does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    Kestrel,
    #[cfg(feature = "rdkafka")]
    Rdkafka,
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

/// Where the work goes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Bootstrap servers.
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub(crate) bootstrap: String,
    /// The topic; `produce` and `e2e` create it when it is missing.
    #[arg(long, default_value = "bench")]
    pub(crate) topic: String,
    /// Partitions of a topic that is created.
    #[arg(long, default_value_t = 1)]
    pub(crate) partitions: i32,
    /// The client that does the work.
    #[arg(long, value_enum, default_value_t = Client::Kestrel)]
    pub(crate) client: Client,
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
    #[arg(long, default_value_t = 131_072)]
    pub(crate) batch_bytes: usize,
    /// Produce requests in flight per broker.
    #[arg(long, default_value_t = 5)]
    pub(crate) inflight: usize,
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
    /// For how long, in seconds.
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
