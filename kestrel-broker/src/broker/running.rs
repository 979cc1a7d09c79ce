//! The rooms and tasks of a broker from a start to a stop: built in order, taken down in reverse.

use std::sync::Arc;
use std::time::Duration;

use kestrel_security::sasl::Mechanism;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::Sockets;
use super::certificates::{self, encryptions};
use super::failure::Failure;
use crate::api::{
    Accounts, Faults, FetchSessions, ListenerId, Login, Session, State, pipeline, request_counters,
};
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterImage, ClusterOptions, Provisions};
use crate::config::{self as configured, BrokerConfig, QuotaSettings, TokenChecks};
use crate::coordinator::{GroupCoordinator, TransactionCoordinator};
use crate::development_tls::DevelopmentTls;
use crate::error::{StartError, StopError};
use crate::housekeeper::{Cleaner, Housekeeper};
use crate::log::{Durability, LogManager, ManagerOptions};
use crate::metrics::{ConnectionCounters, Metrics};
use crate::monitoring::Monitor;
use crate::net::{Acceptor, ConnectionCount, ConnectionLimits, ConnectionMaxima, Door, Encryption, Listener};
use crate::partition::ReplicaManager;
use crate::quota::{QuotaWindows, Quotas, RateLimits, Windows};
use crate::telemetry::Telemetry;
use crate::tokens::{TokenVerifier, Tokens};

/// How long a stop waits for what is in flight.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// The rooms and tasks of a broker from a start to a stop.
pub(super) struct Running {
    state: Arc<State>,
    logs: Arc<LogManager>,
    /// The listeners, the connections, the coordinators' drivers, the housekeeper and the cleaner.
    serving: TaskTracker,
    stop_serving: CancellationToken,
    /// The controller: it ends when nobody can ask it anything any more.
    controlling: TaskTracker,
    stop_controlling: CancellationToken,
    failure: Failure,
    /// Tells how the broker is, from before it was started until it has stopped.
    monitor: Option<Monitor>,
    /// What the salts of users that do not exist are made of.
    decoy_key: [u8; 32],
}

impl Running {
    /// Builds the rooms from the log up and begins to serve on `sockets`: one for each listener.
    ///
    /// # Errors
    /// When the data folder or a certificate cannot be used.
    pub(super) async fn start(
        config: Arc<BrokerConfig>,
        durability: Durability,
        faults: Faults,
        provisions: Provisions,
        development_tls: Option<&DevelopmentTls>,
        sockets: Sockets,
    ) -> Result<Self, StartError> {
        let clock = Clock::System;
        let started_at = clock.now();
        let logs = open_logs(&config, durability).await?;
        if let Some(tls) = development_tls {
            certificates::make(tls, &config)?;
        }
        let encryptions = encryptions(&config)?;
        let mut tokens = Vec::with_capacity(config.listeners.len());
        for listener in &config.listeners {
            tokens.push(Tokens::of(listener, &clock).await?);
        }
        let replicas = Arc::new(ReplicaManager::new(Arc::clone(&logs), durability, config.recovery_threads));
        let quotas = Arc::new(Quotas::new(quota_windows(&config.quotas), rate_limits(&config), clock.now()));
        let options = ClusterOptions {
            logs: Arc::clone(&logs),
            replicas: Arc::clone(&replicas),
            quotas: Arc::clone(&quotas),
            config: Arc::clone(&config),
            provisions,
            durability,
            clock: clock.clone(),
        };
        let (cluster, controller) = Cluster::start(options)
            .await
            .map_err(|error| StartError::metadata(config.data_dir.clone(), error))?;
        let stop_serving = CancellationToken::new();
        let running = Self {
            state: Arc::new(state(cluster, replicas, quotas, config, clock, stop_serving.clone())),
            failure: Failure::none_yet(Arc::clone(&logs)),
            logs,
            serving: TaskTracker::new(),
            stop_serving,
            controlling: TaskTracker::new(),
            stop_controlling: CancellationToken::new(),
            monitor: sockets.monitor,
            decoy_key: random(),
        };
        let stop_controlling = running.stop_controlling.clone();
        running.failure.watch(&running.controlling, "the controller", controller.run(stop_controlling));
        running.keep_house(&encryptions);
        let verifiers = running.keep_tokens(tokens);
        running.serve(sockets.listeners, encryptions, &verifiers, &faults);
        running.show();
        running.report(running.state.clock.now() - started_at);
        running.report_acls();
        Ok(running)
    }

