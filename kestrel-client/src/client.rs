//! The client: what producers, consumers and admin calls of one application share.
//!
//! Owns the connection pool, the metadata and every task. It sends single requests for the layers above and never
//! retries one: that is decided where the meaning of a request is known.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::{ApiKey, NodeId, Request};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::config::{ClientBuilder, ClientSettings, Setting, reference};
use crate::environment;
use crate::error::{BrokerError, Error};
use crate::metadata::{MetadataCache, MetadataHandle, MetadataSnapshot, Refresher};
use crate::net::{Connection, ExponentialBackoff, HandleId, Peer, Pool, Purpose};
use crate::observer::ObserverSeat;
use crate::tasks::Tasks;

/// A connection to a Kafka cluster, shared by all producers and consumers that are made from it.
///
/// Cheap to clone: clones share one pool of connections and one view of the cluster. It lives as long as a clone, or
/// a producer or consumer made from it; dropping it never blocks.
///
/// All of its tasks and connections are in the tokio runtime that it was made in, and end with it: what is called then, from
/// whichever runtime, fails at once with [`Error::Ended`]. So a client in a `static` is not for tests that have a runtime each.
///
/// ```no_run
/// # async fn example() -> Result<(), kestrel_client::Error> {
/// let client = kestrel_client::Client::builder("localhost:9092").client_id("orders").connect().await?;
/// println!("brokers: {:?}", client.metadata_snapshot().brokers.keys());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Arc<ClientSettings>,
    pool: Arc<Pool>,
    metadata: MetadataHandle,
    tasks: Tasks,
    /// Ends every task when the last clone is dropped.
    _on_drop: DropGuard,
}

/// Whom a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// Any broker.
    Any,
    /// The broker that takes requests for the controller.
    Controller,
    /// This broker.
    Node(NodeId),
}

impl ClientBuilder {
    /// Connects to the first bootstrap server that answers and learns the brokers of the cluster.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is wrong, or a file of certificates; [`Error::Authentication`] when a server and the client
    /// do not accept each other; [`Error::Bootstrap`] with every address and cause when no server answers. There is no retry here: after this call has succeeded the client heals itself.
    ///
    /// # Cancel safety
    /// Cancel-safe: dropping the future closes what was opened.
    pub async fn connect(self) -> Result<Client, Error> {
        let observer = self.observer.clone();
        #[cfg(feature = "metrics")]
        let has_metrics = self.has_metrics;
        let settings = Arc::new(self.check()?);
        settings.security.load().await?;
        #[cfg(feature = "metrics")]
        let observer = if has_metrics {
            observer.and(Arc::new(crate::metrics::Metrics::begin(&settings.client_id)))
        } else {
            observer
        };
        Client::start(settings, observer).await
    }
}

impl Client {
    /// Begins a client of the cluster that `bootstrap_servers` belong to: `host:port`, several separated by commas.
    pub fn builder(bootstrap_servers: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(bootstrap_servers)
    }

    /// Begins a client from properties with Kafka's key names, as a properties file has them; librdkafka's names are
    /// understood too. Settings of producers and consumers are kept for those that are made from the client.
    ///
    /// ```
    /// use kestrel_client::Client;
    /// let builder = Client::from_properties([("bootstrap.servers", "localhost:9092"), ("linger.ms", "20")])?;
    /// # Ok::<(), kestrel_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] for a key that no setting has, with the nearest one that exists, for a malformed value, for a setting
    /// that comes by two of its names, and for what is not there yet and must not be left out, such as `ssl.crl.location`. Keys of
    /// Java's client and librdkafka that have no effect here become a WARN that says why.
    pub fn from_properties<K, V>(properties: impl IntoIterator<Item = (K, V)>) -> Result<ClientBuilder, Error>
    where
        K: Into<String>,
        V: Into<String>,
    {
        ClientBuilder::from_properties(properties)
    }

