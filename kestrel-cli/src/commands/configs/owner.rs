//! ConfigOwner: whose configuration a command line means.

use clap::{Args, ValueEnum};
use kestrel_client::NodeId;
use kestrel_client::admin::ConfigResource;

use crate::failure::Failure;

/// Whose configuration it is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigOwner {
    /// What has the configuration
    #[arg(value_enum)]
    pub(crate) kind: OwnerKind,
    /// Its name; for a broker its id, or `all` for what holds for all brokers
    pub(crate) name: String,
}

/// What has a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OwnerKind {
    /// A topic
    Topic,
    /// A broker
    Broker,
    /// The loggers of a broker
    BrokerLogger,
    /// A group
    Group,
    /// A subscription to the metrics of clients
    ClientMetrics,
}

impl ConfigOwner {
    pub(crate) fn resource(&self) -> Result<ConfigResource, Failure> {
        Ok(match self.kind {
            OwnerKind::Topic => ConfigResource::topic(&self.name),
            OwnerKind::Broker if self.name == "all" => ConfigResource::AllBrokers,
            OwnerKind::Broker => ConfigResource::Broker(self.node()?),
            OwnerKind::BrokerLogger => ConfigResource::BrokerLogger(self.node()?),
            OwnerKind::Group => ConfigResource::group(&self.name),
            OwnerKind::ClientMetrics => ConfigResource::client_metrics(&self.name),
        })
    }

    fn node(&self) -> Result<NodeId, Failure> {
        self.name.parse().map(NodeId).map_err(|_| {
            Failure::usage(format!("`{}` is no broker's id", self.name))
                .remedy("`kestrel cluster describe` shows them; of a broker `all` means what holds for all.")
        })
    }
}
