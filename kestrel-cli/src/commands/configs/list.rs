//! `kestrel configs list`.

use clap::Args;
use kestrel_client::admin::{ConfigResource, ConfigResourceType};

use super::OwnerKind;
use crate::failure::Failure;
use crate::output::Table;
use crate::session::Session;

/// Lists what has a configuration of its own.
#[derive(Debug, Args)]
pub(crate) struct ListConfigs {
    /// Only of this kind [default: subscriptions to the metrics of clients]
    #[arg(value_enum)]
    pub(crate) kind: Option<OwnerKind>,
}

impl ListConfigs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let kind = match self.kind.unwrap_or(OwnerKind::ClientMetrics) {
            OwnerKind::Topic => ConfigResourceType::Topic,
            OwnerKind::Broker => ConfigResourceType::Broker,
            OwnerKind::BrokerLogger => ConfigResourceType::BrokerLogger,
            OwnerKind::Group => ConfigResourceType::Group,
            OwnerKind::ClientMetrics => ConfigResourceType::ClientMetrics,
        };
        let mut table = Table::new(["kind", "name"]);
        for resource in session.admin().await?.list_config_resources([kind]).await? {
            let (kind, name) = match &resource {
                ConfigResource::Topic(name) => ("topic", name.to_string()),
                ConfigResource::Broker(node) => ("broker", node.to_string()),
                ConfigResource::AllBrokers => ("broker", "all".to_owned()),
                ConfigResource::BrokerLogger(node) => ("broker-logger", node.to_string()),
                ConfigResource::ClientMetrics(name) => ("client-metrics", name.to_string()),
                ConfigResource::Group(name) => ("group", name.to_string()),
                other => ("other", other.to_string()),
            };
            table.row([kind.into(), name.into()]);
        }
        session.output().table(&table)
    }
}
