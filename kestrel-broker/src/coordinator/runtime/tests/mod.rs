//! The runtime with a machine that it has never heard of: what any machine may rely on.

mod asks;
mod lives;
pub(in crate::coordinator) mod script;
mod scripts;
mod served;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::driver::{Driver, Envoy};
use super::reply::Pending;
use super::{Coordinator, CoordinatorOptions};
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterOptions, Intent, NewTopic, Provisions, TopicRef};
use crate::config::{BrokerConfig, RawSettings};
use crate::log::tap::Recorder;
use crate::log::{Durability, LogManager, ManagerOptions, Validation};
use crate::partition::{Partition, ReplicaManager};
use crate::quota::{Permits, Quotas};
use tally::{Sale, Tally};

const TOPIC: &str = "__tally";
const PATIENCE: Duration = Duration::from_secs(5);

/// The rooms below a coordinator.
struct World {
    recorder: Arc<Recorder>,
    cluster: Cluster,
    replicas: Arc<ReplicaManager>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new(durability: Durability) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(dir.path());
        let options = ManagerOptions {
            node_id: NodeId(1),
            cluster_id: None,
            durability,
            validation: Validation::default(),
            producer_id_expiration: Duration::from_secs(60),
        };
        let logs = Arc::new(LogManager::open(dir.path(), options).unwrap());
        let replicas = Arc::new(ReplicaManager::new(Arc::clone(&logs), durability, 1));
        let options = ClusterOptions {
            logs,
            replicas: Arc::clone(&replicas),
            quotas: Quotas::unlimited(),
            config: Arc::new(BrokerConfig::new(&RawSettings::default()).unwrap()),
            provisions: Provisions::default(),
            durability: Durability::Os,
            clock: Clock::System,
        };
        let (cluster, driver) = Cluster::start(options).await.unwrap();
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(driver.run(stopping.clone()));
        Self { recorder, cluster, replicas, tasks, stopping, _dir: dir }
    }

    fn topic() -> NewTopic {
        NewTopic { num_partitions: 2, replication_factor: 1, ..NewTopic::with_defaults(TOPIC) }
    }

    /// A coordinator of what is in the topic now, and nobody to load it.
    fn coordinator(&self) -> Arc<Coordinator<Tally>> {
        Arc::new(Coordinator::new(CoordinatorOptions {
            cluster: self.cluster.clone(),
            replicas: Arc::clone(&self.replicas),
            clock: Clock::System,
            topic: Self::topic(),
            patience: PATIENCE,
            settings: (),
        }))
    }

    /// A coordinator in service, with whoever its machines ask. It works until the token is cancelled.
    async fn serve(&self, envoy: impl Envoy<Tally>) -> (Arc<Coordinator<Tally>>, CancellationToken) {
        let coordinator = self.coordinator();
        coordinator.ensure().await.unwrap();
        let stopping = self.stopping.child_token();
        self.tasks.spawn(Driver::new(Arc::clone(&coordinator), envoy).drive(stopping.clone()));
        (coordinator, stopping)
    }

    /// The partition that a name is in.
    fn partition(&self, name: &str) -> Arc<Partition> {
        self.replicas.get(TOPIC, super::partitioner::partition_for(name, 2)).unwrap()
    }

    async fn create_topic(&self, topic: NewTopic) {
        self.cluster.create_topics(vec![topic], Intent::Apply, Permits::unlimited()).await.remove(0).unwrap();
    }

    async fn delete_topic(&self, name: &str) {
        self.cluster
            .delete_topics(vec![TopicRef::Name(name.into())], Permits::unlimited())
            .await
            .remove(0)
            .unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// A shop that is always closed.
struct Closed;

impl Envoy<Tally> for Closed {
    async fn carry(&self, name: ByteString) -> Sale {
        Sale { name, sold: None }
    }
}

fn add(coordinator: &Coordinator<Tally>, name: &str, by: i64) -> Pending<i64> {
    coordinator.handle(name, |tally, _| tally.add(&name.into(), by))
}

fn count(coordinator: &Coordinator<Tally>, name: &str) -> Pending<i64> {
    coordinator.read(name, |tally| tally.count(name))
}

fn wait_for(coordinator: &Coordinator<Tally>, name: &str, goal: i64) -> Pending<i64> {
    coordinator.handle_waiting(name, |tally, to, _| tally.wait_for(&name.into(), goal, to))
}

fn buy(coordinator: &Coordinator<Tally>, name: &str) -> Pending<String> {
    coordinator.handle_waiting(name, |tally, to, _| tally.buy(&name.into(), to))
}

/// The outcome, once the machine is loaded.
async fn loaded<R>(ask: impl Fn() -> Pending<R>) -> Result<R, ErrorCode> {
    loop {
        match ask().outcome().await {
            Err(ErrorCode::CoordinatorLoadInProgress) => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}
