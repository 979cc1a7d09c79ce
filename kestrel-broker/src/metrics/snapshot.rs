//! The counters of a broker at a moment, as plain values.

use std::collections::BTreeMap;
use std::time::Duration;

use kestrel_protocol::{ApiKey, ErrorCode};

use super::Histogram;

/// What a broker has counted since it was started: each number by itself is right, two may be of different moments.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_broker::{ApiKey, Broker};
///
/// let broker = Broker::test().await?;
/// let metrics = broker.metrics();
/// assert_eq!(metrics.apis[&ApiKey::Produce].count(), 0);
/// assert_eq!(metrics.listeners["PLAINTEXT"].accepted, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// The requests, by API: every API that is served.
    pub apis: BTreeMap<ApiKey, ApiMetrics>,
    /// The topics that are there, by name, internal ones included. What is counted of a topic goes when it is deleted.
    pub topics: BTreeMap<String, TopicMetrics>,
    /// The connections, by the name of the listener.
    pub listeners: BTreeMap<String, ListenerMetrics>,
    /// The consumer groups.
    pub groups: GroupMetrics,
    /// The flushes by which batches became durable, and how long each took. The last one of a log at a stop is not counted.
    pub flushes: Histogram,
    /// How often users and clients were held back by their quotas.
    pub quotas: QuotaMetrics,
    /// How many Produce requests wait for their batches to be stored.
    pub waiting_produce_requests: u64,
    /// How many Fetch requests wait for enough to read.
    pub waiting_fetch_requests: u64,
}

/// The requests of one API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiMetrics {
    /// How many came in, by version; versions without a request are left out. An ApiVersions request of a version that is not
    /// served counts as version 0, in which it is answered.
    pub requests: BTreeMap<i16, u64>,
    /// How often each error was answered, also several times in one response.
    pub errors: BTreeMap<ErrorCode, u64>,
    /// From when a request was there until its answer could leave. What a Fetch waits for records is part of it.
    pub latency: Histogram,
    /// The bytes of all requests.
    pub bytes_in: u64,
    /// The bytes of all answers.
    pub bytes_out: u64,
}

impl ApiMetrics {
    /// How many requests came in.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// What was done to the partitions of a topic, and what they hold.
///
/// What is counted begins anew when a partition goes offline and comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicMetrics {
    /// How many of its partitions are online.
    pub partitions: u64,
    /// How many segments their logs have.
    pub segments: u64,
    /// How many bytes of records their logs have.
    pub size_bytes: u64,
    /// How many batches were appended. One that is recognised as sent before does not count.
    pub appended_batches: u64,
    /// How many records those held.
    pub appended_records: u64,
    /// How many bytes those had, as they came: compressed ones are.
    pub appended_bytes: u64,
    /// How many batches were recognised as sent before.
    pub repeated_batches: u64,
    /// How many batches were refused.
    pub refused_batches: u64,
    /// How often a partition was read for a Fetch request. One that waits reads again for each wake.
    pub reads: u64,
    /// How many bytes of batches were read. How many records that were, nobody looks at.
    pub read_bytes: u64,
    /// How many reads were refused: an offset or a leader epoch that is not there.
    pub refused_reads: u64,
    /// How many bytes of batches left in answers to Fetch requests. Fewer than were read: one that waits reads again, and who is
    /// held back by a quota gets nothing.
    pub sent_bytes: u64,
}

/// The connections of one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerMetrics {
    /// How many are open.
    pub open: u64,
    /// How many were accepted and served.
    pub accepted: u64,
    /// How many were closed as they came: by `max.connections.per.ip`, or by the `connection_creation_rate` of their address.
    pub refused: u64,
    /// How many of the accepted did not get through their TLS handshake, and why stands in the log: no TLS, a certificate that one
    /// side does not take, too slow.
    pub failed_handshakes: u64,
    /// How often accepting paused: for `max.connections`, or for `max.connection.creation.rate`.
    pub paused: u64,
    /// The logins; all zero where the listener has no SASL.
    pub logins: LoginMetrics,
}

/// How often users and clients were held back, by the quota that they were over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaMetrics {
    /// By `producer_byte_rate`.
    pub produce: ThrottleMetrics,
    /// By `consumer_byte_rate`.
    pub fetch: ThrottleMetrics,
    /// By `request_percentage`.
    pub request: ThrottleMetrics,
    /// By `controller_mutation_rate`, refusals included.
    pub controller_mutation: ThrottleMetrics,
    /// How many users, clients and pairs of them are kept account of at the moment.
    pub buckets: u64,
}

/// How often callers were over a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThrottleMetrics {
    /// How many requests were.
    pub count: u64,
    /// How long their connections were to wait, together.
    pub time: Duration,
}

/// The logins of clients with SASL by one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginMetrics {
    /// How many clients logged in.
    pub authenticated: u64,
    /// How many were refused: a wrong password, an unknown user, a mechanism that is not enabled, a client without SASL.
    pub failed: u64,
    /// How many logged in again on the same connection (KIP-368).
    pub reauthenticated: u64,
    /// How many were refused when they did.
    pub failed_again: u64,
    /// How many connections ended because their session was over.
    pub expired: u64,
}

/// The consumer groups of a broker that have been loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMetrics {
    /// How many there are, by the name of their state; states without a group are left out.
    pub by_state: BTreeMap<String, u64>,
    /// How many members all groups have.
    pub members: u64,
}
