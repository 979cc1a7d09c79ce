//! The owners of configurations, and their kinds with their numbers in the protocol.

use std::fmt;
use std::sync::Arc;

use kestrel_protocol::{ByteString, NodeId};

use crate::admin::numbered::numbered;
use crate::client::Target;
use crate::into::IntoName;

numbered! {
    /// The kind of what has a configuration.
    ///
    /// ```
    /// assert_eq!(kestrel_client::admin::ConfigResourceType::ClientMetrics.to_string(), "ClientMetrics");
    /// ```
    ConfigResourceType {
        /// Topics.
        Topic = 2,
        /// Brokers.
        Broker = 4,
        /// The loggers of brokers (KIP-412).
        BrokerLogger = 8,
        /// Subscriptions to the metrics of clients (KIP-714).
        ClientMetrics = 16,
        /// Groups (KIP-848).
        Group = 32,
    }
}

/// The owner of a configuration: a topic, brokers, a group, a subscription to metrics of clients.
///
/// ```
/// use kestrel_client::admin::{ConfigResource, ConfigResourceType};
/// let resource = ConfigResource::client_metrics("latencies");
/// assert_eq!(resource.resource_type(), ConfigResourceType::ClientMetrics);
/// assert_eq!(resource.to_string(), "client metrics latencies");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConfigResource {
    /// A topic.
    Topic(Arc<str>),
    /// One broker.
    Broker(NodeId),
    /// All brokers: the defaults that are set in the cluster.
    AllBrokers,
    /// The loggers of one broker with their levels (KIP-412).
    BrokerLogger(NodeId),
    /// A subscription to metrics that clients push to the brokers (KIP-714).
    ClientMetrics(Arc<str>),
    /// A group (KIP-848); it need not be there yet.
    Group(Arc<str>),
}

impl ConfigResource {
    /// A topic.
    pub fn topic(name: impl IntoName) -> Self {
        Self::Topic(name.into_name())
    }

    /// A subscription to metrics of clients (KIP-714).
    pub fn client_metrics(name: impl IntoName) -> Self {
        Self::ClientMetrics(name.into_name())
    }

    /// A group (KIP-848).
    pub fn group(name: impl IntoName) -> Self {
        Self::Group(name.into_name())
    }

    /// The kind of the resource.
    #[must_use]
    pub const fn resource_type(&self) -> ConfigResourceType {
        match self {
            Self::Topic(_) => ConfigResourceType::Topic,
            Self::Broker(_) | Self::AllBrokers => ConfigResourceType::Broker,
            Self::BrokerLogger(_) => ConfigResourceType::BrokerLogger,
            Self::ClientMetrics(_) => ConfigResourceType::ClientMetrics,
            Self::Group(_) => ConfigResourceType::Group,
        }
    }

    /// The resource of a kind and name in the protocol; `None` for a kind that this client does not know, and for the number of
    /// a broker that is none.
    pub(super) fn from_wire(resource_type: i8, name: &str) -> Option<Self> {
        let node = || name.parse().ok().map(NodeId);
        match ConfigResourceType::from_wire(resource_type) {
            ConfigResourceType::Topic => Some(Self::topic(name)),
            ConfigResourceType::Broker if name.is_empty() => Some(Self::AllBrokers),
            ConfigResourceType::Broker => node().map(Self::Broker),
            ConfigResourceType::BrokerLogger => node().map(Self::BrokerLogger),
            ConfigResourceType::ClientMetrics => Some(Self::client_metrics(name)),
            ConfigResourceType::Group => Some(Self::group(name)),
            ConfigResourceType::Other(_) => None,
        }
    }

    pub(super) const fn wire_type(&self) -> i8 {
        self.resource_type().to_wire()
    }

    pub(super) fn wire_name(&self) -> ByteString {
        match self {
            Self::Topic(name) | Self::ClientMetrics(name) | Self::Group(name) => ByteString::from(&**name),
            Self::Broker(node) | Self::BrokerLogger(node) => node.to_string().into(),
            Self::AllBrokers => ByteString::new(),
        }
    }

    /// The broker to ask if only one knows the answer, which is the broker's own configuration; `otherwise` if not.
    pub(super) const fn target_or(&self, otherwise: Target) -> Target {
        match self {
            Self::Broker(node) | Self::BrokerLogger(node) => Target::Node(*node),
            Self::Topic(_) | Self::AllBrokers | Self::ClientMetrics(_) | Self::Group(_) => otherwise,
        }
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::Broker(node) => write!(f, "broker {node}"),
            Self::AllBrokers => f.write_str("all brokers"),
            Self::BrokerLogger(node) => write!(f, "loggers of broker {node}"),
            Self::ClientMetrics(name) => write!(f, "client metrics {name}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_come_back_as_they_went() {
        let all = [
            ConfigResource::topic("t"),
            ConfigResource::Broker(NodeId(3)),
            ConfigResource::AllBrokers,
            ConfigResource::BrokerLogger(NodeId(3)),
            ConfigResource::client_metrics("m"),
            ConfigResource::group("g"),
        ];
        for resource in all {
            let name = resource.wire_name();
            assert_eq!(ConfigResource::from_wire(resource.wire_type(), &name), Some(resource));
        }
        assert_eq!(ConfigResource::from_wire(64, "new"), None);
        assert_eq!(ConfigResource::from_wire(4, "first"), None);
    }

    #[test]
    fn what_only_one_broker_knows_is_asked_there() {
        let (node, any) = (NodeId(2), Target::Any);
        assert_eq!(ConfigResource::Broker(node).target_or(any), Target::Node(node));
        assert_eq!(ConfigResource::BrokerLogger(node).target_or(any), Target::Node(node));
        assert_eq!(ConfigResource::AllBrokers.target_or(Target::Controller), Target::Controller);
    }
}
