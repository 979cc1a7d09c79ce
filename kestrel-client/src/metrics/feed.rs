//! What each event of the observer is to the facade.

use std::sync::Arc;
use std::time::Duration;

use ::metrics::SharedString;
use kestrel_protocol::NodeId;

use super::buffers::Buffer;
use super::{Metrics, table};
use crate::error::Error;
use crate::observer::{
    BatchProduced, ConnectFailed, Connected, Disconnected, Fetched, MetadataRefreshed, ObservedBroker,
    Observer, OffsetsCommitted, PartitionLag, PartitionReleased, ProducerBuffer, ProducerFailed,
    RebalanceEnded, RecordRejected, RecordsPolled, RequestEnded, RequestWritten, Retried, TaskLost,
    Throttled, TransactionEnded,
};
use crate::rejected::Remedy;

impl Observer for Metrics {
    fn on_connected(&self, event: &Connected<'_>) {
        let (client, broker) = (&self.client, broker(event.broker));
        table::CONNECTS.add(client, [broker.clone()], 1);
        table::CONNECTIONS.shift(client, [broker.clone()], 1.0);
        table::CONNECT_SECONDS.record(client, [broker], event.took.as_secs_f64());
    }

    fn on_connect_failed(&self, event: &ConnectFailed<'_>) {
        table::CONNECT_ERRORS.add(&self.client, [broker(event.broker), word(event.error)], 1);
    }

    fn on_disconnected(&self, event: &Disconnected<'_>) {
        let (client, broker) = (&self.client, broker(event.broker));
        table::DISCONNECTS.add(client, [broker.clone()], 1);
        table::CONNECTIONS.shift(client, [broker], -1.0);
    }

    fn on_request_written(&self, event: &RequestWritten<'_>) {
        let (client, broker) = (&self.client, broker(event.broker));
        table::SENT_BYTES.add(client, [broker.clone()], event.bytes);
        table::REQUESTS_IN_FLIGHT.shift(client, [broker], 1.0);
    }

    fn on_request_ended(&self, event: &RequestEnded<'_>) {
        let (client, broker, api) =
            (&self.client, broker(event.broker), SharedString::from(event.api.name()));
        table::REQUESTS_IN_FLIGHT.shift(client, [broker.clone()], -1.0);
        match event.outcome {
            Ok(bytes) => {
                table::RECEIVED_BYTES.add(client, [broker.clone()], bytes);
                table::REQUEST_SECONDS.record(client, [broker, api], event.latency.as_secs_f64());
            }
            Err(error) => table::REQUEST_ERRORS.add(client, [broker, api, word(error)], 1),
        }
    }

    fn on_throttled(&self, event: &Throttled<'_>) {
        let labels = [broker(event.broker), event.api.name().into()];
        table::THROTTLE_SECONDS.record(&self.client, labels, event.throttle.as_secs_f64());
    }

    fn on_metadata_refreshed(&self, event: &MetadataRefreshed<'_>) {
        match event.outcome {
            Ok(()) => table::METADATA_SECONDS.record(&self.client, [], event.took.as_secs_f64()),
            Err(error) => table::METADATA_ERRORS.add(&self.client, [word(error)], 1),
        }
    }

    fn on_retried(&self, event: &Retried<'_>) {
        table::RETRIES.add(&self.client, [event.operation.into(), word(event.error)], 1);
    }

    fn on_task_lost(&self, event: &TaskLost<'_>) {
        table::TASKS_LOST.add(&self.client, [event.what.into()], 1);
    }

