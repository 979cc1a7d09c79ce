//! The broker as a whole: builds the rooms in order, owns every task, takes everything down in reverse order.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, lookup_host};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::api::{Faults, ProducerIds, Router, State, pipeline};
use crate::builder::BrokerBuilder;
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterOptions};
use crate::config::{BrokerConfig, Endpoint};
use crate::error::{StartError, StopError};
use crate::housekeeper::Housekeeper;
use crate::log::{Durability, LogManager, ManagerOptions};
use crate::net::{ConnectionLimits, ConnectionMaxima, Listener, bind};
use crate::partition::ReplicaManager;

/// How long a stop waits for what is in flight.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

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
    /// Out while it is being restarted or after it was stopped.
    running: Mutex<Option<Running>>,
    temp_dir: Option<TempDir>,
}

/// What a broker is started from.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: BrokerConfig,
    pub(crate) temp_dir: Option<TempDir>,
    pub(crate) durability: Durability,
    pub(crate) faults: Faults,
}

impl Broker {
    /// A broker for a test: on a free port of 127.0.0.1, with a folder of its own that goes when the broker is dropped.
    ///
    /// Its durability is [`Durability::Os`], since no test survives a power cut; everything else is the default.
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
        let Plan { mut config, temp_dir, durability, faults } = plan;
        for warning in &config.warnings {
            warn!("{warning}");
        }
        let socket = listen(&config).await?;
        // A restart gets the port that the system chose for this start.
        config.listen.port = port_of(&socket, &config.listen)?;
        let endpoint = advertised(&config).await;
        let bootstrap_servers = endpoint.to_string();
        config.advertise = Some(endpoint);
        let config = Arc::new(config);
        let running = Running::start(Arc::clone(&config), durability, faults.clone(), socket).await?;
        let running = Mutex::new(Some(running));
        Ok(Self { config, durability, faults, bootstrap_servers, running, temp_dir })
    }

    /// What a client's `bootstrap.servers` should be: `host:port` of the advertised address. Stays the same for the life
    /// of the broker.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    /// The broker's faults: rules may be added and removed while it serves.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Stops the broker and starts it again: on the same address, with the same data, settings and faults. Starts it too
    /// when it was stopped. Connections are closed; clients are expected to come back.
    ///
    /// One restart at a time. When the future is dropped the broker is left stopped.
    ///
    /// # Errors
    /// As for a stop and a start; the broker is then stopped.
    pub async fn restart(&self) -> Result<(), StartError> {
        self.stop().await.map_err(|error| StartError::Data {
            dir: self.config.data_dir.clone(),
            message: error.to_string(),
        })?;
        let socket = listen(&self.config).await?;
        let config = Arc::clone(&self.config);
        let running = Running::start(config, self.durability, self.faults.clone(), socket).await?;
        *self.running() = Some(running);
        Ok(())
    }

    /// Stops the broker: answers what is in flight, closes connections and logs, and marks the folder as cleanly closed.
    /// Does nothing when it is stopped already.
    ///
    /// Waits up to 10 seconds for answers in flight. When the future is dropped, the broker ends as when it is dropped.
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

    /// Waits until the data folder fails, after which nothing can be produced or read any more; gives what happened.
    ///
    /// Never ends for a broker that is well, or stopped.
    pub async fn failed(&self) -> String {
        let watched =
            self.running().as_ref().map(|running| (running.failed.clone(), Arc::clone(&running.logs)));
        let Some((failed, logs)) = watched else { return std::future::pending().await };
        failed.cancelled().await;
        format!(
            "the data folder {} is out of service: {}",
            logs.data_dir().display(),
            logs.poisoned().unwrap_or_default()
        )
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("data_dir", &self.config.data_dir)
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

/// The rooms and tasks of a broker from a start to a stop.
struct Running {
    config: Arc<BrokerConfig>,
    cluster: Cluster,
    logs: Arc<LogManager>,
    /// The listener, the connections and the housekeeper.
    serving: TaskTracker,
    stop_serving: CancellationToken,
    /// The controller: it ends when nobody can ask it anything any more.
    controlling: TaskTracker,
    stop_controlling: CancellationToken,
    failed: CancellationToken,
}

impl Running {
    async fn start(
        config: Arc<BrokerConfig>,
        durability: Durability,
        faults: Faults,
        socket: TcpListener,
    ) -> Result<Self, StartError> {
        let clock = Clock::System;
        let started_at = clock.now();
        let logs = open_logs(&config, durability).await?;
        let replicas = Arc::new(ReplicaManager::new(Arc::clone(&logs), durability));
        let options = ClusterOptions {
            logs: Arc::clone(&logs),
            replicas: Arc::clone(&replicas),
            config: Arc::clone(&config),
            durability,
            clock: clock.clone(),
            endpoint_name: config.listener_name.as_str().into(),
            endpoint: config.advertise.clone().unwrap_or_else(|| config.listen.clone()),
        };
        let (cluster, driver) = Cluster::start(options)
            .await
            .map_err(|error| StartError::metadata(config.data_dir.clone(), &error))?;

        let running = Self {
            config: Arc::clone(&config),
            cluster: cluster.clone(),
            logs: Arc::clone(&logs),
            serving: TaskTracker::new(),
            stop_serving: CancellationToken::new(),
            controlling: TaskTracker::new(),
            stop_controlling: CancellationToken::new(),
            failed: CancellationToken::new(),
        };
        running.controlling.spawn(driver.run(running.stop_controlling.clone()));
        let housekeeper = Housekeeper { logs, clock: clock.clone(), failed: running.failed.clone() };
        running.serving.spawn(housekeeper.drive(running.stop_serving.clone()));
        let state = State {
            cluster,
            replicas,
            config,
            clock: clock.clone(),
            producer_ids: ProducerIds::default(),
            stopping: running.stop_serving.clone(),
        };
        running.serve(socket, Router::new(Arc::new(state)), faults, clock.clone());
        running.report(clock.now() - started_at);
        Ok(running)
    }

    fn serve(&self, socket: TcpListener, router: Router, faults: Faults, clock: Clock) {
        let limits = ConnectionLimits {
            request_max_bytes: self.config.request_max_bytes,
            max_idle: self.config.connections_max_idle,
        };
        let maxima = ConnectionMaxima {
            total: self.config.max_connections,
            per_ip: self.config.max_connections_per_ip,
        };
        let make_pipeline = move || pipeline(router.clone(), faults.clone(), clock.clone());
        let (tasks, stopping) = (self.serving.clone(), self.stop_serving.clone());
        let listener = Listener::new(socket, make_pipeline, limits, maxima, tasks, stopping);
        self.serving.spawn(listener.drive());
    }

    fn report(&self, took: Duration) {
        let image = self.cluster.image();
        info!(
            "started in {took:.1?}: node {} of cluster {}, {} topics{}",
            self.config.node_id,
            image.cluster_id(),
            image.topics().len(),
            if self.logs.was_clean_shutdown() {
                ""
            } else {
                " (the folder is new, or was not closed cleanly)"
            },
        );
    }

    async fn stop(self) -> Result<(), StopError> {
        self.stop_serving.cancel();
        self.serving.close();
        if timeout(STOP_PATIENCE, self.serving.wait()).await.is_err() {
            warn!("{} tasks did not end within {STOP_PATIENCE:?}", self.serving.len());
        }
        let image = self.cluster.image();
        let broker_epoch = image.broker(self.config.node_id).map_or(-1, |broker| broker.epoch);
        self.stop_controlling.cancel();
        self.controlling.close();
        if timeout(STOP_PATIENCE, self.controlling.wait()).await.is_err() {
            warn!("the controller did not end within {STOP_PATIENCE:?}");
        }
        let logs = Arc::clone(&self.logs);
        let closed = spawn_blocking(move || logs.close(broker_epoch)).await;
        match closed {
            Ok(Ok(())) => {
                info!("stopped");
                Ok(())
            }
            Ok(Err(error)) => Err(StopError::new(error.to_string())),
            Err(panicked) => Err(StopError::new(panicked.to_string())),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_serving.cancel();
        self.stop_controlling.cancel();
    }
}

async fn listen(config: &BrokerConfig) -> Result<TcpListener, StartError> {
    bind(&config.listen, config.listen_backlog)
        .await
        .map_err(|source| StartError::Listen { address: config.listen.to_string(), source })
}

fn port_of(socket: &TcpListener, endpoint: &Endpoint) -> Result<u16, StartError> {
    let address = socket.local_addr();
    address
        .map(|address| address.port())
        .map_err(|source| StartError::Listen { address: endpoint.to_string(), source })
}

async fn open_logs(config: &BrokerConfig, durability: Durability) -> Result<Arc<LogManager>, StartError> {
    let options = ManagerOptions {
        node_id: config.node_id,
        cluster_id: None,
        durability,
        producer_id_expiration: config.producer_id_expiration,
    };
    let dir = config.data_dir.clone();
    let opened = spawn_blocking(move || {
        LogManager::open(&dir, options).map_err(|error| StartError::storage(dir, &error))
    });
    match opened.await {
        Ok(logs) => logs.map(Arc::new),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Where clients are told to connect to.
async fn advertised(config: &BrokerConfig) -> Endpoint {
    let port = config.listen.port;
    match &config.advertise {
        Some(endpoint) if endpoint.port == 0 => Endpoint { host: endpoint.host.clone(), port },
        Some(endpoint) => {
            if *endpoint != config.listen {
                info!("listening on {}; clients are told to connect to {endpoint}", config.listen);
            }
            endpoint.clone()
        }
        None if config.listen.is_wildcard() => {
            let host = host_name(port).await;
            info!(
                "listening on every interface; clients are told to connect to {host}:{port} (--advertise changes that)"
            );
            Endpoint { host, port }
        }
        None => config.listen.clone(),
    }
}

/// The machine's name, if it leads to an address; otherwise `localhost`.
async fn host_name(port: u16) -> String {
    let Some(name) = node_name() else { return LOCALHOST.to_owned() };
    let addresses: Vec<SocketAddr> =
        lookup_host((name.as_str(), port)).await.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() { LOCALHOST.to_owned() } else { name }
}

const LOCALHOST: &str = "localhost";

#[cfg(unix)]
fn node_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(not(unix))]
fn node_name() -> Option<String> {
    None
}

#[cfg(test)]
mod tests;
