//! What is told with every batch, request and fetch: by handles that are kept for a second, and so without an allocation.

use std::sync::atomic::{AtomicUsize, Ordering};

use ::metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_default_local_recorder,
};

use super::*;
use crate::metrics::kept::KEPT;

/// Counts how often a series is looked up.
#[derive(Default)]
struct LookUps(AtomicUsize);

impl LookUps {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorder for LookUps {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        self.note();
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        self.note();
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        self.note();
        Histogram::noop()
    }
}

/// A batch on its way down, and one on its way up.
fn tell_batches(metrics: &Metrics, topic: &str) {
    let (took, api, group) = (Duration::from_millis(5), ApiKey::Produce, Some("billing"));
    let memory = ProducerBuffer { producer: 1, used_bytes: 65_536, limit_bytes: 1 << 25, waiting: 0 };
    metrics.on_producer_buffer(&memory);
    let broker = broker(Some(1));
    metrics.on_request_written(&RequestWritten { broker, api, version: 13, bytes: 65_600, queued: took });
    metrics.on_request_ended(&RequestEnded { broker, api, version: 13, latency: took, outcome: Ok(70) });
    metrics.on_batch_produced(&BatchProduced {
        topic,
        partition: 3,
        records: 600,
        uncompressed_bytes: 65_536,
        compressed_bytes: 65_536,
        queued: took,
        took,
        attempts: 1,
        outcome: Ok(Some(40)),
    });
    let fetched = Fetched { node: NodeId(1), partitions: 1, batches: 1, records: 600, bytes: 65_536, took };
    metrics.on_fetched(&fetched);
    let (waited, busy) = (Duration::ZERO, took);
    metrics.on_records_polled(&RecordsPolled {
        topic,
        partition: 3,
        group,
        records: 600,
        bytes: 65_536,
        waited,
        busy,
    });
    metrics.on_partition_lag(&PartitionLag { topic, partition: 3, group, position: 640, end_offset: 900 });
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_told_without_an_allocation() {
    let metrics = Metrics::begin("shop");
    let tell = |times| {
        for topic in ["clicks", "orders"].into_iter().cycle().take(times) {
            tell_batches(&metrics, topic);
        }
    };
    tell(2);
    let memory = allocation_counter::measure(|| tell(100));
    assert_eq!(memory.count_total, 0);
}

#[tokio::test(start_paused = true)]
async fn a_series_is_looked_up_once_a_second() {
    let recorder = LookUps::default();
    let _recorder = set_default_local_recorder(&recorder);
    let metrics = Metrics::begin("shop");
    tell_batches(&metrics, "clicks");
    let once = recorder.count();
    assert_eq!(once, 3 + 2 + 3 + 9 + 4 + 4 + 1);
    tokio::time::advance(KEPT - Duration::from_millis(1)).await;
    tell_batches(&metrics, "clicks");
    assert_eq!(recorder.count(), once);
    tokio::time::advance(Duration::from_millis(1)).await;
    tell_batches(&metrics, "clicks");
    assert_eq!(recorder.count(), 2 * once);
    // Of another topic only what has that label.
    tell_batches(&metrics, "orders");
    assert_eq!(recorder.count(), 2 * once + 9 + 4 + 1);
}
