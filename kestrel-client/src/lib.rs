//! An async client for Apache Kafka: typed producers and consumers, idempotent by default, in Rust alone.
//!
//! Under construction.

mod client;
mod config;
mod consumer;
mod environment;
mod error;
mod metadata;
mod net;
mod record;
mod typed;

pub use client::Client;
pub use config::{AutoOffsetReset, ClientBuilder, ConsumerConfig, IsolationLevel};
pub use consumer::{DeserializeError, PositionError, PositionProblem};
pub use error::{BrokerError, Error, FailedAttempt, Result, Severity};
pub use kestrel_protocol::record::{Compression, Header, Headers, TimestampType};
pub use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, LeaderEpoch, NodeId, TopicId, Uuid};
pub use metadata::{BrokerView, MetadataSnapshot, PartitionView, TopicView};
pub use record::{ConsumerRecord, Record, RecordMetadata, Timestamp, TopicPartition};
