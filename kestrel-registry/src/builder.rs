//! The settings of a registry.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kestrel_client::Client;
use tokio::net::TcpListener;

use crate::http::Users;
use crate::registry::{Plan, Registry};
use crate::start_error::StartError;
use crate::store::StoreSettings;

/// Configures and starts a [`Registry`]; made by [`Registry::builder`].
///
/// ```no_run
/// # async fn f() -> Result<(), kestrel_registry::StartError> {
/// use kestrel_registry::Registry;
///
/// let registry = Registry::builder("kafka-1:9092,kafka-2:9092")
///     .listen("0.0.0.0:8081")
///     .client_properties("client.properties") // how to log in to the cluster, as Java's client has it
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start`"]
pub struct RegistryBuilder {
    bootstrap_servers: Option<String>,
    client_properties: Option<PathBuf>,
    listen: String,
    users: Users,
    store: StoreSettings,
}

impl RegistryBuilder {
    pub(crate) fn new(bootstrap_servers: Option<String>) -> Self {
        let store = StoreSettings::new();
        let listen = "127.0.0.1:0".to_owned();
        Self { bootstrap_servers, client_properties: None, listen, users: Users::default(), store }
    }

    /// Where to listen. Default: `127.0.0.1:0`, a free port that [`Registry::url`] has.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// A file of client properties, for what the cluster wants of who connects: `security.protocol`, `sasl.*`, `ssl.*`. Its
    /// `bootstrap.servers` count where the builder was made without any.
    pub fn client_properties(mut self, file: impl Into<PathBuf>) -> Self {
        self.client_properties = Some(file.into());
        self
    }

    /// The topic that everything is kept in. Default: `_schemas`, as Confluent's registry. Registries of one cluster that are to be one
    /// have the same.
    pub fn topic(mut self, name: impl Into<String>) -> Self {
        self.store.topic = Arc::from(name.into());
        self
    }

    /// The replicas that the topic should have. Default: 3. It is created with no more than there are brokers, and the log warns of a
    /// topic that has fewer.
    pub const fn replication_factor(mut self, factor: i16) -> Self {
        self.store.replication_factor = factor;
        self
    }

    /// How long a write may take until it is answered that it took too long; [`Duration::MAX`] means never. Default: 5 s.
    ///
    /// What is known is answered whatever the brokers do. Of what is not known, the end of the topic is read first, which may take as
    /// long: another registry may have given it a moment ago.
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.store.write_timeout = timeout;
        self
    }

    /// How long reading the topic may take at the start. Default: 60 s.
    pub const fn start_timeout(mut self, timeout: Duration) -> Self {
        self.store.start_timeout = timeout;
        self
    }

    /// A user who may use the registry, by basic authentication. Default: everybody may. The connection is not encrypted: leave
    /// that to a proxy.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.add(name, password);
        self
    }

    /// Connects to the cluster, creates the topic or checks it, reads it to its end, and serves.
    ///
    /// # Errors
    /// When one of these fails: [`StartError`] says which.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is left of a start that was dropped, but perhaps the topic.
    pub async fn start(self) -> Result<Registry, StartError> {
        let client = self.connect().await?;
        let unbound = |source| StartError::Listen { address: self.listen.clone(), source };
        // A port that is taken is told before anything is created.
        let listener = TcpListener::bind(&self.listen).await.map_err(unbound)?;
        Registry::start_from(Plan { client, listener, users: self.users, store: self.store }).await
    }

    async fn connect(&self) -> Result<Client, StartError> {
        let servers = self.bootstrap_servers.as_deref();
        let builder = match &self.client_properties {
            None => Client::builder(servers.unwrap_or("localhost:9092")),
            Some(path) => {
                let unusable = |source| StartError::Properties { path: path.clone(), source };
                let builder = Client::from_properties_file(path).map_err(unusable)?;
                match servers {
                    Some(servers) => builder.bootstrap_servers(servers),
                    None => builder,
                }
            }
        };
        builder.connect().await.map_err(|source| StartError::Connect { source })
    }
}