    /// As [`from_properties`](Self::from_properties), from a file in the syntax of Java's properties files.
    ///
    /// A file that is shared with Java's client or librdkafka will do: `group.id` is for
    /// [`configured_consumer`](Self::configured_consumer), and what has no effect here becomes a WARN that says why. With
    /// `unknown.keys=warn` so does a name that nobody knows.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{Client, Utf8};
    ///
    /// let client = Client::from_properties_file("client.properties")?.connect().await?;
    /// let consumer = client.configured_consumer::<String, String>().topics(["clicks"]).key(Utf8).value(Utf8);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Properties`] for a file that cannot be read; otherwise as there, with the line. It is read at once, in the
    /// caller's thread.
    pub fn from_properties_file(path: impl AsRef<Path>) -> Result<ClientBuilder, Error> {
        ClientBuilder::from_properties_file(path.as_ref())
    }

    /// As [`from_properties`](Self::from_properties), from the environment's variables whose names begin with `prefix`:
    /// with `KAFKA_`, the variable `KAFKA_LINGER_MS` is the setting `linger.ms`.
    ///
    /// Take a prefix that nothing else has, or set `unknown.keys` to `warn`: with `KAFKA_`, Apache Kafka's own `KAFKA_OPTS`
    /// would be an unknown setting.
    ///
    /// ```
    /// use kestrel_client::Client;
    /// let builder = Client::from_env("SHOP_KAFKA_")?;
    /// # Ok::<(), kestrel_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there, with the variable.
    pub fn from_env(prefix: &str) -> Result<ClientBuilder, Error> {
        ClientBuilder::from_variables(prefix, std::env::vars_os())
    }

    /// Every setting that [`from_properties`](Self::from_properties) understands: name, default, meaning.
    ///
    /// ```
    /// let linger = kestrel_client::Client::settings_reference().find(|setting| setting.name == "linger.ms");
    /// assert_eq!(linger.map(|setting| setting.default), Some("5"));
    /// ```
    pub fn settings_reference() -> impl Iterator<Item = Setting> {
        reference()
    }

    /// The brokers, and the topics that producers and consumers of this client use, as last heard of.
    #[must_use]
    pub fn metadata_snapshot(&self) -> Arc<MetadataSnapshot> {
        self.inner.metadata.current()
    }

