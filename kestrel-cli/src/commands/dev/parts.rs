//! Parts: the broker with its metrics, and the registry over it. Started in this order, stopped in the other.

use kestrel_broker::{Broker, StartError as BrokerStartError};
use kestrel_registry::{Registry, StartError as RegistryStartError};

use super::DevCommand;
use super::welcome::Addresses;
use crate::failure::{Failure, with_causes};

/// What runs in this process.
#[derive(Debug)]
pub(super) struct Parts {
    broker: Broker,
    registry: Registry,
}

impl Parts {
    /// Starts all of them, or none.
    pub(super) async fn start(command: &DevCommand) -> Result<Self, Failure> {
        let broker = start_broker(command).await?;
        match start_registry(command, &broker).await {
            Ok(registry) => Ok(Self { broker, registry }),
            Err(failure) => {
                // Why there is no registry is what there is to say.
                let _ = broker.stop().await;
                Err(failure)
            }
        }
    }

    pub(super) fn bootstrap_servers(&self) -> &str {
        self.broker.bootstrap_servers()
    }

    pub(super) fn registry_url(&self) -> &str {
        self.registry.url()
    }

    /// Where everything is.
    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            bootstrap_servers: self.bootstrap_servers().to_owned(),
            registry_url: self.registry_url().to_owned(),
            metrics_address: self
                .broker
                .metrics_address()
                .map(|address| address.to_string())
                .unwrap_or_default(),
            data_dir: self.broker.data_dir().display().to_string(),
        }
    }

    /// Waits until one of them fails, which may be never.
    pub(super) async fn failed(&self) -> Failure {
        tokio::select! {
            reason = self.broker.failed() => Failure::new(format!("the broker has failed: {reason}")),
            failure = self.registry.failed() => Failure::new(format!("the registry has failed: {failure}")),
        }
    }

    /// Stops the registry, whose writes end in the broker with its metrics, and then the broker.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        self.registry.stop().await;
        self.broker.stop().await.map_err(|error| Failure::new(with_causes(&error)))
    }
}

async fn start_broker(command: &DevCommand) -> Result<Broker, Failure> {
    let mut builder = Broker::builder();
    builder = if command.ephemeral { builder.ephemeral() } else { builder.data_dir(&command.data_dir) };
    let builder = builder.listen(&command.listen).metrics(&command.metrics_listen).metrics_per_partition();
    builder.start().await.map_err(|error| match error {
        BrokerStartError::Listen { address, option: "--metrics", source, .. } => {
            unheard("endpoint of metrics", "--metrics-listen", &address, &source)
        }
        BrokerStartError::Listen { address, source, .. } => unheard("broker", "--listen", &address, &source),
        error => Failure::new(with_causes(&error)),
    })
}

async fn start_registry(command: &DevCommand, broker: &Broker) -> Result<Registry, Failure> {
    // One broker has one replica.
    let builder = Registry::builder(broker.bootstrap_servers()).replication_factor(1);
    builder.listen(&command.registry_listen).start().await.map_err(|error| match error {
        RegistryStartError::Listen { address, source, .. } => {
            unheard("registry", "--registry-listen", &address, &source)
        }
        error => Failure::new(with_causes(&error)),
    })
}

/// A part cannot listen where it was told to.
fn unheard(part: &str, option: &str, address: &str, source: &std::io::Error) -> Failure {
    Failure::new(format!("the {part} cannot listen on {address}: {source}")).remedy(format!(
        "Stop whoever listens there, or choose another address with {option} HOST:PORT; port 0 is any that is free."
    ))
}
