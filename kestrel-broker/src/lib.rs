//! An Apache Kafka broker to embed: in a test, an example, or a program that wants its log beside it.
//!
//! It speaks Apache Kafka's own protocol, so any Kafka client in any language can use it, and keeps its data in Apache
//! Kafka 4's own folder format, so that a folder can be handed to Apache Kafka and back.
//!
//! In a test one line is enough. The port is bound before the line returns, brokers do not get into each other's way, and
//! each is gone with its data when it is dropped:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = kestrel_broker::Broker::test().await?;
//! let servers = broker.bootstrap_servers(); // for any client's `bootstrap.servers`
//! # assert!(servers.starts_with("127.0.0.1:"));
//! broker.restart().await?; // same address, same data
//! # Ok(())
//! # }
//! ```
//!
//! A broker whose data stays, with keys of Apache Kafka's configuration:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use kestrel_broker::{Broker, Durability};
//!
//! let broker = Broker::builder()
//!     .listen("127.0.0.1:9092")
//!     .data_dir("./kestrel-data")
//!     .durability(Durability::Group)
//!     .set("auto.create.topics.enable", "false")
//!     .start()
//!     .await?;
//! broker.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Faults`] lets a test see its own client survive errors, slow answers and lost connections.
//! [`Broker::metrics`] has what the broker counted: requests, connections, batches, flushes, groups.
//!
//! # Security in a test
//! [`BrokerBuilder::user`] lets a user log in and closes the listener to everybody else; [`BrokerBuilder::acl`] turns Apache Kafka's
//! authorizer on; `BrokerBuilder::tls` (feature `dev-tls`) makes certificates and encrypts; `BrokerBuilder::unsecured_tokens` and
//! `signed_tokens` (feature `oauthbearer`) take tokens. Quotas are set as on Apache Kafka, with any
//! client's administration.
//!
//! # Stopping
//! ```text
//!   SIGTERM, Ctrl-C, broker.stop() ──► 1. no new connections, no new requests
//!                                      2. what is being answered is answered, with its records on disk
//!                                      3. every log is closed and marked as clean: the next start recovers nothing
//! ```
//!
//! Dropping a [`Broker`] ends it as a crash would: what was acknowledged is there, and the next start checks the logs' ends.
//!
//! # What it logs
//! With `tracing`; the library prints nothing, the binary writes to standard error (`RUST_LOG` filters). The target of an
//! event is the room that it comes from, so `kestrel_broker=info,kestrel_broker::api=debug` is a filter:
//!
//! | target | what |
//! |---|---|
//! | `kestrel_broker::broker`, `kestrel_broker` | start and stop, settings that do nothing here |
//! | `kestrel_broker::net` | connections refused and closed, TLS handshakes and logins that failed |
//! | `kestrel_broker::api` | each request and how long it took (DEBUG), fetch sessions; under `kestrel_broker::api::audit` what the authorizer denied, at DEBUG also what it allowed |
//! | `kestrel_broker::coordinator` | groups and their members, transactions that took too long |
//! | `kestrel_broker::cluster` | topics, the metadata log |
//! | `kestrel_broker::partition` | partitions that are offline |
//! | `kestrel_broker::log` | recovery, retention, compaction, the disk |
//! | `kestrel_broker::monitoring` | where metrics are served, and scrapes that failed |
//! | `kestrel_broker::telemetry` | subscriptions of client metrics that cannot be read |
//! | `kestrel_broker::tokens` | keys of who issues tokens that were fetched, or could not be |
//! | `kestrel_broker::housekeeper` | periodic work that failed |
//!
//! ERROR: data cannot be stored or served until somebody acts. WARN: somebody should look. INFO: what changes rarely and is right.
//! DEBUG: requests, connections, members. TRACE is not used.
//!
//! # Features
//! `cli` (on by default): the binary. `tls` (on by default): listeners with TLS, by rustls. `oauthbearer` (on by default): tokens of
//! OAUTHBEARER. `dev-tls` (with `cli`): certificates for development. `metrics` (with `cli`): metrics for Prometheus and health checks
//! over HTTP, `BrokerBuilder::metrics`.
//!
//! # The rooms
//!
//! ```text
//!   net ──► api ──► partition ──► log          net          connections, frames
//!            │          ▲ ▲                    api          one handler per request, behind a tower pipeline
//!            │          │ └─ coordinator       coordinator  groups and transactions, as replayed logs
//!            │          │       ▲              authorizer   who may do what, by ACLs
//!            │          │       │              quota        who is held back, and how long
//!            │          │       │              telemetry    what clients tell of themselves
//!            │          │       │              partition    watermarks, leader epochs, who waits
//!            ├──────────────────┘              cluster      topics and configuration, as a replayed log
//!            └──► cluster ──► log              log          segments, indexes, recovery
//!   config, clock, error, metrics: used by all
//! ```

mod api;
mod authorizer;
mod broker;
mod builder;
mod check;
mod clock;
mod cluster;
mod config;
mod coordinator;
#[cfg_attr(not(feature = "dev-tls"), path = "no_development_tls.rs")]
mod development_tls;
mod error;
mod housekeeper;
mod log;
mod metrics;
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody asks in a build without HTTP"))]
mod monitoring;
mod net;
mod partition;
mod quota;
mod telemetry;
#[cfg(test)]
mod testing;
#[cfg_attr(not(feature = "oauthbearer"), path = "no_tokens.rs")]
mod tokens;

pub use api::{FaultRule, Faults};
#[doc(hidden)]
pub use authorizer::AclDecisions;
pub use authorizer::{AclBinding, AclOperation, AclPermission, PatternType, ResourcePattern, ResourceType};
pub use broker::Broker;
pub use builder::BrokerBuilder;
pub use check::{CheckError, CheckEvent, CheckSummary, Cut, Finding, Repair, Severity, check_folder};
#[cfg(feature = "dev-tls")]
pub use development_tls::DevelopmentTls;
pub use error::{StartError, StopError};
pub use kestrel_protocol::{ApiKey, ErrorCode};
pub use log::{Durability, Validation};
pub use metrics::{
    ApiMetrics, GroupMetrics, Histogram, ListenerMetrics, LoginMetrics, Metrics, QuotaMetrics,
    ThrottleMetrics, TopicMetrics,
};
