//! Metrics: an observer that tells the facade `metrics`, from where any exporter has them (feature `metrics`).
//!
//! [`ClientBuilder::metrics`](crate::ClientBuilder::metrics) adds it to a client. It hears what every
//! [`Observer`](crate::Observer) hears: something for a batch, a request or a fetch, and nothing for a record. What there is stands in
//! the table [`METRICS`], and in `docs/client-metrics.md`.
//!
//! ```no_run
//! # async fn example() -> Result<(), kestrel_client::Error> {
//! use kestrel_client::Client;
//!
//! // First the recorder of an exporter, for example that of `metrics-exporter-prometheus`:
//! // PrometheusBuilder::new().with_recommended_naming(true).install()?;
//! let client = Client::builder("localhost:9092").client_id("shop").metrics().connect().await?;
//! # Ok(())
//! # }
//! ```

mod buffers;
mod feed;
mod kept;
mod row;
mod series;
mod table;

use std::sync::Arc;

use ::metrics::Label;

use buffers::Buffers;
use parking_lot::Mutex;
pub use row::{Metric, MetricKind};
use series::Series;
pub use table::METRICS;

/// Tells the facade what a client does. Keeps no handle of a metric for longer than a second: an exporter may drop a series that is
/// idle, and a handle would go on counting for nobody.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// What tells several clients of a process apart.
    client: Label,
    buffers: Buffers,
    series: Mutex<Series>,
}

impl Metrics {
    /// Describes each metric to the recorder, and begins.
    pub(crate) fn begin(client_id: &str) -> Self {
        METRICS.iter().for_each(Metric::describe);
        let client = Label::new("client_id", ::metrics::SharedString::from(Arc::<str>::from(client_id)));
        Self { client, buffers: Buffers::default(), series: Mutex::default() }
    }
}

#[cfg(test)]
mod tests;
