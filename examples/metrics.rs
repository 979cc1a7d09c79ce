//! The metrics of a client: `cargo run --example metrics`.
//!
//! Starts a broker inside this process, sends and reads some thousand records in a group, and shows what the facade `metrics` has been
//! told meanwhile. A service installs the recorder of an exporter where this one has its own: docs/client-metrics.md says how they
//! come to Prometheus.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;
use std::time::Duration;

use kestrel_broker::Broker;
use kestrel_client::metrics::METRICS;
use kestrel_client::{AutoOffsetReset, Client, ConsumerRecord, Record};
use kestrel_examples::{Readings, Result, exit_code, thousands};

const RECORDS: usize = 20_000;

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

async fn run() -> Result {
    let readings = Readings::default();
    // Before the client connects: with `metrics-exporter-prometheus`, `PrometheusBuilder::new().install()?`.
    metrics::set_global_recorder(readings.clone())?;
    measure().await?;
    println!("{} of the {} metrics have a value:", count(&readings), METRICS.len());
    for (title, beginning) in [
        ("the producer", "kestrel_producer_"),
        ("the consumer", "kestrel_consumer_"),
        ("the client", "kestrel_client_"),
    ] {
        println!("\n{title}");
        for (series, reading) in readings.of(beginning) {
            match reading.count {
                1 => println!("  {series} {}", reading.sum),
                count => println!(
                    "  {series} {} values, {:.6} on average",
                    thousands(count as u64),
                    reading.mean()
                ),
            }
        }
    }
    Ok(())
}

/// How many metrics have a value.
fn count(readings: &Readings) -> usize {
    METRICS.iter().filter(|metric| readings.sum(metric.name, &[]).count > 0).count()
}

/// Sends records and reads them, with a client that is measured.
async fn measure() -> Result {
    let broker = Broker::test().await?;
    let client = Client::builder(broker.bootstrap_servers()).client_id("shop").metrics().connect().await?;
    let producer = client.producer().build().await?;
    for number in 0..RECORDS {
        drop(producer.send(Record::to("numbers").value(number.to_string())).await?);
    }
    producer.close(Duration::from_secs(30)).await?;

    let consumer = client.consumer("billing").topics(["numbers"]);
    let mut consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await?;
    for _ in 0..RECORDS {
        let record: ConsumerRecord = consumer.next().await.ok_or("the stream has ended")??;
        assert!(record.value.is_some());
    }
    consumer.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_metrics_say_what_was_sent_and_read() {
        let readings = Readings::default();
        let _recorder = metrics::set_default_local_recorder(&readings);
        measure().await.unwrap();
        let topic = [("client_id", "shop"), ("topic", "numbers")];
        for name in ["kestrel_producer_records_total", "kestrel_consumer_records_total"] {
            assert!((readings.sum(name, &topic).sum - RECORDS as f64).abs() < 0.5, "{name}: {readings:?}");
        }
        assert!(count(&readings) > 30, "{readings:?}");
    }
}
