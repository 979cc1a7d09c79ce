//! An async client for Apache Kafka: typed producers and consumers, idempotent by default, in Rust alone.
//!
//! It speaks Apache Kafka's own protocol, so it runs on Apache Kafka (tested on 4.3), and in tests on `kestrel-broker`, which
//! starts inside the test.
//!
//! # A tour
//! One [`Client`] has the connections and the metadata; it is cheap to clone. Everything else is made from it.
//!
//! ```no_run
//! use kestrel_client::admin::NewTopic;
//! use kestrel_client::{AutoOffsetReset, Client, Error, Json, Utf8};
//!
//! #[derive(Debug, serde::Serialize, serde::Deserialize)]
//! struct Click {
//!     page: String,
//! }
//!
//! # async fn tour() -> Result<(), kestrel_client::Error> {
//! let client = Client::builder("localhost:9092").client_id("shop").connect().await?;
//! client.admin().create_topics([NewTopic::new("clicks").partitions(3)]).await.into_result()?;
//!
//! // A producer is one engine: batches, retries, idempotence. Topics are opened over it, typed.
//! let producer = client.producer().build().await?;
//! let clicks = producer.topic::<str, Click>("clicks").key(Utf8).value(Json).open().await?;
//! let delivery = clicks.send("user-1", &Click { page: "/".into() }).await?; // accepted: waits for memory only
//! let receipt = delivery.await?; // stored: as `acks` says
//! assert!(receipt.offset.is_some());
//!
//! // A consumer is a stream of typed records. Consumers of the same group share the partitions.
//! let mut consumer = client
//!     .consumer::<String, Click>("billing")
//!     .topics(["clicks"])
//!     .key(Utf8)
//!     .value(Json)
//!     .auto_offset_reset(AutoOffsetReset::Earliest)
//!     .build()
//!     .await?;
//! // An `Err` item does not end the stream: `record?` would leave at the first record that is no click.
//! while let Some(record) = consumer.next().await {
//!     match record {
//!         Ok(record) => println!("{:?}", record.value),
//!         Err(Error::Deserialize(poison)) => eprintln!("skipped: {poison}"),
//!         Err(error) if error.is_retriable() => eprintln!("going on: {error:#}"),
//!         Err(error) => return Err(error),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`]: connecting; what is shared. Settings have Kafka's names in snake case and Apache Kafka 4's defaults, but for a few
//!   (`batch.size` is 64 KiB).
//! - [`Producer`] sends bytes to any topic; [`TypedProducer`] sends keys and values of one type to one topic.
//! - [`TransactionalProducer`]: records of several topics and the offsets of a group, committed together or not at all;
//!   [`Client::exactly_once`] is the loop that consumes, transforms and produces with it.
//! - [`Consumer`] reads as a member of a group, or the partitions that it was assigned: records one by one, [`Batch`]es of
//!   borrowed [`RecordRef`]s, or a [`PartitionStream`] for each partition. It has three ways to commit.
//! - [`Admin`]: topics, partitions, configs, offsets, groups, transactions, the cluster, ACLs, SCRAM users, quotas.
//! - [`oauth`]: tokens for clusters that want them, from a callback or from who gives them out.
//! - [`Observer`]: hears of connections, requests, batches, lag, rebalances and commits. `ClientBuilder::metrics` makes metrics of them.
//! - [`TraceContext`]: the trace that a record is sent in goes on where it is read ([`ClientBuilder::trace_context`]).
//! - `ClientBuilder::tls` and [`ClientBuilder::sasl`]: encrypted and authenticated connections, with [`Sasl`].
//! - [`Error`]: what went wrong, how bad it is ([`Severity`]), and whether a record may have been written all the same.
//!
//! # Stopping
//! Dropping a handle waits for nothing and commits nothing. Closing in this order loses nothing and repeats nothing:
//!
//! ```text
//!   the signal to stop ──► 1. the loop ends               `next` is not called again, the work in hand is finished
//!                          2. producer.close(limit)       what was accepted is sent, and each delivery answered: now
//!                             │                           the work is done
//!                          3. consumer.close()            what is done is committed, and the group told: others take
//!                             │                           over at once, not after `session.timeout.ms`
//!                          4. drop(client)                connections end with their last user
//! ```
//!
//! The producer goes first, because a commit says that the work is done, and what it sends is part of the work. Each step has a limit
//! (`consumer.close_within(limit)`), and an error says what it had to give up.
//!
//! # What it logs
//! With `tracing`; nothing is printed. The target of an event is the room that it comes from, so
//! `kestrel_client=info,kestrel_client::consumer::group=debug` is a filter:
//!
//! | target | what |
//! |---|---|
//! | `kestrel_client::net` | connections that end, addresses that do not answer, sessions that cannot be renewed |
//! | `kestrel_client::metadata` | metadata that cannot be had |
//! | `kestrel_client::config` | settings that exclude each other |
//! | `kestrel_client::oauth` | tokens that cannot be had at once, or not before the last one is old |
//! | `kestrel_client::security` | settings that `security.protocol` does not ask for; certificates that have changed |
//! | `kestrel_client::producer` | what keeps records from being sent, once by name; the producer's identity |
//! | `kestrel_client::transactions` | transactions whose work is done again, and commits that nobody knows the outcome of yet |
//! | `kestrel_client::consumer` | positions that are not in the log any more, fetches that are refused |
//! | `kestrel_client::handling` | partitions whose next record has to wait in a loop of `Consumer::handling` |
//! | `kestrel_client::rejected` | records that were passed because they could not be read or worked on |
//! | `kestrel_client::consumer::group` | partitions taken on and given up, commits, the coordinator |
//! | `kestrel_client::assignor` | what members of a group say about themselves and cannot be read |
//! | `kestrel_client::admin` | changes that not every broker shows yet |
//! | `kestrel_client::tasks` | background tasks that have panicked |
//! | `kestrel_client::spans` | no events: a span around each batch that is produced, each fetch and each commit, at DEBUG, with OpenTelemetry's names (`messaging.*`) |
//!
//! ERROR: a handle has failed and will not work again. WARN: somebody should look: work does not go on, was lost, or will be done twice.
//! INFO: what changes rarely and is right. DEBUG: what is tried again by itself. TRACE is not used, and no event is made
//! for a record but one that was rejected.
//!
//! # Features
//! `gzip`, `snappy`, `lz4`, `zstd`: the codecs that a producer may write and a consumer can read. All are on by default;
//! only `zstd` needs a C compiler, as `tls` does. A record in a codec that is off is an error that names the feature.
//!
//! `tls` (on by default): encrypted connections, by rustls with the provider `ring`; no OpenSSL. `oidc`: tokens of an OpenID Connect
//! provider for OAUTHBEARER ([`oauth`]); nine more crates. `aws-msk-iam`: tokens for Amazon MSK, signed without an SDK; none.
//!
//! `metrics`: what the client, its producers and its consumers do, told to the facade of that name; three small crates.
//!
//! `json` (on by default), `avro`, `protobuf`, `json-schema`, `uuid`: the formats of [`serde`] that need another crate.
//! `schema-registry`: the room `registry`, with the client of a schema registry and formats whose schemas it keeps.
//! `generic`: values of any schema that a registry has, as JSON.
//! `schema-lock`, for tests: `serde::schema_lock!` holds schemas against the versions in a folder beside the program. The crate `kestrel-serde` is
//! here as [`serde`], and its formats are at the root too (but for `serde::Uuid`: [`Uuid`] is the protocol's), so that a program depends on
//! `kestrel-client` alone.

