//! The table of metrics: name, unit, kind, labels, meaning, and what others call them. The reference in docs/ is written from it.

use std::marker::PhantomData;

use ::metrics::Unit;

use super::row::{Counter, Gauge, Histogram, Metric, MetricKind, Row};

/// Writes the rows out: a constant for each, and the list of all.
macro_rules! rows {
    ($($(#[doc = $meaning:literal])+ $row:ident: $kind:ident, $name:literal, $unit:ident, [$($label:ident),*], $elsewhere:literal;)+) => {
        $(
            $(#[doc = $meaning])+
            pub(super) const $row: Row<$kind, { <[&str]>::len(&[$(stringify!($label)),*]) }> = Row {
                metric: Metric {
                    name: $name,
                    kind: MetricKind::$kind,
                    unit: Unit::$unit,
                    labels: &[$(stringify!($label)),*],
                    meaning: concat!($($meaning),+).trim_ascii_start(),
                    elsewhere: $elsewhere,
                },
                of_kind: PhantomData,
            };
        )+

        /// Every metric that [`ClientBuilder::metrics`](crate::ClientBuilder::metrics) makes: of the client, its producers and its
        /// consumers. All have the label `client_id` besides those named there.
        ///
        /// ```
        /// use kestrel_client::metrics::{METRICS, MetricKind};
        ///
        /// let histograms = METRICS.iter().filter(|metric| metric.kind == MetricKind::Histogram);
        /// assert!(histograms.clone().any(|metric| metric.name == "kestrel_client_request_seconds"));
        /// ```
        pub const METRICS: &[Metric] = &[$($row.metric),+];
    };
}

rows! {
    /// Connections that are open.
    CONNECTIONS: Gauge, "kestrel_client_connections", Count, [broker], "connection-count";
    /// Connections that became ready.
    CONNECTS: Counter, "kestrel_client_connects_total", Count, [broker], "connection-creation-total";
    /// Attempts to connect that failed.
    CONNECT_ERRORS: Counter, "kestrel_client_connect_errors_total", Count, [broker, error], "";
    /// From resolving a broker's name to the end of the handshake, of connections that became ready.
    CONNECT_SECONDS: Histogram, "kestrel_client_connect_seconds", Seconds, [broker], "";
    /// Connections that ended, for whatever reason.
    DISCONNECTS: Counter, "kestrel_client_disconnects_total", Count, [broker], "connection-close-total";
    /// Requests that were written and have no answer yet.
    REQUESTS_IN_FLIGHT: Gauge, "kestrel_client_requests_in_flight", Count, [broker], "requests-in-flight";
    /// Bytes of requests.
    SENT_BYTES: Counter, "kestrel_client_sent_bytes_total", Bytes, [broker], "outgoing-byte-total";
    /// Bytes of answers.
    RECEIVED_BYTES: Counter, "kestrel_client_received_bytes_total", Bytes, [broker], "incoming-byte-total";
    /// From writing a request to its answer. A Fetch waits for news at the broker: up to `fetch.max.wait.ms` is no delay.
    REQUEST_SECONDS: Histogram, "kestrel_client_request_seconds", Seconds, [broker, api], "request-latency-avg";
    /// Requests that were written and will have no answer. A refusal is an answer.
    REQUEST_ERRORS: Counter, "kestrel_client_request_errors_total", Count, [broker, api, error], "";
    /// For how long a broker held the client back, because a quota was exceeded.
    THROTTLE_SECONDS: Histogram, "kestrel_client_throttle_seconds", Seconds, [broker, api], "produce-throttle-time-avg";
    /// How long fetching the metadata took.
    METADATA_SECONDS: Histogram, "kestrel_client_metadata_seconds", Seconds, [], "";
    /// Metadata that could not be fetched.
    METADATA_ERRORS: Counter, "kestrel_client_metadata_errors_total", Count, [error], "";
    /// What has failed and is tried again by itself: producing, fetches, commits, administrative calls, work on records.
    RETRIES: Counter, "kestrel_client_retries_total", Count, [operation, error], "";
    /// Background tasks that ended by mishap: the handle that one belonged to will not work again.
    TASKS_LOST: Counter, "kestrel_client_tasks_lost_total", Count, [task], "";

    /// Records that are stored, as `acks` says.
    PRODUCED_RECORDS: Counter, "kestrel_producer_records_total", Count, [topic], "record-send-total, messaging.client.sent.messages";
    /// Records that failed for good.
    PRODUCE_ERRORS: Counter, "kestrel_producer_record_errors_total", Count, [topic, error], "record-error-total";
    /// Bytes of the batches that are stored, compressed as they were sent.
    PRODUCED_BYTES: Counter, "kestrel_producer_bytes_total", Bytes, [topic], "byte-total";
    /// The same bytes before compression.
    UNCOMPRESSED_BYTES: Counter, "kestrel_producer_uncompressed_bytes_total", Bytes, [topic], "";
    /// Batches that are stored.
    PRODUCED_BATCHES: Counter, "kestrel_producer_batches_total", Count, [topic], "";
    /// How often a batch was sent again.
    BATCH_RETRIES: Counter, "kestrel_producer_batch_retries_total", Count, [topic], "record-retry-total";
    /// Records of a stored batch.
    BATCH_RECORDS: Histogram, "kestrel_producer_batch_records", Count, [topic], "records-per-request-avg";
    /// Bytes of a stored batch, compressed as it was sent.
    BATCH_BYTES: Histogram, "kestrel_producer_batch_bytes", Bytes, [topic], "batch-size-avg";
    /// Compressed size of a stored batch by its size before: 1 for none, less is better.
    COMPRESSION_RATIO: Histogram, "kestrel_producer_compression_ratio", Count, [topic], "compression-rate-avg";
    /// From a batch's first record until it was sent for the first time: `linger.ms`, and the wait for its turn.
    QUEUE_SECONDS: Histogram, "kestrel_producer_queue_seconds", Seconds, [topic], "record-queue-time-avg";
    /// From a batch's first record to its outcome.
    DELIVERY_SECONDS: Histogram, "kestrel_producer_delivery_seconds", Seconds, [topic], "messaging.client.operation.duration";
    /// Memory that the batches of all producers take.
    BUFFER_USED: Gauge, "kestrel_producer_buffer_used_bytes", Bytes, [], "";
    /// The memory of all producers together (`buffer.memory`).
    BUFFER_LIMIT: Gauge, "kestrel_producer_buffer_limit_bytes", Bytes, [], "buffer-total-bytes";
    /// Calls of `send` that wait for memory.
    BUFFER_WAITING: Gauge, "kestrel_producer_buffer_waiting", Count, [], "waiting-threads";
    /// Transactions that ended: `committed`, `aborted` by the application, or `failed`.
    TRANSACTIONS: Counter, "kestrel_producer_transactions_total", Count, [outcome], "";
    /// From a transaction's begin to its end.
    TRANSACTION_SECONDS: Histogram, "kestrel_producer_transaction_seconds", Seconds, [outcome], "";
    /// From the call that ends a transaction to its end.
    TRANSACTION_END_SECONDS: Histogram, "kestrel_producer_transaction_end_seconds", Seconds, [outcome], "txn-commit-time-ns-total";
    /// Transactional producers that are finished, because another one has their id or the broker refuses them for good.
    PRODUCER_FAILURES: Counter, "kestrel_producer_failures_total", Count, [error], "";

    /// How many offsets a consumer is behind the end of a partition; 0 once it reads it no more.
    LAG: Gauge, "kestrel_consumer_lag_records", Count, [group, topic, partition], "records-lag";
    /// Records of the batches that the application has begun with.
    CONSUMED_RECORDS: Counter, "kestrel_consumer_records_total", Count, [group, topic], "records-consumed-total, messaging.client.consumed.messages";
    /// Bytes of these batches, compressed as they came.
    CONSUMED_BYTES: Counter, "kestrel_consumer_bytes_total", Bytes, [group, topic], "bytes-consumed-total";
    /// From a fetch to its answer: up to `fetch.max.wait.ms` where nothing was new.
    FETCH_SECONDS: Histogram, "kestrel_consumer_fetch_seconds", Seconds, [broker], "fetch-latency-avg";
    /// Bytes of the batches that a fetch brought, of those that brought some.
    FETCH_BYTES: Histogram, "kestrel_consumer_fetch_bytes", Bytes, [broker], "fetch-size-avg";
    /// Records that fetches brought, as the batches' headers say.
    FETCHED_RECORDS: Counter, "kestrel_consumer_fetched_records_total", Count, [broker], "";
    /// Batches that fetches brought.
    FETCHED_BATCHES: Counter, "kestrel_consumer_fetched_batches_total", Count, [broker], "";
    /// How long the application has waited for a batch; 0 where it was there already.
    WAITING_SECONDS: Histogram, "kestrel_consumer_waiting_seconds", Seconds, [group], "";
    /// What the application spent between two batches, its waiting left out: to be held against `max.poll.interval.ms`.
    PROCESSING_SECONDS: Histogram, "kestrel_consumer_processing_seconds", Seconds, [group], "time-between-poll-avg, messaging.process.duration";
    /// Records that could not be read or worked on, by what became of them: `fail`, `skip`, `dead_letter`.
    REJECTED_RECORDS: Counter, "kestrel_consumer_rejected_records_total", Count, [group, topic, stage, remedy], "";
    /// Partitions that a member of a group has.
    ASSIGNED_PARTITIONS: Gauge, "kestrel_consumer_assigned_partitions", Count, [group], "assigned-partitions";
    /// Partitions that were taken from a member, so that it could not commit any more.
    LOST_PARTITIONS: Counter, "kestrel_consumer_lost_partitions_total", Count, [group], "";
    /// Rebalances that are over, leaving the group included.
    REBALANCES: Counter, "kestrel_consumer_rebalances_total", Count, [group], "rebalance-total";
    /// How long a rebalance took.
    REBALANCE_SECONDS: Histogram, "kestrel_consumer_rebalance_seconds", Seconds, [group], "rebalance-latency-avg";
    /// Commits that the coordinator took.
    COMMITS: Counter, "kestrel_consumer_commits_total", Count, [group], "commit-total";
    /// Commits that failed; one may be tried again.
    COMMIT_ERRORS: Counter, "kestrel_consumer_commit_errors_total", Count, [group, error], "";
    /// From a commit to its answer.
    COMMIT_SECONDS: Histogram, "kestrel_consumer_commit_seconds", Seconds, [group], "commit-latency-avg";
}
