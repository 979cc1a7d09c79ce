//! A recorder that writes down, line by line, what the facade is told.

use std::sync::Arc;

use ::metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit, with_local_recorder,
};
use parking_lot::Mutex;

use super::Metrics;

/// All lines, of descriptions too, of what `tell` does with the metrics of the client `shop`.
pub(super) fn heard(tell: impl FnOnce(&Metrics)) -> String {
    let lines = Lines::default();
    with_local_recorder(&lines, || tell(&Metrics::begin("shop")));
    lines.0.lock().join("\n")
}

/// The lines that are no descriptions, without the label that all have.
pub(super) fn told(text: &str) -> String {
    let told = text.lines().filter(|line| !line.starts_with("describe "));
    let short = told.map(|line| line.replace("client_id=shop,", "").replace("{client_id=shop}", "") + "\n");
    short.collect()
}

#[derive(Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

/// A metric's series, whose changes become lines.
struct Series {
    name: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Series {
    fn note(&self, change: &str) {
        self.lines.lock().push(format!("{} {change}", self.name));
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.note(&format!("+{value}"));
    }

    fn absolute(&self, value: u64) {
        self.note(&format!("absolute {value}"));
    }
}

impl GaugeFn for Series {
    fn increment(&self, value: f64) {
        self.note(&format!("{value:+}"));
    }

    fn decrement(&self, value: f64) {
        self.note(&format!("{:+}", -value));
    }

    fn set(&self, value: f64) {
        self.note(&format!("= {value}"));
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        self.note(&format!("~ {value}"));
    }
}

impl Lines {
    fn series(&self, key: &Key) -> Arc<Series> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Series { name, lines: Arc::clone(&self.0) })
    }

    fn describe(&self, kind: &str, key: &KeyName, unit: Option<Unit>, meaning: &SharedString) {
        let unit = unit.expect("each has one");
        self.0.lock().push(format!("describe {kind} {} {unit:?}: {meaning}", key.as_str()));
    }
}

impl Recorder for Lines {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe("counter", &key, unit, &meaning);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe("gauge", &key, unit, &meaning);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe("histogram", &key, unit, &meaning);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.series(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.series(key))
    }
}
