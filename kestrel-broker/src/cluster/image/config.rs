//! Configurations in the metadata: the resources that have any, and their values. Pure.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kestrel_protocol::NodeId;

/// The configuration that was set on a resource: key to value.
pub(crate) type ConfigMap = BTreeMap<ByteString, ByteString>;

/// The kinds of resources that configurations are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ResourceKind {
    /// A topic.
    Topic,
    /// A broker, or with an empty name all of them.
    Broker,
    /// A subscription of client metrics (KIP-714).
    ClientMetrics,
    /// Something else that the log has configurations of: a group (32).
    Other(i8),
}

impl ResourceKind {
    /// The kind with this number in requests and records.
    pub(crate) const fn from_wire(number: i8) -> Self {
        match number {
            2 => Self::Topic,
            4 => Self::Broker,
            16 => Self::ClientMetrics,
            other => Self::Other(other),
        }
    }

    /// The number in requests and records.
    pub(crate) const fn wire(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::ClientMetrics => 16,
            Self::Other(number) => number,
        }
    }
}

/// The resource that a configuration belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConfigResource {
    /// The kind.
    pub(crate) kind: ResourceKind,
    /// The topic's or subscription's name, or the broker's id in decimals.
    pub(crate) name: ByteString,
}

impl ConfigResource {
    /// A topic.
    pub(crate) fn topic(name: impl Into<ByteString>) -> Self {
        Self { kind: ResourceKind::Topic, name: name.into() }
    }

    /// A subscription of client metrics.
    pub(crate) fn client_metrics(name: impl Into<ByteString>) -> Self {
        Self { kind: ResourceKind::ClientMetrics, name: name.into() }
    }

    /// A broker.
    pub(crate) fn broker(id: NodeId) -> Self {
        Self { kind: ResourceKind::Broker, name: id.to_string().into() }
    }

    /// All brokers.
    pub(crate) fn all_brokers() -> Self {
        Self { kind: ResourceKind::Broker, name: ByteString::new() }
    }
}
