//! What the facade hears of hand-made events, and that the documents name what the table has.

mod documents;
mod lines;
mod often;

use std::time::Duration;

use kestrel_protocol::{ApiKey, ErrorCode, NodeId};

use self::lines::heard;
use super::*;
use crate::error::{BrokerError, Error};
use crate::observer::{
    BatchProduced, Connected, Disconnected, Fetched, ObservedBroker, Observer, OffsetsCommitted,
    PartitionLag, PartitionReleased, ProducerBuffer, RebalanceEnded, RecordRejected, RecordsPolled,
    RequestEnded, RequestWritten, Retried, Throttled, TransactionEnded,
};
use crate::record::TopicPartition;
use crate::rejected::{Remedy, Stage};

fn broker(node: Option<i32>) -> ObservedBroker<'static> {
    ObservedBroker { node: node.map(NodeId), host: "kafka", port: 9092 }
}

fn refused() -> Error {
    BrokerError::new(ApiKey::Produce, ErrorCode::NotEnoughReplicas).topic("clicks").into()
}

#[test]
fn each_metric_is_described_once_with_its_unit() {
    let text = heard(|_| ());
    assert_eq!(text.lines().count(), METRICS.len());
    for metric in METRICS {
        let line = format!("describe {} {} {:?}: {}", metric.kind, metric.name, metric.unit, metric.meaning);
        assert_eq!(text.lines().filter(|described| *described == line).count(), 1, "{line}");
    }
}

