//! A cluster together with a schema registry.

use kestrel_registry::Registry;

use crate::{Cluster, Result};

/// Where an example with schemas runs: arguments of its command line.
#[derive(Debug, Default, clap::Args)]
pub struct WithRegistry {
    /// The cluster.
    #[command(flatten)]
    pub cluster: Cluster,
    /// Address of a schema registry; without, one is started inside this process, over the same cluster.
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
}

impl WithRegistry {
    /// Runs an example with the addresses of the cluster and of the registry.
    ///
    /// # Errors
    /// What the example fails with, and why there is no broker or no registry.
    pub async fn run(&self, example: impl AsyncFnOnce(&str, &str) -> Result) -> Result {
        let on_cluster = async |bootstrap: &str| {
            if let Some(url) = &self.registry {
                return example(bootstrap, url).await;
            }
            let registry = Registry::start(bootstrap).await?;
            let outcome = example(bootstrap, registry.url()).await;
            registry.stop().await;
            outcome
        };
        self.cluster.run(on_cluster).await
    }
}
