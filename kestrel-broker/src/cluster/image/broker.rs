//! A broker in the metadata. Pure.

use bytestring::ByteString;
use kestrel_protocol::{NodeId, Uuid};

use crate::cluster::records::{RegisteredEndpoint, RegisteredFeature};

/// A registered broker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BrokerImage {
    /// Its id.
    pub(crate) id: NodeId,
    /// The offset of its registration.
    pub(crate) epoch: i64,
    /// The process that registered.
    pub(crate) incarnation_id: Uuid,
    /// The addresses that clients connect to.
    pub(crate) endpoints: Vec<RegisteredEndpoint>,
    /// The rack (`broker.rack`).
    pub(crate) rack: Option<ByteString>,
    /// Whether it leads nothing.
    pub(crate) fenced: bool,
    /// Whether it is stopping.
    pub(crate) in_controlled_shutdown: bool,
    /// Its data folders.
    pub(crate) log_dirs: Vec<Uuid>,
    /// Those that take no new partitions (KIP-1066); `None` when the broker has never said.
    pub(crate) cordoned_log_dirs: Option<Vec<Uuid>>,
    /// The features, with the levels that it can be run with.
    pub(crate) features: Vec<RegisteredFeature>,
}

impl BrokerImage {
    /// Whether partitions may be placed on it.
    pub(crate) const fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }
}