#[test]
fn names_have_the_form_of_prometheus() {
    for Metric { name, kind, unit, labels, meaning, .. } in METRICS {
        let is_of_form =
            name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && name.starts_with("kestrel_");
        let base = name.trim_end_matches("_total");
        let ending = match unit.as_str() {
            "seconds" => "_seconds",
            "bytes" => "_bytes",
            _ => "",
        };
        assert!(is_of_form && base.ends_with(ending), "{name}");
        assert_eq!(*kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
        assert!(meaning.ends_with('.') && !meaning.starts_with(' '), "{name}: {meaning}");
        assert!(!labels.contains(&"client_id") && !labels.contains(&"le"), "{name}");
    }
}

#[test]
fn connections_and_requests_are_counted_by_their_broker() {
    let (api, version, timeout) = (ApiKey::Fetch, 17, Error::closed("client"));
    let text = heard(|metrics| {
        let took = Duration::from_millis(250);
        metrics.on_connected(&Connected { broker: broker(None), took });
        metrics.on_connected(&Connected { broker: broker(Some(1)), took });
        let written = RequestWritten { broker: broker(Some(1)), api, version, bytes: 40, queued: took };
        metrics.on_request_written(&written);
        metrics.on_request_ended(&RequestEnded {
            broker: broker(Some(1)),
            api,
            version,
            latency: took,
            outcome: Ok(70),
        });
        metrics.on_request_written(&written);
        let outcome = Err(&timeout);
        metrics.on_request_ended(&RequestEnded {
            broker: broker(Some(1)),
            api,
            version,
            latency: took,
            outcome,
        });
        metrics.on_throttled(&Throttled { broker: broker(Some(1)), api, throttle: Duration::from_secs(2) });
        let cause = std::io::Error::other("gone");
        metrics.on_disconnected(&Disconnected { broker: broker(Some(1)), in_flight: 0, cause: &cause });
    });
    expect_test::expect![[r#"
        kestrel_client_connects_total{broker=bootstrap} +1
        kestrel_client_connections{broker=bootstrap} +1
        kestrel_client_connect_seconds{broker=bootstrap} ~ 0.25
        kestrel_client_connects_total{broker=1} +1
        kestrel_client_connections{broker=1} +1
        kestrel_client_connect_seconds{broker=1} ~ 0.25
        kestrel_client_sent_bytes_total{broker=1} +40
        kestrel_client_requests_in_flight{broker=1} +1
        kestrel_client_requests_in_flight{broker=1} -1
        kestrel_client_received_bytes_total{broker=1} +70
        kestrel_client_request_seconds{broker=1,api=Fetch} ~ 0.25
        kestrel_client_sent_bytes_total{broker=1} +40
        kestrel_client_requests_in_flight{broker=1} +1
        kestrel_client_requests_in_flight{broker=1} -1
        kestrel_client_request_errors_total{broker=1,api=Fetch,error=closed} +1
        kestrel_client_throttle_seconds{broker=1,api=Fetch} ~ 2
        kestrel_client_disconnects_total{broker=1} +1
        kestrel_client_connections{broker=1} -1
    "#]]
    .assert_eq(&lines::told(&text));
}

#[test]
fn a_batch_is_counted_as_stored_or_as_failed() {
    let error = refused();
    let text = heard(|metrics| {
        let stored = BatchProduced {
            topic: "clicks",
            partition: 3,
            records: 10,
            uncompressed_bytes: 1_000,
            compressed_bytes: 250,
            queued: Duration::from_millis(5),
            took: Duration::from_millis(20),
            attempts: 3,
            outcome: Ok(Some(40)),
        };
        metrics.on_batch_produced(&stored);
        metrics.on_batch_produced(&BatchProduced { attempts: 1, outcome: Err(&error), ..stored });
        metrics.on_retried(&Retried {
            operation: "producing a batch",
            topic: Some("clicks"),
            partition: Some(3),
            failures: 1,
            backoff: Duration::ZERO,
            error: &error,
        });
        let (took, ending) = (Duration::from_secs(1), Duration::from_millis(500));
        let ended = TransactionEnded { transactional_id: "t", records: 1, took, ending, outcome: Ok(()) };
        metrics.on_transaction_ended(&ended);
        metrics
            .on_transaction_ended(&TransactionEnded { outcome: Err(&Error::TransactionAborted {}), ..ended });
    });
    expect_test::expect![[r#"
        kestrel_producer_batch_retries_total{topic=clicks} +2
        kestrel_producer_delivery_seconds{topic=clicks} ~ 0.02
        kestrel_producer_records_total{topic=clicks} +10
        kestrel_producer_bytes_total{topic=clicks} +250
        kestrel_producer_uncompressed_bytes_total{topic=clicks} +1000
        kestrel_producer_batches_total{topic=clicks} +1
        kestrel_producer_batch_records{topic=clicks} ~ 10
        kestrel_producer_batch_bytes{topic=clicks} ~ 250
        kestrel_producer_compression_ratio{topic=clicks} ~ 0.25
        kestrel_producer_queue_seconds{topic=clicks} ~ 0.005
        kestrel_producer_delivery_seconds{topic=clicks} ~ 0.02
        kestrel_producer_record_errors_total{topic=clicks,error=NOT_ENOUGH_REPLICAS} +10
        kestrel_client_retries_total{operation=producing a batch,error=NOT_ENOUGH_REPLICAS} +1
        kestrel_producer_transactions_total{outcome=committed} +1
        kestrel_producer_transaction_seconds{outcome=committed} ~ 1
        kestrel_producer_transaction_end_seconds{outcome=committed} ~ 0.5
        kestrel_producer_transactions_total{outcome=aborted} +1
        kestrel_producer_transaction_seconds{outcome=aborted} ~ 1
        kestrel_producer_transaction_end_seconds{outcome=aborted} ~ 0.5
    "#]]
    .assert_eq(&lines::told(&text));
}

#[test]
fn the_memory_of_several_producers_is_one_sum() {
    let text = heard(|metrics| {
        for (producer, used_bytes, limit_bytes) in
            [(1, 10, 100), (2, 5, 50), (1, 0, 100), (1, 0, 0), (2, 0, 0)]
        {
            metrics.on_producer_buffer(&ProducerBuffer { producer, used_bytes, limit_bytes, waiting: 0 });
        }
    });
    let of = |name: &str| {
        let sets = text.lines().filter_map(|line| line.split_once(&format!("{name}{{client_id=shop}} = ")));
        sets.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("kestrel_producer_buffer_used_bytes"), ["10", "15", "5", "5", "0"]);
    assert_eq!(of("kestrel_producer_buffer_limit_bytes"), ["100", "150", "150", "50", "0"]);
}

#[test]
fn a_consumer_is_counted_by_group_and_topic() {
    let partition = [TopicPartition::new("clicks", 0)];
    let (group, topic, partition_number) = (Some("billing"), "clicks", 0);
    let text = heard(|metrics| {
        metrics.on_rebalance_ended(&RebalanceEnded {
            group: "billing",
            member: "m",
            generation: 1,
            took: Duration::from_millis(30),
            assigned: &partition,
            revoked: &[],
            lost: &[],
        });
        let took = Duration::from_millis(10);
        metrics.on_fetched(&Fetched {
            node: NodeId(1),
            partitions: 1,
            batches: 2,
            records: 8,
            bytes: 300,
            took,
        });
        metrics.on_fetched(&Fetched {
            node: NodeId(1),
            partitions: 0,
            batches: 0,
            records: 0,
            bytes: 0,
            took,
        });
        let (waited, busy) = (Duration::from_millis(1), Duration::ZERO);
        let polled = RecordsPolled { topic, partition: 0, group, records: 4, bytes: 150, waited, busy };
        metrics.on_records_polled(&polled);
        metrics.on_records_polled(&RecordsPolled { busy: Duration::from_millis(9), ..polled });
        let lag = PartitionLag { topic, partition: 0, group, position: 8, end_offset: 20 };
        metrics.on_partition_lag(&lag);
        metrics.on_partition_lag(&PartitionLag { group: None, ..lag });
        let cause = std::io::Error::other("no number");
        metrics.on_record_rejected(&RecordRejected {
            topic,
            partition: 0,
            group,
            offset: 5,
            stage: Stage::Value,
            remedy: &Remedy::dead_letter("dead"),
            attempts: 1,
            cause: &cause,
        });
        let committed = OffsetsCommitted { group: "billing", offsets: &[], took, outcome: Ok(()) };
        metrics.on_offsets_committed(&committed);
        let error = refused();
        metrics.on_offsets_committed(&OffsetsCommitted { outcome: Err(&error), ..committed });
        metrics.on_partition_released(&PartitionReleased { topic, partition: partition_number, group });
        metrics.on_partition_released(&PartitionReleased { topic, partition: partition_number, group: None });
    });
    expect_test::expect![[r#"
        kestrel_consumer_rebalances_total{group=billing} +1
        kestrel_consumer_rebalance_seconds{group=billing} ~ 0.03
        kestrel_consumer_assigned_partitions{group=billing} +1
        kestrel_consumer_fetch_seconds{broker=1} ~ 0.01
        kestrel_consumer_fetched_records_total{broker=1} +8
        kestrel_consumer_fetched_batches_total{broker=1} +2
        kestrel_consumer_fetch_bytes{broker=1} ~ 300
        kestrel_consumer_fetch_seconds{broker=1} ~ 0.01
        kestrel_consumer_records_total{group=billing,topic=clicks} +4
        kestrel_consumer_bytes_total{group=billing,topic=clicks} +150
        kestrel_consumer_waiting_seconds{group=billing} ~ 0.001
        kestrel_consumer_records_total{group=billing,topic=clicks} +4
        kestrel_consumer_bytes_total{group=billing,topic=clicks} +150
        kestrel_consumer_waiting_seconds{group=billing} ~ 0.001
        kestrel_consumer_processing_seconds{group=billing} ~ 0.009
        kestrel_consumer_lag_records{group=billing,topic=clicks,partition=0} = 12
        kestrel_consumer_lag_records{group=,topic=clicks,partition=0} = 12
        kestrel_consumer_rejected_records_total{group=billing,topic=clicks,stage=value,remedy=dead_letter} +1
        kestrel_consumer_commit_seconds{group=billing} ~ 0.01
        kestrel_consumer_commits_total{group=billing} +1
        kestrel_consumer_commit_seconds{group=billing} ~ 0.01
        kestrel_consumer_commit_errors_total{group=billing,error=NOT_ENOUGH_REPLICAS} +1
        kestrel_consumer_lag_records{group=billing,topic=clicks,partition=0} = 0
        kestrel_consumer_assigned_partitions{group=billing} -1
        kestrel_consumer_lag_records{group=,topic=clicks,partition=0} = 0
    "#]]
    .assert_eq(&lines::told(&text));
}