    /// Starts what works beside the requests.
    fn keep_house(&self, encryptions: &[Option<Arc<Encryption>>]) {
        let State { cluster, replicas, groups, transactions, config, clock, .. } = &*self.state;
        let cleaner = Cleaner {
            logs: Arc::clone(&self.logs),
            cluster: cluster.clone(),
            config: Arc::clone(config),
            clock: clock.clone(),
        };
        let housekeeper = Housekeeper {
            logs: Arc::clone(&self.logs),
            replicas: Arc::clone(replicas),
            encryptions: encryptions.iter().flatten().cloned().collect(),
            retention_check_interval: config.retention_check_interval,
            clock: clock.clone(),
            failed: self.failure.signal(),
        };
        let stop = || self.stop_serving.clone();
        self.failure.watch(&self.serving, "the log cleaner", cleaner.drive(stop()));
        self.failure.watch(&self.serving, "the housekeeper", housekeeper.drive(stop()));
        self.failure.watch(&self.serving, "the coordinator of groups", groups.drive(stop()));
        self.failure.watch(&self.serving, "the coordinator of transactions", transactions.drive(stop()));
    }

    /// Starts what keeps the keys of issuers of tokens; gives who validates the tokens of each listener.
    fn keep_tokens(&self, tokens: Vec<Option<Tokens>>) -> Vec<Option<Arc<TokenVerifier>>> {
        let keep = |tokens: Tokens| {
            if let Some(refresher) = tokens.refresher {
                let refreshed = refresher.drive(self.stop_serving.clone());
                self.failure.watch(&self.serving, "the refresher of an issuer's keys", refreshed);
            }
            tokens.verifier
        };
        tokens.into_iter().map(|tokens| tokens.map(keep)).collect()
    }

    /// All counters at this moment.
    pub(super) fn metrics(&self) -> Metrics {
        self.state.metrics()
    }

    fn serve(
        &self,
        sockets: Vec<Acceptor>,
        encryptions: Vec<Option<Arc<Encryption>>>,
        verifiers: &[Option<Arc<TokenVerifier>>],
        faults: &Faults,
    ) {
        let (state, config) = (&self.state, &self.state.config);
        let limits = ConnectionLimits {
            request_max_bytes: config.request_max_bytes,
            max_idle: config.connections_max_idle,
        };
        let count = ConnectionCount::new(connection_maxima(config));
        let complaints = Arc::default();
        let listeners = config.listeners.iter().zip(&state.connections).zip(sockets).zip(encryptions);
        for (id, ((((configured, counters), acceptor), encryption), tokens)) in
            listeners.zip(verifiers).enumerate()
        {
            let (state, faults) = (Arc::clone(state), faults.clone());
            let door = Door {
                acceptor,
                id: ListenerId(id),
                encryption,
                limits,
                count: Arc::clone(&count),
                quotas: Arc::clone(&state.quotas),
                complaints: Arc::clone(&complaints),
                counters: Arc::clone(counters),
            };
            let login = self.login(configured, tokens.as_ref(), counters);
            let make_pipeline = move |certified: Option<&str>| {
                pipeline(&state, &faults, Session::begin(login.clone(), certified, state.clock.now()))
            };
            let (tasks, stopping) = (self.serving.clone(), self.stop_serving.clone());
            let listener = Listener::new(door, make_pipeline, tasks, stopping);
            self.failure.watch(&self.serving, "a listener", listener.drive());
        }
    }

