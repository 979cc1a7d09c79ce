//! The settings that all of a client's producers and consumers share: connections and metadata.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::ByteString;
use kestrel_settings::Value;

use super::checks::{check_rows, fits};
use super::consumer::ConsumerConfig;
use super::producer::ProducerConfig;
use super::security::{SECURITY, SecurityConfig};
use super::setters::{setters, table};
use crate::error::Error;
use crate::net::{Connector, HostPort};
use crate::observer::{Observer, ObserverSeat};
#[cfg(feature = "tls")]
use crate::security::Tls;
use crate::security::{Credentials, Sasl, Security};
use crate::trace_context::{TraceContext, TraceSource};

/// The rows of a client's settings.
macro_rules! client_settings {
    ($make:ident! $($of:tt)*) => { $make! { $($of)* {
        /// Where to find the cluster first: host:port, several separated by commas.
        bootstrap_servers: String, "bootstrap.servers" | "metadata.broker.list", List, "", [any] => (none);
        /// The name that brokers see in requests.
        client_id: String, "client.id", String, "kestrel", [any] => (client_id: impl Into<String> = client_id.into());
        /// How long a broker may take for an answer.
        request_timeout: Duration, "request.timeout.ms" | "socket.timeout.ms", Long, "30000", [1..];
        /// How long each address may take to connect.
        socket_connection_setup_timeout: Duration, "socket.connection.setup.timeout.ms", Long, "10000", [1..];
        /// The first wait between attempts to connect to a broker.
        reconnect_backoff: Duration, "reconnect.backoff.ms", Long, "50", [0..] => (none);
        /// The longest wait between attempts to connect to a broker.
        reconnect_backoff_max: Duration, "reconnect.backoff.max.ms", Long, "1000", [0..] => (none);
        /// The first wait before a request is tried again.
        retry_backoff: Duration, "retry.backoff.ms", Long, "100", [0..] => (none);
        /// The longest wait before a request is tried again.
        retry_backoff_max: Duration, "retry.backoff.max.ms", Long, "1000", [0..] => (none);
        /// How old the client's view of the cluster gets before it is fetched again.
        metadata_max_age: Duration, "metadata.max.age.ms" | "topic.metadata.refresh.interval.ms", Long, "300000", [1..];
        /// How long a connection may be silent before it is closed.
        connections_max_idle: Duration, "connections.max.idle.ms", Long, "540000", [1..];
        /// The largest answer that is accepted from a broker, in bytes.
        receive_message_max_bytes: usize, "receive.message.max.bytes", Long, "100000000", [0..];
        /// What becomes of a property that nobody knows: error, or warn. Kestrel's own setting.
        unknown_keys: UnknownKeys, "unknown.keys", String, "error", ["error" | "warn"] => (none);
    } } };
}

client_settings! {
    table!
    /// The settings of a client, before they are checked.
    pub(crate) struct ClientConfig, keys CLIENT: ClientKeys, with security: SecurityConfig;
}

client_settings!(setters! [] ClientBuilder, [.config]);

/// What becomes of a property that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownKeys {
    /// An error.
    Error,
    /// A warning in the log.
    Warn,
}

impl Value for UnknownKeys {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(if text == "warn" { Self::Warn } else { Self::Error })
    }

    fn print(&self) -> String {
        if *self == Self::Warn { "warn" } else { "error" }.to_owned()
    }
}

