//! The registry as a whole, as its user holds it.

use std::sync::Arc;

use kestrel_client::Client;
use tokio::net::TcpListener;
use tracing::info;

use crate::builder::RegistryBuilder;
use crate::failure::Failure;
use crate::http::{self, Service, Users};
use crate::part::{Health, Part};
use crate::start_error::StartError;
use crate::store::{Store, StoreSettings};

/// A schema registry that serves, until it is stopped or dropped.
///
/// It runs on the tokio runtime that it was started on. Several registries may have one topic: each answers everything, and at any time
/// one of them has the right to write.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_registry::Registry;
///
/// let registry = Registry::start("localhost:9092").await?;
/// println!("schema.registry.url={}", registry.url());
/// registry.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Registry {
    url: String,
    server: Part,
    store: Part,
    /// Dropped after both parts: the tasks of a store that nobody can ask any more end by themselves, which is a failure unless they
    /// were told to stop before.
    _service: Arc<Service>,
}

/// What a registry is started from.
pub(crate) struct Plan {
    pub(crate) client: Client,
    pub(crate) listener: TcpListener,
    pub(crate) users: Users,
    pub(crate) store: StoreSettings,
}

impl Registry {
    /// A registry over the cluster that `bootstrap_servers` belong to, on a free port of 127.0.0.1, with the defaults of everything.
    ///
    /// # Errors
    /// As [`RegistryBuilder::start`].
    pub async fn start(bootstrap_servers: impl Into<String>) -> Result<Self, StartError> {
        Self::builder(bootstrap_servers).start().await
    }

    /// Begins the settings of a registry over the cluster that `bootstrap_servers` belong to: `host:port`, several separated by
    /// commas.
    pub fn builder(bootstrap_servers: impl Into<String>) -> RegistryBuilder {
        RegistryBuilder::new(Some(bootstrap_servers.into()))
    }

    /// As [`Self::builder`], with the `bootstrap.servers` of a file of client properties.
    pub fn from_client_properties(file: impl Into<std::path::PathBuf>) -> RegistryBuilder {
        RegistryBuilder::new(None).client_properties(file)
    }

    pub(crate) async fn start_from(plan: Plan) -> Result<Self, StartError> {
        let Plan { client, listener, users, store: settings } = plan;
        let health = Health::new();
        let (server, store) = (Part::new(&health), Part::new(&health));
        let unbound = |source| StartError::Listen { address: "its own address".to_owned(), source };
        let address = listener.local_addr().map_err(unbound)?;
        let topic = Arc::clone(&settings.topic);
        let described = client.admin().describe_cluster().await;
        let cluster_id = described.map_err(|source| StartError::Connect { source })?.cluster_id.to_string();
        let started = Store::start(&client, settings, &store).await?;
        let service = Arc::new(Service { store: started, users, cluster_id, topic });
        let (tasks, stop) = (server.tasks().clone(), server.stop().clone());
        let serving = http::serve(Arc::clone(&service), listener, http::CONNECTIONS, tasks, stop);
        server.run("the HTTP server", serving);
        info!("serving on {address}");
        Ok(Self { url: format!("http://{address}"), server, store, _service: service })
    }

    /// The address of its REST API, as clients have it in `schema.registry.url`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the registry has failed, which it never does but for a defect: it serves nothing from then on, and should be
    /// stopped.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn failed(&self) -> Failure {
        self.store.health().failed().await
    }

    /// Takes no more connections, lets the calls that have begun come to their end, at most 10 s, and ends.
    ///
    /// A second stop waits for the same end. Dropping it ends it in the background.
    ///
    /// # Cancel safety
    /// Cancel-safe: it stops all the same once the future was polled.
    pub async fn stop(&self) {
        self.server.end().await;
        self.store.end().await;
    }
}

#[cfg(test)]
mod tests {
    use kestrel_broker::Broker;

    use super::*;

    /// Lets every task of this thread run until it waits for something.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_stop_that_is_asked_for_is_no_failure() {
        let broker = Broker::test().await.unwrap();
        let registry = Registry::start(broker.bootstrap_servers()).await.unwrap();
        let health = registry.store.health().clone();
        // Nothing serves any more, and the store was not told to stop yet.
        registry.server.end().await;
        settle().await;
        assert!(health.check().is_ok(), "{:?}", health.check());
        registry.stop().await;
        settle().await;
        assert!(health.check().is_ok(), "{:?}", health.check());
    }

    #[tokio::test]
    async fn neither_is_a_drop() {
        let broker = Broker::test().await.unwrap();
        let registry = Registry::start(broker.bootstrap_servers()).await.unwrap();
        let (health, tasks) = (registry.store.health().clone(), registry.store.tasks().clone());
        drop(registry);
        tasks.close();
        tasks.wait().await;
        assert!(health.check().is_ok(), "{:?}", health.check());
    }
}