    /// How the clients of a listener log in, if it has SASL.
    fn login(
        &self,
        listener: &configured::Listener,
        tokens: Option<&Arc<TokenVerifier>>,
        counters: &ConnectionCounters,
    ) -> Option<Arc<Login>> {
        let settings = listener.sasl.as_ref()?;
        let State { cluster, config, .. } = &*self.state;
        if !has_users(settings, config, &cluster.image()) {
            warn!(
                "nobody can log in by the listener {listener} yet: there is no user for any of its mechanisms; --user \
                 NAME:PASSWORD makes one, or listener.name.NAME.plain.sasl.jaas.config for PLAIN, or kafka-configs for SCRAM"
            );
        }
        for warning in
            settings.mechanisms.iter().flat_map(|enabled| &enabled.tokens).flat_map(TokenChecks::warnings)
        {
            warn!("the listener {listener}: {warning}");
        }
        let plain_users = settings.mechanisms.iter().flat_map(|enabled| &enabled.plain_users);
        let plain_users = plain_users.chain(&config.users).cloned();
        let cluster = cluster.clone();
        let scram = move || Arc::clone(cluster.image().scram_users());
        let mut accounts = Accounts::new(plain_users, Arc::new(scram), self.decoy_key);
        if let Some(tokens) = tokens.cloned() {
            accounts = accounts.with_tokens(Box::new(move |token, wall| tokens.verify(token, wall)));
        }
        let delay = config.failed_authentication_delay;
        let login = Login::new(listener.protocol, settings, delay, accounts, Arc::clone(&counters.logins));
        info!(
            "clients of the listener {listener} log in: security.protocol={}, and sasl.mechanism is one of {}",
            listener.protocol,
            login.listed()
        );
        Some(Arc::new(login))
    }

    /// Lets the monitor tell of the rooms.
    fn show(&self) {
        if let Some(monitor) = &self.monitor {
            let failure = self.failure.clone();
            monitor.serving(Arc::clone(&self.state), move || failure.reason());
        }
    }

    fn report(&self, took: Duration) {
        let image = self.state.cluster.image();
        info!(
            "started in {took:.1?}: node {} of cluster {}, {} topics{}",
            self.state.config.node_id,
            image.cluster_id(),
            image.topics().len(),
            if self.logs.was_clean_shutdown() {
                ""
            } else {
                " (the folder is new, or was not closed cleanly)"
            },
        );
    }

    /// Warns of ACLs that nobody asks, and of an authorizer that lets nobody do anything.
    fn report_acls(&self) {
        let acls = self.state.cluster.image().acls().iter().len();
        match &self.state.config.authorizer {
            None if acls > 0 => warn!(
                "everybody may do everything, although the metadata has {acls} ACLs: without authorizer.class.name they have no \
                 effect"
            ),
            Some(authorizer) if acls == 0 && !authorizer.lets_anybody_in() => warn!(
                "nobody may do anything: authorizer.class.name is given, there are no ACLs, and super.users names nobody who \
                 could make some"
            ),
            _ => {}
        }
    }

    /// Takes everything down in reverse order.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) async fn stop(mut self) -> Result<(), StopError> {
        // Until the port is closed, who asks is told that the broker is stopping.
        let monitor = self.monitor.take();
        if let Some(monitor) = &monitor {
            monitor.stopping().await;
        }
        let stopped = self.close().await;
        if let Some(monitor) = monitor {
            monitor.end().await;
        }
        stopped
    }

    async fn close(self) -> Result<(), StopError> {
        self.stop_serving.cancel();
        self.serving.close();
        if timeout(STOP_PATIENCE, self.serving.wait()).await.is_err() {
            warn!("{} tasks did not end within {STOP_PATIENCE:?}", self.serving.len());
        }
        let image = self.state.cluster.image();
        let broker_epoch = image.broker(self.state.config.node_id).map_or(-1, |broker| broker.epoch);
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
            Ok(Err(error)) => Err(StopError::new(error.into_parts())),
            Err(panicked) => Err(StopError::new((panicked.to_string(), None))),
        }
    }

    /// The metadata now.
    #[cfg(test)]
    pub(super) fn image(&self) -> Arc<ClusterImage> {
        self.state.cluster.image()
    }

    /// What ends the broker before it is asked to.
    pub(super) const fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_serving.cancel();
        self.stop_controlling.cancel();
    }
}