mod acks;
pub mod admin;
pub mod assignor;
mod client;
mod complaints;
mod config;
mod consumer;
mod coordinators;
mod environment;
mod error;
mod format_headers;
mod handling;
mod into;
mod metadata;
#[cfg(feature = "metrics")]
pub mod metrics;
mod net;
pub mod oauth;
pub mod observer;
mod partitions;
mod producer;
mod reader;
mod record;
#[cfg(feature = "schema-registry")]
pub mod registry;
mod rejected;
mod security;
mod spans;
mod tasks;
pub mod testing;
mod trace_context;
mod transactions;
mod typed;
mod under_way;

pub use acks::AckToken;
pub use admin::Admin;
pub use async_trait::async_trait;
pub use bytes::Bytes;
pub use client::Client;
pub use config::{
    Acks, AutoOffsetReset, ClientBuilder, CommitPolicy, ConsumerConfig, IsolationLevel, ProducerConfig,
    Setting,
};
pub use consumer::{
    Assigned, AssignedConsumer, AssignedConsumerBuilder, AssignedPartitions, Commit, Consumer,
    ConsumerBuilder, ConsumerHandle, GroupMetadata, OffsetAndMetadata, OffsetAndTimestamp, PartitionStream,
    Place, RebalanceListener, RevokedPartitions, Source, Subscribed,
};
pub use error::{
    BrokerError, CommitFailed, DeserializeError, Error, FailedAttempt, HeldError, PositionError,
    PositionProblem, Result, Severity, SharedError, StallError,
};
pub use handling::{Failure, Handling, HandlingError};
pub use into::{IntoField, IntoName};
pub use kestrel_protocol::record::{Compression, Header, HeaderView, Headers, HeadersView, TimestampType};
pub use kestrel_protocol::{
    ApiKey, ByteString, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, ErrorClass, ErrorCode,
    LeaderEpoch, NodeId, ProducerEpoch, ProducerId, TopicId, Uuid,
};
#[cfg(feature = "tls")]
pub use kestrel_security::tls::{Identity as TlsIdentity, TlsVersions, Trust as TlsTrust};
pub use kestrel_serde as serde;
#[cfg(feature = "json")]
pub use kestrel_serde::Json;
#[cfg(feature = "json-schema")]
pub use kestrel_serde::JsonSchema;
#[cfg(feature = "avro")]
pub use kestrel_serde::{Avro, AvroValue};
pub use kestrel_serde::{BoxError, Float32, Float64, Int32, Int64, Raw, SerdeError, Unit, Utf8};
#[cfg(feature = "protobuf")]
pub use kestrel_serde::{Protobuf, ProtobufValue};
pub use kestrel_settings::Secret;
pub use metadata::{BrokerView, MetadataSnapshot, PartitionView, TopicView};
pub use net::{Connector, Transport};
pub use observer::Observer;
pub use producer::{Delivery, Producer, ProducerBuilder, TrySendError, partitioner};
pub use reader::{Batch, BatchRecords, RecordRef};
pub use record::{ConsumerRecord, Record, RecordMetadata, RecordParts, Timestamp, TopicPartition};
pub use rejected::{OrRaw, Remedy, Stage, Undecoded};
pub use security::Sasl;
#[cfg(feature = "tls")]
pub use security::Tls;
pub use tokio_util::sync::CancellationToken;
pub use trace_context::TraceContext;
pub use transactions::{
    CommitError, ExactlyOnce, Transaction, TransactionalProducer, TransactionalProducerBuilder,
    TransactionalTopic, TransactionalTopicBuilder, UndecidedCommit,
};
pub use typed::{NoKey, TypedProducer, TypedProducerBuilder, TypedRecord, Unset};
