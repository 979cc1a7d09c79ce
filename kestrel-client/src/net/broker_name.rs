//! The name of the broker that a connection leads to: what errors call it, and what observers are told.

use std::fmt;
use std::sync::Arc;

use kestrel_protocol::NodeId;

use super::host_port::HostPort;
use crate::observer::ObservedBroker;

/// The name of a broker; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct BrokerName {
    node: Option<NodeId>,
    address: HostPort,
    text: Arc<str>,
}

impl BrokerName {
    /// The broker at `address`, with its id where that is known: an entry of `bootstrap.servers` has none.
    pub(crate) fn new(node: Option<NodeId>, address: HostPort) -> Self {
        let text = match node {
            Some(node) => format!("{node} ({address})"),
            None => address.to_string(),
        };
        Self { node, address, text: text.into() }
    }

    pub(crate) const fn address(&self) -> &HostPort {
        &self.address
    }

    /// As errors call it.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    pub(crate) fn observed(&self) -> ObservedBroker<'_> {
        ObservedBroker { node: self.node, host: &self.address.host, port: self.address.port }
    }
}

impl fmt::Display for BrokerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
