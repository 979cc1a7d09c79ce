//! The table and its text by themselves, and the server over TCP.

mod documents;
#[cfg(feature = "metrics")]
mod over_http;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use kestrel_protocol::NodeId;

use super::facts::Facts;
use crate::cluster::ClusterImage;
use crate::metrics::Metrics;
use crate::telemetry::ClientView;

/// A broker with a metadata log and nothing else.
fn bare_facts() -> Facts {
    Facts {
        node_id: NodeId(1),
        address: "127.0.0.1:9092".to_owned(),
        counted: Metrics::default(),
        image: Arc::new(ClusterImage::new("cluster", NodeId(1))),
        offline: Arc::default(),
        partitions: Vec::new(),
        groups: Vec::new(),
        lags: Vec::new(),
        transactional_ids: BTreeMap::new(),
        clients: ClientView::default(),
        is_poisoned: false,
        process: None,
    }
}
