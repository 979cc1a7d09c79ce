//! The broker as a whole, as its user holds it: started, restarted, stopped, dropped.
//!
//! [`Running`] has the rooms and tasks from a start to a stop.

mod advertised;
mod certificates;
mod failure;
mod running;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tempfile::TempDir;
use tracing::{info, warn};

use crate::api::Faults;
use crate::builder::BrokerBuilder;
use crate::cluster::Provisions;
use crate::config::{BrokerConfig, Endpoint, Listener};
use crate::development_tls::DevelopmentTls;
use crate::error::{StartError, StopError};
use crate::log::Durability;
use crate::metrics::Metrics;
use crate::monitoring::Monitor;
use crate::net::Acceptor;
use advertised::advertised;
use running::Running;

/// A broker that serves: from the moment it is there until it is stopped or dropped.
///
/// Runs on the tokio runtime that it was started on, which has to be alive for it to answer. `Send` and `Sync`; all
/// methods take `&self`, so it can be shared in an [`Arc`].
///
/// Dropping it ends it at once, as a crash would: nothing acknowledged is lost, but the next start has to look through the
/// logs, and until its tasks have ended the data folder may still be in use. [`stop`](Self::stop) is the orderly way.
/// The folder of [`Broker::test`] is deleted in either case when the `Broker` is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_broker::Broker;
///
/// let broker = Broker::test().await?;
/// assert!(broker.bootstrap_servers().starts_with("127.0.0.1:"));
/// broker.stop().await?;
/// # Ok(())
/// # }
/// ```
pub struct Broker {
    config: Arc<BrokerConfig>,
    durability: Durability,
    faults: Faults,
    bootstrap_servers: String,
    metrics_address: Option<SocketAddr>,
    /// Out while it is being restarted or after it was stopped.
    running: Mutex<Option<Running>>,
    temp_dir: Option<TempDir>,
    development_tls: Option<DevelopmentTls>,
}

/// What a broker is started from.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: BrokerConfig,
    pub(crate) temp_dir: Option<TempDir>,
    pub(crate) durability: Durability,
    pub(crate) faults: Faults,
    pub(crate) provisions: Provisions,
    pub(crate) development_tls: Option<DevelopmentTls>,
}

impl Broker {
    /// A broker for a test: on a free port of 127.0.0.1, with a folder of its own that goes when the broker is dropped.
    ///
    /// Its durability is [`Durability::Os`], since no test survives a power cut; everything else is the default. So records
    /// whose own timestamps are older than seven days are deleted half a minute after the start, as by Apache Kafka: where that
    /// matters, give the topic `retention.ms=-1`, or build the broker with `log.retention.ms` -1.
    ///
    /// # Errors
    /// When there is no temporary folder or no free port.
    pub async fn test() -> Result<Self, StartError> {
        Self::builder().ephemeral().durability(Durability::Os).start().await
    }

