//! Metric: a row of the table. Pure.

use std::fmt;

use super::facts::Facts;
use super::samples::Samples;
use crate::config::Detail;

/// A metric: what it is, after what it is named, and how its samples are found.
#[derive(Debug)]
pub(super) struct Metric {
    /// Its name; that of a counter ends with `_total`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The names of its labels.
    pub(super) labels: &'static [&'static str],
    #[cfg_attr(not(test), expect(dead_code, reason = "a test writes the reference from it"))]
    pub(super) origin: Origin,
    /// From which detail on it is told.
    pub(super) detail: Detail,
    /// What it means, in a sentence without a line break, a quotation mark or a backslash.
    pub(super) help: &'static str,
    /// Writes its samples.
    pub(super) samples: fn(&Facts, &mut Samples<'_>),
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows, from the start of the broker or of what it is about.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts durations in buckets.
    Histogram,
}

/// What a metric is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// That of kafka_exporter, which asks any cluster from outside.
    KafkaExporter,
    /// An MBean of Apache Kafka, as the rules that Strimzi gives the JMX exporter spell it.
    Jmx(&'static str),
    /// What every client library of Prometheus tells of its process.
    Process,
    /// Nobody else tells it.
    Kestrel,
}

/// The versions whose names these are.
pub(super) const KAFKA_EXPORTER: &str = "kafka_exporter 1.9";
/// The version whose MBeans these are.
pub(super) const APACHE_KAFKA: &str = "Apache Kafka 4.3";

impl Kind {
    /// The name of the type in text.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KafkaExporter => f.write_str(KAFKA_EXPORTER),
            Self::Jmx(mbean) => write!(f, "{APACHE_KAFKA}, `{mbean}`"),
            Self::Process => f.write_str("client libraries of Prometheus"),
            Self::Kestrel => f.write_str("Kestrel"),
        }
    }
}
