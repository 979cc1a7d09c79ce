//! What each event of the observer is to the facade.

use std::time::Duration;

use ::metrics::SharedString;

use super::buffers::Buffer;
use super::row::count;
use super::series::{Told, broker, group, text};
use super::{Metrics, table};
use crate::environment;
use crate::error::Error;
use crate::observer::{
    BatchProduced, ConnectFailed, Connected, Disconnected, Fetched, MetadataRefreshed, Observer,
    OffsetsCommitted, PartitionLag, PartitionReleased, ProducerBuffer, ProducerFailed, RebalanceEnded,
    RecordRejected, RecordsPolled, RequestEnded, RequestWritten, Retried, TaskLost, Throttled,
    TransactionEnded,
};
use crate::rejected::Remedy;

impl Observer for Metrics {
    fn on_connected(&self, event: &Connected<'_>) {
        let (client, broker) = (&self.client, broker(event.broker.node));
        table::CONNECTS.add(client, [broker.clone()], 1);
        table::CONNECTIONS.shift(client, [broker.clone()], 1.0);
        table::CONNECT_SECONDS.record(client, [broker], event.took.as_secs_f64());
    }

    fn on_connect_failed(&self, event: &ConnectFailed<'_>) {
        table::CONNECT_ERRORS.add(&self.client, [broker(event.broker.node), word(event.error)], 1);
    }

    fn on_disconnected(&self, event: &Disconnected<'_>) {
        let (client, broker) = (&self.client, broker(event.broker.node));
        table::DISCONNECTS.add(client, [broker.clone()], 1);
        table::CONNECTIONS.shift(client, [broker], -1.0);
    }

    fn on_request_written(&self, event: &RequestWritten<'_>) {
        self.series.lock().written(self.told(), event.broker.node, |series| {
            series.sent_bytes.increment(count(event.bytes));
            series.in_flight.increment(1.0);
        });
    }

    fn on_request_ended(&self, event: &RequestEnded<'_>) {
        match event.outcome {
            Ok(bytes) => self.series.lock().answered(self.told(), event.broker.node, event.api, |series| {
                series.in_flight.decrement(1.0);
                series.received_bytes.increment(count(bytes));
                series.seconds.record(event.latency.as_secs_f64());
            }),
            Err(error) => {
                let (client, broker) = (&self.client, broker(event.broker.node));
                table::REQUESTS_IN_FLIGHT.shift(client, [broker.clone()], -1.0);
                table::REQUEST_ERRORS.add(client, [broker, event.api.name().into(), word(error)], 1);
            }
        }
    }

    fn on_throttled(&self, event: &Throttled<'_>) {
        let labels = [broker(event.broker.node), event.api.name().into()];
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
        let client = &self.client;
        let retries = usize::try_from(event.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        if retries > 0 {
            table::BATCH_RETRIES.add(client, [text(event.topic)], retries);
        }
        match event.outcome {
            Ok(_) => self.note_stored(event),
            Err(error) => {
                let topic = text(event.topic);
                table::DELIVERY_SECONDS.record(client, [topic.clone()], event.took.as_secs_f64());
                table::PRODUCE_ERRORS.add(client, [topic, word(error)], event.records);
            }
        }
    }

    fn on_producer_buffer(&self, event: &ProducerBuffer) {
        self.buffers.note(event, |Buffer { used_bytes, limit_bytes, waiting }| {
            self.series.lock().buffer(self.told(), |series| {
                series.used.set(number(used_bytes));
                series.limit.set(number(limit_bytes));
                series.waiting.set(number(waiting));
            });
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
        let took = event.took.as_secs_f64();
        if event.bytes == 0 {
            return table::FETCH_SECONDS.record(&self.client, [broker(Some(event.node))], took);
        }
        self.series.lock().brought(self.told(), event.node, |series| {
            series.seconds.record(took);
            series.records.increment(count(event.records));
            series.batches.increment(count(event.batches));
            series.bytes.record(number(event.bytes));
        });
    }

    fn on_records_polled(&self, event: &RecordsPolled<'_>) {
        let waited = event.waited.as_secs_f64();
        // Before the first batch there is nothing that it would have worked on.
        if event.busy == Duration::ZERO {
            let (client, group, topic) = (&self.client, group(event.group), text(event.topic));
            table::CONSUMED_RECORDS.add(client, [group.clone(), topic.clone()], event.records);
            table::CONSUMED_BYTES.add(client, [group.clone(), topic], event.bytes);
            return table::WAITING_SECONDS.record(client, [group], waited);
        }
        self.series.lock().polled(self.told(), event.group, event.topic, |series| {
            series.records.increment(count(event.records));
            series.bytes.increment(count(event.bytes));
            series.waiting_seconds.record(waited);
            series.processing_seconds.record(event.busy.as_secs_f64());
        });
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
        self.series.lock().lag(self.told(), event.group, event.topic, event.partition, |series| {
            // A lag beyond 2^53 is as bad as one of 2^53.
            series.set(event.lag() as f64);
        });
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
    fn note_stored(&self, event: &BatchProduced<'_>) {
        let BatchProduced { records, uncompressed_bytes, compressed_bytes, queued, took, .. } = *event;
        self.series.lock().stored(self.told(), event.topic, |series| {
            series.delivery_seconds.record(took.as_secs_f64());
            series.records.increment(count(records));
            series.bytes.increment(count(compressed_bytes));
            series.uncompressed_bytes.increment(count(uncompressed_bytes));
            series.batches.increment(1);
            series.batch_records.record(number(records));
            series.batch_bytes.record(number(compressed_bytes));
            let ratio = number(compressed_bytes) / number(uncompressed_bytes.max(1));
            series.compression_ratio.record(ratio);
            series.queue_seconds.record(queued.as_secs_f64());
        });
    }

    fn told(&self) -> Told<'_> {
        Told { client: &self.client, now: environment::now() }
    }
}

fn word(error: &Error) -> SharedString {
    error.word().into()
}

/// As the facade takes it: nothing that is counted here comes near 2^53.
const fn number(count: usize) -> f64 {
    count as f64
}