/// Configures and connects a [`Client`](crate::Client).
///
/// Setters have Kafka's key names in snake case. Their documentation has the property's name, its default and the values that it
/// takes; a property has durations in milliseconds.
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
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct ClientBuilder {
    pub(super) config: ClientConfig,
    /// What came as properties for producers and consumers that are made from the client.
    pub(super) producer: ProducerConfig,
    pub(super) consumer: ConsumerConfig,
    pub(crate) observer: ObserverSeat,
    credentials: Credentials,
    connector: Option<Arc<dyn Connector>>,
    trace_source: TraceSource,
    /// Whether the facade `metrics` is told too.
    #[cfg(feature = "metrics")]
    pub(crate) has_metrics: bool,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("config", &self.config)
            .field("producer", &self.producer)
            .field("consumer", &self.consumer)
            .field("observer", &self.observer)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// The settings of a client, checked: those of its table, and what follows from them.
pub(crate) struct ClientSettings {
    config: ClientConfig,
    pub(crate) bootstrap_servers: Vec<HostPort>,
    pub(crate) security: Arc<Security>,
    pub(crate) connector: Option<Arc<dyn Connector>>,
    pub(crate) trace_source: TraceSource,
    pub(crate) client_id: ByteString,
    /// What its producers begin with.
    pub(crate) producer: ProducerConfig,
    /// What its consumers begin with.
    pub(crate) consumer: ConsumerConfig,
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Deref for ClientSettings {
    type Target = ClientConfig;

    fn deref(&self) -> &ClientConfig {
        &self.config
    }
}

impl ClientBuilder {
    pub(crate) fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            config: ClientConfig { bootstrap_servers: bootstrap_servers.into(), ..ClientConfig::default() },
            producer: ProducerConfig::default(),
            consumer: ConsumerConfig::default(),
            observer: ObserverSeat::default(),
            credentials: Credentials::default(),
            connector: None,
            trace_source: TraceSource::default(),
            #[cfg(feature = "metrics")]
            has_metrics: false,
        }
    }

    /// Sets the servers that are asked first, in place of those that it was made with, or that its properties have.
    pub fn bootstrap_servers(mut self, bootstrap_servers: impl Into<String>) -> Self {
        self.config.bootstrap_servers = bootstrap_servers.into();
        self
    }

    /// Encrypts connections, and looks at the certificates of brokers: `security.protocol` SSL, or SASL_SSL with
    /// [`sasl`](Self::sasl). In the place of `ssl.*` properties.
    ///
    /// ```
    /// use kestrel_client::{Client, Secret, Tls};
    ///
    /// let hosted = Client::builder("kafka.example:9093").tls(Tls::native_roots());
    /// let own = Client::builder("kafka.example:9093")
    ///     .tls(Tls::ca_file("ca.pem").client_cert_files("client.pem", "client.key").key_password(Secret::new("opensesame")));
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.credentials.tls = Some(tls);
        self
    }

    /// Proves to brokers who the client is: `security.protocol` SASL_SSL with `tls`, and SASL_PLAINTEXT without it. In the place
    /// of `sasl.*` properties.
    ///
    /// ```
    /// # #[cfg(feature = "tls")] {
    /// use kestrel_client::{Client, Sasl, Tls};
    ///
    /// let builder = Client::builder("pkc-1.eu-west-1.example:9092")
    ///     .tls(Tls::native_roots())
    ///     .sasl(Sasl::plain("the key", "the secret"));
    /// # }
    /// ```
    pub fn sasl(mut self, sasl: Sasl) -> Self {
        self.credentials.sasl = Some(sasl);
        self
    }

    /// Opens streams to brokers with `connector` in the place of TCP connections, for example through a proxy; see [`Connector`].
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// The first and the longest wait between attempts to connect to the same broker. The wait doubles with each failure, with
    /// jitter.
    ///
    /// Properties `reconnect.backoff.ms`, default `50`, and `reconnect.backoff.max.ms`, default `1000`, values `0..`.
    pub fn reconnect_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.config.reconnect_backoff = first;
        self.config.reconnect_backoff_max = longest;
        self
    }

    /// The first and the longest wait before a request is tried again. The wait doubles with each failure, with jitter.
    ///
    /// Properties `retry.backoff.ms`, default `100`, and `retry.backoff.max.ms`, default `1000`, values `0..`.
    pub fn retry_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.config.retry_backoff = first;
        self.config.retry_backoff_max = longest;
        self
    }

    /// Tells `observer` what the client, its producers and its consumers do; default nobody. May be called again: then all hear of it.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = self.observer.and(observer);
        self
    }

    /// Tells the facade `metrics` what the client, its producers and its consumers do, with the client's `client.id` as a label; see
    /// [`metrics`](crate::metrics). They are described to the recorder that is there when the client connects: install it before.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self) -> Self {
        self.has_metrics = true;
        self
    }

    /// Writes into the headers of each record which trace its sender is in: `traceparent` and `tracestate`, as the W3C's Trace
    /// Context has them; default nothing. Whoever reads the record asks it with
    /// [`trace_context`](crate::ConsumerRecord::trace_context), in whatever language.
    ///
    /// `current` is asked once for each record that the client's producers send, in the task that sends it: it returns at once and
    /// never panics. Where it gives `None` the headers stay as they are; otherwise headers of these names that the record has, from
    /// where it was read for example, give way. Dead letters stay in the trace of their record.
    ///
    /// With `tracing` and OpenTelemetry, of which Kestrel knows nothing, it is six lines: `docs/client-metrics.md` has them. Without:
    ///
    /// ```
    /// use kestrel_client::{Client, TraceContext};
    ///
    /// tokio::task_local! {
    ///     static REQUEST: TraceContext;
    /// }
    ///
    /// let builder = Client::builder("localhost:9092").trace_context(|| REQUEST.try_get().ok());
    /// ```
    pub fn trace_context(
        mut self,
        current: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.trace_source = TraceSource::new(current);
        self
    }

    pub(crate) fn check(self) -> Result<ClientSettings, Error> {
        let Self { mut config, producer, consumer, credentials, connector, trace_source, .. } = self;
        check_rows(SecurityConfig::ROWS, &config.security)?;
        let security = Arc::new(Security::new(&config.security, credentials)?);
        let entries = config.bootstrap_servers.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let bootstrap_servers = entries
            .map(|entry| match HostPort::parse(entry)? {
                (Some(named), _) if named != security.protocol() => Err(contradicts(entry, &security)),
                (_, address) => Ok(address),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if bootstrap_servers.is_empty() {
            let problem = "is required, for example localhost:9092";
            return Err(Error::config(CLIENT.bootstrap_servers.name, problem));
        }
        check_rows(ClientConfig::ROWS, &config)?;
        fits(&CLIENT.client_id, &config.client_id)?;
        config.reconnect_backoff_max = config.reconnect_backoff_max.max(config.reconnect_backoff);
        config.retry_backoff_max = config.retry_backoff_max.max(config.retry_backoff);
        let client_id = config.client_id.clone().into();
        Ok(ClientSettings {
            config,
            bootstrap_servers,
            security,
            connector,
            trace_source,
            client_id,
            producer,
            consumer,
        })
    }
}

/// A server whose scheme is not what the client speaks.
fn contradicts(entry: &str, security: &Security) -> Error {
    let problem = format!(
        "`{entry}` contradicts {}, which is {}: both have to say the same",
        SECURITY.protocol.name,
        security.protocol()
    );
    Error::config(CLIENT.bootstrap_servers.name, problem)
}
