//! The text of metrics: OpenMetrics 1.0, or the text format 0.0.4 of Prometheus. Pure.

use super::facts::Facts;
use super::metric::{Kind, Metric};
use super::samples::{Samples, write_to};
use super::table::TABLE;
use crate::config::Detail;

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus.
    Prometheus,
}

impl Format {
    /// The media type.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The name that the type of a metric is told for.
    fn family(self, metric: &Metric) -> &'static str {
        match (self, metric.kind) {
            (Self::OpenMetrics, Kind::Counter) => metric.name.trim_end_matches("_total"),
            _ => metric.name,
        }
    }
}

/// Writes all metrics of the table that are told in this detail.
pub(super) fn exposition(facts: &Facts, detail: Detail, format: Format) -> String {
    let (mut text, mut omitted) = (String::new(), Vec::new());
    for metric in TABLE.iter().filter(|metric| is_told(metric, detail)) {
        let (family, kind) = (format.family(metric), metric.kind.name());
        write_to(&mut text, format_args!("# TYPE {family} {kind}\n# HELP {family} {}\n", metric.help));
        let mut samples = Samples::new(&mut text, metric.name, metric.labels, &omitted);
        (metric.samples)(facts, &mut samples);
        let left_out = samples.left_out();
        if left_out > 0 {
            omitted.push((metric.name, left_out));
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn is_told(metric: &Metric, detail: Detail) -> bool {
    metric.detail == Detail::Topics || detail == Detail::Partitions
}