    /// Asks the cluster for a sign of life: `Ok` when a broker answers. For readiness probes; it changes nothing.
    ///
    /// It asks over a connection that the client has, and makes one when there is none or the broker does not answer any more.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) {
    /// let is_ready = match client.ping().await {
    ///     Ok(()) => true,
    ///     Err(error) => {
    ///         eprintln!("not ready: {error}");
    ///         false
    ///     }
    /// };
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Bootstrap`] with what each broker and bootstrap server failed with, when none can be connected to;
    /// [`Error::Timeout`] when none answers within `request.timeout.ms`; [`Error::Broker`] when one answers with an error.
    ///
    /// # Cancel safety
    /// Cancel-safe: wrap it into a timeout for less patience.
    pub async fn ping(&self) -> Result<(), Error> {
        let patience = self.inner.settings.request_timeout;
        let answers = tokio::time::timeout(patience, self.ask_for_a_sign(patience)).await;
        answers.unwrap_or_else(|_| {
            Err(Error::timeout("waiting for a broker to answer", patience, "request.timeout.ms"))
        })
    }

    async fn ask_for_a_sign(&self, patience: Duration) -> Result<(), Error> {
        // No topic, which nobody has to be allowed to see.
        let request = MetadataRequest {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        loop {
            let connection = self.inner.pool.any().await?;
            match connection.send(&request, patience).await {
                Ok(answer) => {
                    return answer
                        .error_code
                        .into_result()
                        .map_err(|code| BrokerError::new(ApiKey::Metadata, code).into());
                }
                // A connection that was not used for long tells only now that it is none. It is not tried again.
                Err(Error::Disconnected { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) async fn start(settings: Arc<ClientSettings>, observer: ObserverSeat) -> Result<Self, Error> {
        let tasks = Tasks::here(observer)?;
        let shutdown = CancellationToken::new();
        let this = Self::new(settings, tasks.clone(), shutdown.clone());
        let refresher = Refresher::new(this.metadata().clone(), this.request_timeout());
        refresher.refresh_once().await?;
        this.tasks().spawn("client", refresher.run(shutdown), move |error| tasks.fail(error));
        Ok(this)
    }

    /// A client of no cluster: whatever it is asked for, it is closed.
    pub(crate) fn offline() -> Result<Self, Error> {
        let settings = Arc::new(ClientBuilder::new("localhost:9092").check()?);
        let tasks = Tasks::here(ObserverSeat::default())?;
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        Ok(Self::new(settings, tasks, shutdown))
    }

    fn new(settings: Arc<ClientSettings>, tasks: Tasks, shutdown: CancellationToken) -> Self {
        let pool = Arc::new(Pool::new(Arc::clone(&settings), tasks.clone(), shutdown.clone()));
        let cache = MetadataCache::new(settings.metadata_max_age, retry_backoff(&settings));
        let metadata = MetadataHandle::new(cache, Arc::clone(&pool));
        let inner = Inner { settings, pool, metadata, tasks, _on_drop: shutdown.drop_guard() };
        Self { inner: Arc::new(inner) }
    }

    /// Sends `request` in the newest version that both sides speak, on the shared connection, within
    /// `request.timeout.ms`. Fields that the version lacks are left out.
    pub(crate) async fn send<R: Request>(&self, to: Target, request: &R) -> Result<R::Response, Error> {
        let connection = self.connection_to(to).await?;
        connection.send(request, self.inner.settings.request_timeout).await
    }

    /// As [`Self::send`], in version `at_least` or a newer one: an older one would leave out what must not be left out.
    pub(crate) async fn send_since<R: Request>(
        &self,
        to: Target,
        request: &R,
        at_least: i16,
    ) -> Result<R::Response, Error> {
        let connection = self.connection_to(to).await?;
        let version = connection.version_since(R::KEY, at_least)?;
        connection.send_version(request, version, self.inner.settings.request_timeout).await
    }

    /// As [`Self::send`], on the connection of a purpose.
    pub(crate) async fn send_on<R: Request>(
        &self,
        purpose: Purpose,
        node: NodeId,
        request: &R,
    ) -> Result<R::Response, Error> {
        let connection = self.connection(purpose, node).await?;
        connection.send(request, self.inner.settings.request_timeout).await
    }

    /// As [`Self::send_on`], in a version of at most `at_most` and within `timeout`.
    pub(crate) async fn send_within<R: Request>(
        &self,
        purpose: Purpose,
        node: NodeId,
        request: &R,
        at_most: i16,
        timeout: Duration,
    ) -> Result<R::Response, Error> {
        let connection = self.connection(purpose, node).await?;
        let version = connection.version_up_to(R::KEY, at_most)?;
        connection.send_version(request, version, timeout).await
    }

    /// A connection to `node`, made now if there is none.
    pub(crate) async fn connection(&self, purpose: Purpose, node: NodeId) -> Result<Connection, Error> {
        self.inner.pool.connection(purpose, Peer::Node(node)).await
    }

    async fn connection_to(&self, to: Target) -> Result<Connection, Error> {
        let node = match to {
            Target::Any => None,
            Target::Controller => self.inner.metadata.current().controller,
            Target::Node(node) => Some(node),
        };
        match node {
            Some(node) => self.connection(Purpose::General, node).await,
            None => self.inner.pool.any().await,
        }
    }

    /// The metadata of the cluster.
    pub(crate) fn metadata(&self) -> &MetadataHandle {
        &self.inner.metadata
    }

    pub(crate) fn settings(&self) -> &Arc<ClientSettings> {
        &self.inner.settings
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.inner.pool
    }

    /// Where the client's tasks are spawned.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// The observer, if there is one: told once for each batch, request or rebalance, never for a record.
    pub(crate) fn observer(&self) -> &ObserverSeat {
        self.inner.tasks.observer()
    }

    /// A backoff between retries, as the client's settings say.
    pub(crate) fn retry_backoff(&self) -> ExponentialBackoff {
        retry_backoff(&self.inner.settings)
    }

    /// An identity for a producer or consumer that wants connections of its own.
    pub(crate) fn new_handle(&self) -> HandleId {
        self.inner.pool.new_handle()
    }

    /// How long a single request may take.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.inner.settings.request_timeout
    }
}

fn retry_backoff(settings: &ClientSettings) -> ExponentialBackoff {
    ExponentialBackoff::new(settings.retry_backoff, settings.retry_backoff_max, environment::seed())
}
