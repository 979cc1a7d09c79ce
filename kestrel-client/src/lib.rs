//! An async client for Apache Kafka: typed producers and consumers, idempotent by default, in Rust alone.
//!
//! Under construction.

mod admin;
mod client;
mod config;
mod consumer;
mod environment;
mod error;
mod metadata;
mod net;
mod producer;
mod record;
mod typed;

pub use admin::{
    Admin, AdminResults, AlterConfigs, ClusterDescription, ConfigEntry, ConfigResource, ConfigSource,
    CreatedTopic, DeleteRecordsTo, GroupDescription, GroupFilter, GroupListing, GroupMemberDescription,
    GroupState, GroupType, ListedOffset, MemberAssignment, NewPartitions, NewTopic, OffsetReset, OffsetSpec,
    PartitionDescription, ResetTo, TopicDescription, TopicListing,
};
pub use client::Client;
pub use config::{
    Acks, AutoOffsetReset, ClientBuilder, CommitPolicy, ConsumerConfig, IsolationLevel, Setting,
};
pub use consumer::{
    AckToken, Assigned, AssignedConsumerBuilder, AssignedPartitions, Batch, BatchRecords, Commit, Consumer,
    ConsumerBuilder, DeserializeError, OffsetAndMetadata, OffsetAndTimestamp, PositionError, PositionProblem,
    RebalanceListener, RecordRef, RevokedPartitions, Subscribed, assignor,
};
pub use error::{BrokerError, Error, FailedAttempt, Result, Severity};
pub use kestrel_protocol::record::{Compression, Header, Headers, TimestampType};
pub use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, LeaderEpoch, NodeId, TopicId, Uuid};
pub use metadata::{BrokerView, MetadataSnapshot, PartitionView, TopicView};
pub use producer::{Delivery, Producer, ProducerBuilder, TrySendError, partitioner};
pub use record::{ConsumerRecord, Record, RecordMetadata, Timestamp, TopicPartition};
pub use typed::{NoKey, TypedProducer, TypedProducerBuilder, TypedRecord, Unset};
