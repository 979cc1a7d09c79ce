//! The connections of one listener, counted.

use std::sync::Arc;

use super::{Counter, Gauge, ListenerMetrics, LoginCounters};

/// What a listener counts.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounters {
    /// Connections that are open.
    pub(crate) open: Arc<Gauge>,
    /// Connections that were served.
    pub(crate) accepted: Counter,
    /// Connections that were closed as they came.
    pub(crate) refused: Counter,
    /// Connections that did not get through their TLS handshake.
    pub(crate) failed_handshakes: Counter,
    /// Pauses in accepting.
    pub(crate) paused: Counter,
    /// Logins, where the listener has SASL.
    pub(crate) logins: Arc<LoginCounters>,
}

impl ConnectionCounters {
    /// The counts now.
    pub(crate) fn snapshot(&self) -> ListenerMetrics {
        ListenerMetrics {
            open: self.open.get(),
            accepted: self.accepted.get(),
            refused: self.refused.get(),
            failed_handshakes: self.failed_handshakes.get(),
            paused: self.paused.get(),
            logins: self.logins.snapshot(),
        }
    }
}
