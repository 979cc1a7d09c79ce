//! The settings that all of a client's producers and consumers share: connections and metadata.

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::ByteString;

use super::consumer::{CONSUMER, ConsumerConfig};
use super::keys::{self, Properties, Said};
use super::producer::{PRODUCER, ProducerConfig};
use crate::client::Client;
use crate::error::Error;
use crate::net::HostPort;
use crate::observer::{Observer, ObserverSeat};

/// What was said about a client; [`connect`](Self::connect) turns it into one.
///
/// Setters have Kafka's key names in snake case, and Kafka's defaults.
///
/// ```no_run
/// # async fn example() -> Result<(), kestrel_client::Error> {
/// use kestrel_client::Client;
/// use std::time::Duration;
///
/// let client = Client::builder("localhost:9092")
///     .client_id("orders")
///     .request_timeout(Duration::from_secs(10))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct ClientBuilder {
    pub(super) config: ClientConfig,
    pub(crate) properties: Properties,
    observer: ObserverSeat,
}

/// What was said, before it is checked.
#[derive(Debug, Clone)]
pub(crate) struct ClientConfig {
    pub(super) bootstrap_servers: String,
    pub(super) client_id: String,
    pub(super) request_timeout: Duration,
    pub(super) connection_setup_timeout: Duration,
    pub(super) reconnect_backoff: Duration,
    pub(super) reconnect_backoff_max: Duration,
    pub(super) retry_backoff: Duration,
    pub(super) retry_backoff_max: Duration,
    pub(super) metadata_max_age: Duration,
    pub(super) connections_max_idle: Duration,
    pub(super) receive_message_max_bytes: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            bootstrap_servers: String::new(),
            client_id: "kestrel".into(),
            request_timeout: Duration::from_secs(30),
            connection_setup_timeout: Duration::from_secs(10),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            metadata_max_age: Duration::from_secs(5 * 60),
            connections_max_idle: Duration::from_secs(9 * 60),
            receive_message_max_bytes: 100_000_000,
        }
    }
}

/// What it means: checked, complete, unchanging.
#[derive(Debug)]
pub(crate) struct ClientSettings {
    pub(crate) bootstrap_servers: Vec<HostPort>,
    pub(crate) client_id: ByteString,
    pub(crate) request_timeout: Duration,
    pub(crate) connection_setup_timeout: Duration,
    pub(crate) reconnect_backoff: Duration,
    pub(crate) reconnect_backoff_max: Duration,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
    pub(crate) metadata_max_age: Duration,
    pub(crate) connections_max_idle: Duration,
    pub(crate) receive_message_max_bytes: usize,
    /// Settings of producers and consumers that came as properties.
    pub(crate) properties: Properties,
}

impl ClientBuilder {
    pub(crate) fn new(bootstrap_servers: impl Into<String>) -> Self {
        let config = ClientConfig { bootstrap_servers: bootstrap_servers.into(), ..ClientConfig::default() };
        Self { config, properties: Properties::default(), observer: ObserverSeat::default() }
    }

    pub(super) fn from_said(properties: impl IntoIterator<Item = (String, Said)>) -> Result<Self, Error> {
        let mut builder = Self::new("");
        builder.properties = Properties::parse(properties)?;
        let own = builder.properties.clone();
        keys::apply(keys::CLIENT, &own, &mut builder.config)?;
        // What is meant for producers and consumers is looked at now too, so that a mistake shows where it was made.
        keys::apply(PRODUCER, &own, &mut ProducerConfig::default())?;
        keys::apply(CONSUMER, &own, &mut ConsumerConfig::default())?;
        Ok(builder)
    }

    /// `client.id`: the name that brokers see in requests; default `kestrel`.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.config.client_id = client_id.into();
        self
    }

    /// `request.timeout.ms`: how long a broker may take for an answer; default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// `socket.connection.setup.timeout.ms`: how long each address may take to connect; default 10 s.
    pub fn socket_connection_setup_timeout(mut self, timeout: Duration) -> Self {
        self.config.connection_setup_timeout = timeout;
        self
    }

    /// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`: the first and the longest wait between attempts to
    /// connect to the same broker; default 50 ms and 1 s. The wait doubles with each failure, with jitter.
    pub fn reconnect_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.config.reconnect_backoff = first;
        self.config.reconnect_backoff_max = longest;
        self
    }

    /// `retry.backoff.ms` and `retry.backoff.max.ms`: the first and the longest wait before a request is tried again;
    /// default 100 ms and 1 s. The wait doubles with each failure, with jitter.
    pub fn retry_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.config.retry_backoff = first;
        self.config.retry_backoff_max = longest;
        self
    }

    /// `metadata.max.age.ms`: how old the picture of the cluster may get before it is fetched again; default 5 min.
    pub fn metadata_max_age(mut self, age: Duration) -> Self {
        self.config.metadata_max_age = age;
        self
    }

    /// `connections.max.idle.ms`: how long a connection may be silent before it is closed; default 9 min.
    pub fn connections_max_idle(mut self, idle: Duration) -> Self {
        self.config.connections_max_idle = idle;
        self
    }

    /// `receive.message.max.bytes`: the largest answer that is accepted from a broker; default 100,000,000 bytes.
    pub fn receive_message_max_bytes(mut self, bytes: usize) -> Self {
        self.config.receive_message_max_bytes = bytes;
        self
    }

    /// Tells `observer` what the client, its producers and its consumers do; default nobody. The last call counts.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = ObserverSeat::new(observer);
        self
    }

    /// Connects to the first bootstrap server that answers and learns the brokers of the cluster.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is wrong; [`Error::Bootstrap`] with every address and cause when no server
    /// answers. There is no retry here: after this call has succeeded the client heals itself.
    ///
    /// # Cancel safety
    /// Cancel-safe: dropping the future closes what was opened.
    pub async fn connect(self) -> Result<Client, Error> {
        let observer = self.observer.clone();
        let settings = Arc::new(self.check()?);
        Client::start(settings, observer).await
    }

    pub(crate) fn check(self) -> Result<ClientSettings, Error> {
        let ClientConfig { bootstrap_servers, .. } = &self.config;
        let entries = bootstrap_servers.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let bootstrap_servers = entries.map(HostPort::parse).collect::<Result<Vec<_>, _>>()?;
        if bootstrap_servers.is_empty() {
            return Err(Error::config("bootstrap.servers", "is required, for example localhost:9092"));
        }
        let config = self.config;
        for (key, duration) in [
            ("request.timeout.ms", config.request_timeout),
            ("socket.connection.setup.timeout.ms", config.connection_setup_timeout),
            ("metadata.max.age.ms", config.metadata_max_age),
            ("connections.max.idle.ms", config.connections_max_idle),
        ] {
            if duration.is_zero() {
                return Err(Error::config(key, "must be above 0"));
            }
        }
        keys::fits("client.id", &config.client_id)?;
        Ok(ClientSettings {
            bootstrap_servers,
            client_id: config.client_id.into(),
            request_timeout: config.request_timeout,
            connection_setup_timeout: config.connection_setup_timeout,
            reconnect_backoff: config.reconnect_backoff,
            reconnect_backoff_max: config.reconnect_backoff_max.max(config.reconnect_backoff),
            retry_backoff: config.retry_backoff,
            retry_backoff_max: config.retry_backoff_max.max(config.retry_backoff),
            metadata_max_age: config.metadata_max_age,
            connections_max_idle: config.connections_max_idle,
            receive_message_max_bytes: config.receive_message_max_bytes,
            properties: self.properties,
        })
    }
}
