//! Row: one metric of the table, and how a value of it gets to the facade.

use std::fmt;
use std::marker::PhantomData;

use ::metrics::{
    Label, SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

/// A metric that a client tells the facade of; see [`METRICS`](super::METRICS).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, in the form of Prometheus.
    pub name: &'static str,
    /// What can be done with it.
    pub kind: MetricKind,
    /// The unit of its values; a ratio is a count.
    pub unit: Unit,
    /// The labels that it has besides `client_id`.
    pub labels: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// What others call it: Java's client, without its group, or OpenTelemetry (with dots); empty where nobody has it.
    pub elsewhere: &'static str,
}

/// The kind of a [`Metric`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Has many values, of which an exporter makes buckets or quantiles.
    Histogram,
}

impl fmt::Display for MetricKind {
    /// `counter`, `gauge` or `histogram`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// A metric of the table whose kind and number of labels the compiler knows: none can be forgotten.
#[derive(Debug)]
pub(super) struct Row<K, const N: usize> {
    pub(super) metric: Metric,
    pub(super) of_kind: PhantomData<K>,
}

/// The kind of a row that only grows.
#[derive(Debug)]
pub(super) enum Counter {}

/// The kind of a row that goes up and down.
#[derive(Debug)]
pub(super) enum Gauge {}

/// The kind of a row that has many values.
#[derive(Debug)]
pub(super) enum Histogram {}

impl<K, const N: usize> Row<K, N> {
    /// The labels of a series; `client` is the one that all have.
    fn labels(&self, client: &Label, values: [SharedString; N]) -> Vec<Label> {
        let own = self.metric.labels.iter().zip(values).map(|(&name, value)| Label::new(name, value));
        std::iter::once(client.clone()).chain(own).collect()
    }
}

impl<const N: usize> Row<Counter, N> {
    pub(super) fn series(&self, client: &Label, values: [SharedString; N]) -> ::metrics::Counter {
        counter!(self.metric.name, self.labels(client, values))
    }

    pub(super) fn add(&self, client: &Label, values: [SharedString; N], more: usize) {
        self.series(client, values).increment(count(more));
    }
}

impl<const N: usize> Row<Gauge, N> {
    pub(super) fn series(&self, client: &Label, values: [SharedString; N]) -> ::metrics::Gauge {
        gauge!(self.metric.name, self.labels(client, values))
    }

    pub(super) fn set(&self, client: &Label, values: [SharedString; N], value: f64) {
        self.series(client, values).set(value);
    }

    /// Goes up by so much, or down.
    pub(super) fn shift(&self, client: &Label, values: [SharedString; N], by: f64) {
        self.series(client, values).increment(by);
    }
}

impl<const N: usize> Row<Histogram, N> {
    pub(super) fn series(&self, client: &Label, values: [SharedString; N]) -> ::metrics::Histogram {
        histogram!(self.metric.name, self.labels(client, values))
    }

    pub(super) fn record(&self, client: &Label, values: [SharedString; N], value: f64) {
        self.series(client, values).record(value);
    }
}

/// As the facade takes what a counter grows by.
pub(super) fn count(more: usize) -> u64 {
    u64::try_from(more).unwrap_or(u64::MAX)
}

impl Metric {
    /// Tells the facade what it is.
    pub(super) fn describe(&self) {
        let Self { name, unit, meaning, .. } = *self;
        match self.kind {
            MetricKind::Counter => describe_counter!(name, unit, meaning),
            MetricKind::Gauge => describe_gauge!(name, unit, meaning),
            MetricKind::Histogram => describe_histogram!(name, unit, meaning),
        }
    }
}