    fn on_batch_produced(&self, event: &BatchProduced<'_>) {
        let (client, topic) = (&self.client, text(event.topic));
        let retries = usize::try_from(event.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        if retries > 0 {
            table::BATCH_RETRIES.add(client, [topic.clone()], retries);
        }
        table::DELIVERY_SECONDS.record(client, [topic.clone()], event.took.as_secs_f64());
        match event.outcome {
            Ok(_) => self.note_stored(event, &topic),
            Err(error) => table::PRODUCE_ERRORS.add(client, [topic, word(error)], event.records),
        }
    }

    fn on_producer_buffer(&self, event: &ProducerBuffer) {
        self.buffers.note(event, |Buffer { used_bytes, limit_bytes, waiting }| {
            table::BUFFER_USED.set(&self.client, [], number(used_bytes));
            table::BUFFER_LIMIT.set(&self.client, [], number(limit_bytes));
            table::BUFFER_WAITING.set(&self.client, [], number(waiting));
        });
    }

    fn on_transaction_ended(&self, event: &TransactionEnded<'_>) {
        let outcome = SharedString::from(match event.outcome {
            Ok(()) => "committed",
            Err(Error::TransactionAborted { .. }) => "aborted",
            Err(_) => "failed",
        });
        let client = &self.client;
        table::TRANSACTIONS.add(client, [outcome.clone()], 1);
        table::TRANSACTION_SECONDS.record(client, [outcome.clone()], event.took.as_secs_f64());
        table::TRANSACTION_END_SECONDS.record(client, [outcome], event.ending.as_secs_f64());
    }

    fn on_producer_failed(&self, event: &ProducerFailed<'_>) {
        table::PRODUCER_FAILURES.add(&self.client, [word(event.error)], 1);
    }

    fn on_fetched(&self, event: &Fetched) {
        let (client, broker) = (&self.client, node(event.node));
        table::FETCH_SECONDS.record(client, [broker.clone()], event.took.as_secs_f64());
        if event.bytes > 0 {
            table::FETCHED_RECORDS.add(client, [broker.clone()], event.records);
            table::FETCHED_BATCHES.add(client, [broker.clone()], event.batches);
            table::FETCH_BYTES.record(client, [broker], number(event.bytes));
        }
    }

    fn on_records_polled(&self, event: &RecordsPolled<'_>) {
        let (client, group, topic) = (&self.client, group(event.group), text(event.topic));
        table::CONSUMED_RECORDS.add(client, [group.clone(), topic.clone()], event.records);
        table::CONSUMED_BYTES.add(client, [group.clone(), topic], event.bytes);
        table::WAITING_SECONDS.record(client, [group.clone()], event.waited.as_secs_f64());
        // Before the first batch there is nothing that it would have worked on.
        if event.busy > Duration::ZERO {
            table::PROCESSING_SECONDS.record(client, [group], event.busy.as_secs_f64());
        }
    }

    fn on_record_rejected(&self, event: &RecordRejected<'_>) {
        let remedy = match event.remedy {
            Remedy::Fail => "fail",
            Remedy::Skip => "skip",
            Remedy::DeadLetter(_) => "dead_letter",
        };
        let labels = [group(event.group), text(event.topic), event.stage.to_string().into(), remedy.into()];
        table::REJECTED_RECORDS.add(&self.client, labels, 1);
    }

    fn on_partition_lag(&self, event: &PartitionLag<'_>) {
        let labels = [group(event.group), text(event.topic), event.partition.to_string().into()];
        // A lag beyond 2^53 is as bad as one of 2^53.
        table::LAG.set(&self.client, labels, event.lag() as f64);
    }

    fn on_partition_released(&self, event: &PartitionReleased<'_>) {
        let (client, group) = (&self.client, group(event.group));
        table::LAG.set(client, [group.clone(), text(event.topic), event.partition.to_string().into()], 0.0);
        if event.group.is_some() {
            table::ASSIGNED_PARTITIONS.shift(client, [group], -1.0);
        }
    }

    fn on_rebalance_ended(&self, event: &RebalanceEnded<'_>) {
        let (client, group) = (&self.client, text(event.group));
        table::REBALANCES.add(client, [group.clone()], 1);
        table::REBALANCE_SECONDS.record(client, [group.clone()], event.took.as_secs_f64());
        table::ASSIGNED_PARTITIONS.shift(client, [group.clone()], number(event.assigned.len()));
        if !event.lost.is_empty() {
            table::LOST_PARTITIONS.add(client, [group], event.lost.len());
        }
    }

    fn on_offsets_committed(&self, event: &OffsetsCommitted<'_>) {
        let (client, group) = (&self.client, text(event.group));
        table::COMMIT_SECONDS.record(client, [group.clone()], event.took.as_secs_f64());
        match event.outcome {
            Ok(()) => table::COMMITS.add(client, [group], 1),
            Err(error) => table::COMMIT_ERRORS.add(client, [group, word(error)], 1),
        }
    }
}

impl Metrics {
    fn note_stored(&self, event: &BatchProduced<'_>, topic: &SharedString) {
        let (client, topic) = (&self.client, || [topic.clone()]);
        let BatchProduced { records, uncompressed_bytes, compressed_bytes, queued, .. } = *event;
        table::PRODUCED_RECORDS.add(client, topic(), records);
        table::PRODUCED_BYTES.add(client, topic(), compressed_bytes);
        table::UNCOMPRESSED_BYTES.add(client, topic(), uncompressed_bytes);
        table::PRODUCED_BATCHES.add(client, topic(), 1);
        table::BATCH_RECORDS.record(client, topic(), number(records));
        table::BATCH_BYTES.record(client, topic(), number(compressed_bytes));
        let ratio = number(compressed_bytes) / number(uncompressed_bytes.max(1));
        table::COMPRESSION_RATIO.record(client, topic(), ratio);
        table::QUEUE_SECONDS.record(client, topic(), queued.as_secs_f64());
    }
}

/// A broker's id: a label of few values. The entries of `bootstrap.servers` have none.
fn broker(broker: ObservedBroker<'_>) -> SharedString {
    broker.node.map_or_else(|| "bootstrap".into(), node)
}

fn node(node: NodeId) -> SharedString {
    text(&node.to_string())
}

/// Empty without a group: to Prometheus the same as no label.
fn group(group: Option<&str>) -> SharedString {
    group.map_or_else(|| "".into(), text)
}

fn word(error: &Error) -> SharedString {
    error.word().into()
}

/// Shared, since most names are the label of several series.
fn text(name: &str) -> SharedString {
    Arc::<str>::from(name).into()
}

/// As the facade takes it: nothing that is counted here comes near 2^53.
const fn number(count: usize) -> f64 {
    count as f64
}
