//! Exporter: where the metrics of a client go in a service, one for Prometheus. Here it serves nobody: it is read once, at the end,
//! so that what it has taken in is worked off too, and a longer run is not read more often than a short one.

use std::hint::black_box;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
const BYTES: [f64; 5] = [1e3, 1e4, 1e5, 1e6, 1e7];
const RECORDS: [f64; 5] = [1.0, 1e1, 1e2, 1e3, 1e4];
const RATIO: [f64; 6] = [0.1, 0.2, 0.4, 0.6, 0.8, 1.0];

/// The recorder of this process.
pub(super) struct Exporter(PrometheusHandle);

impl Exporter {
    /// Installs it, as docs/client-metrics.md says: before a client connects.
    pub(super) fn install() -> Result<Self, String> {
        let install = || -> Result<PrometheusHandle, BuildError> {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
                .set_buckets_for_metric(Matcher::Suffix("_bytes".into()), &BYTES)?
                .set_buckets_for_metric(Matcher::Suffix("_records".into()), &RECORDS)?
                .set_buckets_for_metric(Matcher::Suffix("_ratio".into()), &RATIO)?
                .install_recorder()
        };
        install().map(Self).map_err(|e| format!("cannot install the exporter: {e}"))
    }

    /// Makes the text that Prometheus would get.
    pub(super) fn read(&self) {
        black_box(self.0.render());
    }
}