    /// Begins the settings of a broker.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::default()
    }

    pub(crate) async fn start(plan: Plan) -> Result<Self, StartError> {
        let Plan { mut config, temp_dir, durability, faults, provisions, mut development_tls } = plan;
        for warning in &config.warnings {
            warn!("{warning}");
        }
        for note in &config.notes {
            info!("{note}");
        }
        let sockets = Sockets::open(&config).await?;
        if let (Some(metrics), Some(monitor)) = (&mut config.metrics, &sockets.monitor) {
            metrics.listen.port = monitor.address().port();
        }
        let metrics_address = sockets.monitor.as_ref().map(Monitor::address);
        for (listener, socket) in config.listeners.iter_mut().zip(&sockets.listeners) {
            // A restart gets the port that the system chose for this start.
            listener.listen.port = socket.port().map_err(|source| unbound(&listener.listen, source))?;
            listener.advertise = Some(advertised(listener).await);
        }
        let first = config.listeners.first().expect("a broker has a listener");
        let bootstrap_servers = first.advertised().to_string();
        if let Some(tls) = &mut development_tls {
            certificates::tell(tls, &config.listeners);
        }
        let config = Arc::new(config);
        let (given, tls) = (Arc::clone(&config), development_tls.as_ref());
        let running = Running::start(given, durability, faults.clone(), provisions, tls, sockets).await?;
        let running = Mutex::new(Some(running));
        Ok(Self {
            config,
            durability,
            faults,
            bootstrap_servers,
            metrics_address,
            running,
            temp_dir,
            development_tls,
        })
    }

    /// What a client's `bootstrap.servers` should be: `host:port` of the advertised address of the first listener. Stays the
    /// same for the life of the broker.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// As [`Self::bootstrap_servers`], for clients that come by the listener of this name; `None` where there is no such
    /// listener.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kestrel_broker::Broker;
    ///
    /// let broker = Broker::builder()
    ///     .ephemeral()
    ///     .set("listeners", "INTERNAL://127.0.0.1:0,EXTERNAL://127.0.0.1:0")
    ///     .set("listener.security.protocol.map", "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT")
    ///     .start()
    ///     .await?;
    /// assert_eq!(broker.bootstrap_servers_of("INTERNAL").as_deref(), Some(broker.bootstrap_servers()));
    /// assert_ne!(broker.bootstrap_servers_of("EXTERNAL").as_deref(), Some(broker.bootstrap_servers()));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn bootstrap_servers_of(&self, listener: &str) -> Option<String> {
        let listener = self.config.listeners.iter().find(|found| found.name.eq_ignore_ascii_case(listener));
        listener.map(|listener| listener.advertised().to_string())
    }

    /// Where metrics and health checks are served, as [`BrokerBuilder::metrics`] asked for; `None` when it did not. Stays the same
    /// for the life of the broker.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub const fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    /// The certificates that were made for development; `None` unless [`BrokerBuilder::tls`] asked for them.
    #[cfg(feature = "dev-tls")]
    #[must_use]
    pub const fn development_tls(&self) -> Option<&DevelopmentTls> {
        self.development_tls.as_ref()
    }

    /// The broker's faults: rules may be added and removed while it serves.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What the broker has counted since its last start: requests, connections, batches, flushes, groups. All zero, without any
    /// topic or API, while it is stopped. Looks at every partition: meant for a reader that comes every few seconds.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = kestrel_broker::Broker::test().await?;
    /// for (name, topic) in &broker.metrics().topics {
    ///     println!("{name}: {} records in {} bytes", topic.appended_records, topic.appended_bytes);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.running().as_ref().map(Running::metrics).unwrap_or_default()
    }

    /// Stops the broker and starts it again: on the same address, with the same data, settings and faults. Starts it too
    /// when it was stopped. Connections are closed; clients are expected to come back.
    ///
    /// One restart at a time. When the future is dropped the broker is left stopped.
    ///
    /// # Errors
    /// As for a stop and a start; the broker is then stopped.
    pub async fn restart(&self) -> Result<(), StartError> {
        self.stop().await.map_err(|error| StartError::stop(self.config.data_dir.clone(), error))?;
        let sockets = Sockets::open(&self.config).await?;
        let config = Arc::clone(&self.config);
        // What it was provided with at first may have been deleted since.
        let provisions = Provisions::default();
        let running =
            Running::start(config, self.durability, self.faults.clone(), provisions, None, sockets).await?;
        *self.running() = Some(running);
        Ok(())
    }

    /// Stops the broker: answers what is in flight, closes connections and logs, and marks the folder as cleanly closed.
    /// Does nothing when it is stopped already.
    ///
    /// Waits up to 10 seconds for answers in flight, one for a client that does not take those that are there. When a log of the
    /// folder could not be opened, the folder is not marked, and a warning says why: the next start looks at the logs again. When the future is dropped, the broker ends as when it is dropped.
    ///
    /// # Errors
    /// When the disk fails; the next start then looks through the logs.
    pub async fn stop(&self) -> Result<(), StopError> {
        let running = self.running().take();
        match running {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    /// Waits until the data folder fails, after which nothing can be produced or read any more, or a task of the broker panics; gives
    /// what happened.
    ///
    /// Never ends for a broker that is well, or stopped.
    pub async fn failed(&self) -> String {
        let failure = self.running().as_ref().map(|running| running.failure().clone());
        match failure {
            Some(failure) => failure.happened().await,
            None => std::future::pending().await,
        }
    }

    /// Lets a task of this name panic.
    #[cfg(test)]
    pub(crate) fn break_down(&self, name: &'static str) {
        let tasks = tokio_util::task::TaskTracker::new();
        let running = self.running();
        running.as_ref().expect("it runs").failure().watch(&tasks, name, async { panic!("on purpose") });
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock()
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("metrics_address", &self.metrics_address)
            .field("data_dir", &self.config.data_dir)
            .field("development_tls", &self.development_tls)
            .finish_non_exhaustive()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The tasks are told to end and are not waited for: this may be one of their threads.
        drop(self.running().take());
        if let Some(dir) = self.temp_dir.take() {
            // Files that are still open go with their last user. A file that a task makes just now can be in the way, once.
            let path = dir.keep();
            if std::fs::remove_dir_all(&path).is_err() {
                let _ = std::fs::remove_dir_all(&path);
            }
        }
    }
}

/// The ports of a broker, open.
struct Sockets {
    /// One for each listener.
    listeners: Vec<Acceptor>,
    /// That of metrics, where it is said already that the broker is starting.
    monitor: Option<Monitor>,
}

impl Sockets {
    async fn open(config: &BrokerConfig) -> Result<Self, StartError> {
        let mut listeners = Vec::with_capacity(config.listeners.len());
        for Listener { listen, .. } in &config.listeners {
            let bound = Acceptor::bind(listen, config.listen_backlog).await;
            listeners.push(bound.map_err(|source| unbound(listen, source))?);
        }
        let monitor = match &config.metrics {
            Some(metrics) => Some(Monitor::start(metrics).await.map_err(|source| {
                let address = metrics.listen.to_string();
                StartError::Listen { address, option: "--metrics", source }
            })?),
            None => None,
        };
        Ok(Self { listeners, monitor })
    }
}

fn unbound(endpoint: &Endpoint, source: std::io::Error) -> StartError {
    StartError::Listen { address: endpoint.to_string(), option: "--listen", source }
}

#[cfg(test)]
mod tests;
