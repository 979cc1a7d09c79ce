//! Readings: a recorder of the facade `metrics` that keeps the present value of each series, for a program that shows them itself.
//!
//! A service installs the recorder of an exporter in its place.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit,
};

/// The series that were told of; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Readings(Arc<Mutex<BTreeMap<Key, Series>>>);

/// A series, and its value as the facade changes it.
#[derive(Debug, Clone)]
enum Series {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Values>),
}

/// The values of a histogram.
#[derive(Debug, Default)]
struct Values(Mutex<Reading>);

/// What a series has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// How many values it had: 1 for what is no histogram.
    pub count: usize,
    /// Their sum.
    pub sum: f64,
}

impl Reading {
    /// The mean of the values.
    #[must_use]
    pub fn mean(&self) -> f64 {
        // Nobody waits for 2^53 values.
        let count = self.count.max(1) as f64;
        self.sum / count
    }
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reading = Reading { count: reading.count + 1, sum: reading.sum + value };
    }
}

impl Series {
    fn reading(&self) -> Reading {
        match self {
            // Nobody counts to 2^53.
            Self::Counter(value) => Reading { count: 1, sum: value.load(Ordering::Relaxed) as f64 },
            Self::Gauge(value) => Reading { count: 1, sum: f64::from_bits(value.load(Ordering::Relaxed)) },
            Self::Histogram(values) => *values.0.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Readings {
    /// All series whose name begins with `beginning`, with their labels, by name.
    #[must_use]
    pub fn of(&self, beginning: &str) -> Vec<(String, Reading)> {
        let series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = series.iter().filter(|(key, _)| key.name().starts_with(beginning));
        let mut found: Vec<_> = wanted.map(|(key, series)| (text(key), series.reading())).collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// The sum of all series of this name that have these labels.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Reading {
        let series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |key: &Key, (name, value): &(&str, &str)| {
            key.labels().any(|label| (label.key(), label.value()) == (*name, *value))
        };
        let wanted =
            series.iter().filter(|(key, _)| key.name() == name && labels.iter().all(|label| has(key, label)));
        wanted.map(|(_, series)| series.reading()).fold(Reading::default(), |sum, one| Reading {
            count: sum.count + one.count,
            sum: sum.sum + one.sum,
        })
    }

    fn series(&self, key: &Key, new: impl FnOnce() -> Series) -> Series {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        series.entry(key.clone()).or_insert_with(new).clone()
    }
}

/// A series as Prometheus writes it.
fn text(key: &Key) -> String {
    let label = |label: &Label| format!("{}={:?}", label.key(), label.value());
    format!("{}{{{}}}", key.name(), key.labels().map(label).collect::<Vec<_>>().join(","))
}

impl Recorder for Readings {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.series(key, || Series::Counter(Arc::default())) {
            Series::Counter(value) => Counter::from_arc(value),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.series(key, || Series::Gauge(Arc::default())) {
            Series::Gauge(value) => Gauge::from_arc(value),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.series(key, || Series::Histogram(Arc::default())) {
            Series::Histogram(values) => Histogram::from_arc(values),
            _ => Histogram::noop(),
        }
    }
}
