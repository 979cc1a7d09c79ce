//! Metrics as Prometheus reads them of a real exporter, which is set up as docs/client-metrics.md says.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use super::*;

#[tokio::test]
async fn prometheus_reads_counters_and_buckets() {
    let seconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
    let bytes = [1e3, 1e4, 1e5, 1e6, 1e7];
    let ratio = [0.1, 0.2, 0.4, 0.6, 0.8, 1.0];
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)
        .unwrap()
        .set_buckets_for_metric(Matcher::Suffix("_bytes".into()), &bytes)
        .unwrap()
        .set_buckets_for_metric(Matcher::Suffix("_ratio".into()), &ratio)
        .unwrap()
        .build_recorder();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let broker = TestBroker::start().await;
    let client = measured(broker.bootstrap_servers()).await;
    let producer = client.producer().linger(Duration::from_secs(60)).build().await.unwrap();
    let topic = unique("exported");
    let values = producer.topic::<NoKey, [u8]>(topic.as_str()).value(Raw).open().await.unwrap();
    for _ in 0..RECORDS {
        drop(values.unkeyed(&[7; 100]).partition(0).send().await.unwrap());
    }
    producer.flush().await.unwrap();

    let text = recorder.handle().render();
    let labels = format!("client_id=\"shop\",topic=\"{topic}\"");
    // 500 records of 100 bytes are a batch of more than 50,000.
    for line in [
        "# TYPE kestrel_producer_records_total counter".to_owned(),
        format!("kestrel_producer_records_total{{{labels}}} {RECORDS}"),
        "# TYPE kestrel_producer_batch_bytes histogram".to_owned(),
        format!("kestrel_producer_batch_bytes_bucket{{{labels},le=\"10000\"}} 0"),
        format!("kestrel_producer_batch_bytes_bucket{{{labels},le=\"100000\"}} 1"),
        format!("kestrel_producer_delivery_seconds_bucket{{{labels},le=\"+Inf\"}} 1"),
        format!("kestrel_producer_compression_ratio_bucket{{{labels},le=\"1\"}} 1"),
        // For which no buckets were set.
        "# TYPE kestrel_producer_batch_records summary".to_owned(),
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
    }
}
