//! Events of consumers and of the groups that they are in.

use std::error::Error as StdError;
use std::time::Duration;

use kestrel_protocol::NodeId;

use crate::error::Error;
use crate::record::TopicPartition;
use crate::rejected::{Remedy, Stage};

/// A broker has answered a fetch; see [`on_fetched`](super::Observer::on_fetched).
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The broker.
    pub node: NodeId,
    /// How many partitions had records.
    pub partitions: usize,
    /// How many batches came.
    pub batches: usize,
    /// How many records, as the batches' headers say: control records count, and records before the position.
    pub records: usize,
    /// The size of the batches, compressed as they are.
    pub bytes: usize,
    /// From the request to its answer: `fetch.max.wait.ms` when there was nothing new.
    pub took: Duration,
}

/// The application begins with the records of a batch; see [`on_records_polled`](super::Observer::on_records_polled).
#[derive(Debug)]
#[non_exhaustive]
pub struct RecordsPolled<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The consumer's group, if it is in one.
    pub group: Option<&'a str>,
    /// How many records the batch has.
    pub records: usize,
    /// Its size, compressed as it came.
    pub bytes: usize,
    /// How long the application has waited for them; zero where they were there already.
    pub waited: Duration,
    /// What the application spent since the last batch, its waiting left out; zero for the first one.
    pub busy: Duration,
}

/// How far a consumer is behind; see [`on_partition_lag`](super::Observer::on_partition_lag).
#[derive(Debug)]
#[non_exhaustive]
pub struct PartitionLag<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The consumer's group, if it is in one.
    pub group: Option<&'a str>,
    /// The next record that the application gets.
    pub position: i64,
    /// Where the partition ended when that was last heard: its high watermark, with `read_committed` its last stable offset.
    pub end_offset: i64,
}

impl PartitionLag<'_> {
    /// How many offsets there are between both.
    #[must_use]
    pub const fn lag(&self) -> i64 {
        let lag = self.end_offset.saturating_sub(self.position);
        if lag < 0 { 0 } else { lag }
    }
}

/// A consumer reads a partition no more; see [`on_partition_released`](super::Observer::on_partition_released).
#[derive(Debug)]
#[non_exhaustive]
pub struct PartitionReleased<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The consumer's group, if it is in one.
    pub group: Option<&'a str>,
}

/// A member's group rebalances; see [`on_rebalance_started`](super::Observer::on_rebalance_started).
#[derive(Debug)]
#[non_exhaustive]
pub struct RebalanceStarted<'a> {
    /// The group.
    pub group: &'a str,
    /// The member's id; empty before it has one.
    pub member: &'a str,
    /// The generation that ends; -1 before the first one.
    pub generation: i32,
}

/// A rebalance is over; see [`on_rebalance_ended`](super::Observer::on_rebalance_ended).
#[derive(Debug)]
#[non_exhaustive]
pub struct RebalanceEnded<'a> {
    /// The group.
    pub group: &'a str,
    /// The member's id.
    pub member: &'a str,
    /// The generation that has begun; -1 when the member is in none.
    pub generation: i32,
    /// From [`RebalanceStarted`] on.
    pub took: Duration,
    /// What the member has now and had not before.
    pub assigned: &'a [TopicPartition],
    /// What it gave up.
    pub revoked: &'a [TopicPartition],
    /// What was taken from it, so that it could not commit any more.
    pub lost: &'a [TopicPartition],
}

/// The coordinator has taken offsets, or has not; see [`on_offsets_committed`](super::Observer::on_offsets_committed).
#[derive(Debug)]
#[non_exhaustive]
pub struct OffsetsCommitted<'a> {
    /// The group.
    pub group: &'a str,
    /// The next record of each partition, as it was committed.
    pub offsets: &'a [(TopicPartition, i64)],
    /// From the request to its answer.
    pub took: Duration,
    /// Why not; the commit may be tried again.
    pub outcome: Result<(), &'a Error>,
}

/// A record could not be read or worked on, and its [`Remedy`] was carried out; see
/// [`on_record_rejected`](super::Observer::on_record_rejected).
#[derive(Debug)]
#[non_exhaustive]
pub struct RecordRejected<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The consumer's group, if it is in one.
    pub group: Option<&'a str>,
    /// The record's offset.
    pub offset: i64,
    /// What has failed.
    pub stage: Stage,
    /// What has become of it.
    pub remedy: &'a Remedy,
    /// How often it was tried: 1 for a record that cannot be read.
    pub attempts: u32,
    /// Why: a [`SerdeError`](kestrel_serde::SerdeError), or what the work has failed with.
    pub cause: &'a (dyn StdError + Send + Sync + 'static),
}