/// Whether somebody has a login by one of a listener's mechanisms.
pub(super) fn has_users(
    settings: &configured::SaslListener,
    config: &BrokerConfig,
    image: &ClusterImage,
) -> bool {
    settings.mechanisms.iter().any(|enabled| match enabled.mechanism.scram() {
        Some(mechanism) => image.scram_users().values().any(|user| user.contains_key(&mechanism)),
        None if enabled.mechanism == Mechanism::OAuthBearer => enabled.tokens.is_some(),
        None => !enabled.plain_users.is_empty() || !config.users.is_empty(),
    })
}

/// The windows that quotas are averages over.
fn quota_windows(settings: &QuotaSettings) -> QuotaWindows {
    QuotaWindows {
        rates: Windows { count: settings.windows, length: settings.window() },
        mutations: Windows { count: settings.mutation_windows, length: settings.mutation_window() },
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    bytes
}

/// The rates at which connections may be made.
fn rate_limits(config: &BrokerConfig) -> RateLimits {
    let limit = |settings: &QuotaSettings| {
        Some(settings.max_connection_rate).filter(|rate| *rate < i32::MAX.unsigned_abs())
    };
    RateLimits {
        broker: limit(&config.quotas),
        listeners: config.listener_quotas.iter().map(limit).collect(),
    }
}

/// How many connections there may be.
fn connection_maxima(config: &BrokerConfig) -> ConnectionMaxima {
    ConnectionMaxima {
        total: config.quotas.max_connections as usize,
        listeners: config.listener_quotas.iter().map(|settings| settings.max_connections as usize).collect(),
        per_ip: config.quotas.max_connections_per_ip as usize,
        of_ip: config.max_connections_of_ip.clone(),
    }
}

/// What the handlers work on.
fn state(
    cluster: Cluster,
    replicas: Arc<ReplicaManager>,
    quotas: Arc<Quotas>,
    config: Arc<BrokerConfig>,
    clock: Clock,
    stopping: CancellationToken,
) -> State {
    let groups = GroupCoordinator::new(cluster.clone(), Arc::clone(&replicas), &config, clock.clone());
    let groups = Arc::new(groups);
    let transactions = TransactionCoordinator::new(
        cluster.clone(),
        Arc::clone(&replicas),
        Arc::clone(&groups),
        &config,
        clock.clone(),
    );
    State {
        cluster,
        replicas,
        groups,
        transactions: Arc::new(transactions),
        audit: Arc::default(),
        quotas,
        fetch_sessions: FetchSessions::new(config.fetch_sessions),
        telemetry: Telemetry::new(config.telemetry_max_bytes),
        counters: request_counters(),
        connections: config.listeners.iter().map(|_| Arc::default()).collect(),
        clock,
        config,
        stopping,
    }
}

async fn open_logs(config: &BrokerConfig, durability: Durability) -> Result<Arc<LogManager>, StartError> {
    let options = ManagerOptions {
        node_id: config.node_id,
        cluster_id: None,
        durability,
        validation: config.validation,
        producer_id_expiration: config.producer_id_expiration,
    };
    let dir = config.data_dir.clone();
    let opened = spawn_blocking(move || {
        LogManager::open(&dir, options).map_err(|error| StartError::storage(dir, error))
    });
    match opened.await {
        Ok(logs) => logs.map(Arc::new),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
