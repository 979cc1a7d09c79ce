//! The result of a run as one line of JSON.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::meter::Cost;

/// Latencies up to a minute, with three significant digits, in microseconds.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_max(60_000_000, 3).expect("the bounds are constants that fit"))
    }
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    fn to_json(&self) -> Value {
        let at = |quantile| self.0.value_at_quantile(quantile);
        json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": self.0.max() })
    }
}

/// What was done and what it cost.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) client: String,
    pub(crate) work: &'static str,
    /// Records sent or read.
    pub(crate) records: u64,
    /// Bytes of their values.
    pub(crate) bytes: u64,
    /// Acknowledgements observed; when consuming, records read.
    pub(crate) acked: u64,
    pub(crate) errors: u64,
    pub(crate) cost: Cost,
    /// What it took to get ready, where that is a figure of its own.
    pub(crate) start: Option<Cost>,
    pub(crate) latencies: Option<Latencies>,
}

impl Report {
    #[expect(clippy::cast_precision_loss, reason = "counts of records are far below 2^52")]
    pub(crate) fn to_json(&self) -> Value {
        let wall_s = self.cost.wall.as_secs_f64();
        let mut line = json!({
            "client": self.client,
            "work": self.work,
            "records": self.records,
            "bytes": self.bytes,
            "acked": self.acked,
            "errors": self.errors,
            "wall_s": rounded(wall_s),
            "msgs_per_s": rounded(self.acked as f64 / wall_s),
            "mb_per_s": rounded(self.bytes as f64 / wall_s / 1e6),
            "cpu_s": rounded(self.cost.cpu.as_secs_f64()),
            "max_rss_mb": rounded(self.cost.max_rss_mb),
            "latency_us": self.latencies.as_ref().map(Latencies::to_json),
        });
        if let Some(start) = self.start {
            line["start_s"] = rounded(start.wall.as_secs_f64()).into();
            line["start_cpu_s"] = rounded(start.cpu.as_secs_f64()).into();
        }
        line
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Prints a line of JSON: the one output of this program that others read.
#[expect(clippy::print_stdout, reason = "a program's result goes to standard output")]
pub(crate) fn print_line(line: &Value) {
    println!("{line}");
}
