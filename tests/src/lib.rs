//! The harness of Kestrel's test rings: where the broker is, fresh topic names, waiting for a condition.
//!
//! Each test has a broker of its own in this process. With `KESTREL_TEST_BOOTSTRAP` set, the same tests run against that
//! cluster instead: Apache Kafka, for comparing.

mod bad_network;
mod broker_process;
mod captured_log;
mod dice;
mod registry_process;
mod secure;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kestrel_broker::{Broker, BrokerBuilder, Durability};
use kestrel_client::admin::OffsetSpec;
use kestrel_client::{Client, IsolationLevel};

pub use bad_network::BadNetwork;
pub use broker_process::{BrokerProcess, built_broker, succeed};
pub use captured_log::CapturedLog;
pub use dice::Dice;
pub use registry_process::RegistryProcess;
pub use secure::{SECURE_VARIABLE, WaysIn};

/// The environment variable that names a cluster to run against.
pub const BOOTSTRAP_VARIABLE: &str = "KESTREL_TEST_BOOTSTRAP";

/// A broker for one test: embedded, or the cluster that the environment names.
#[derive(Debug)]
pub enum TestBroker {
    /// A Kestrel broker in this process, gone with the test.
    Embedded(Box<Broker>),
    /// Some other cluster, with its bootstrap servers.
    External(String),
}

impl TestBroker {
    /// A broker with the settings of a test.
    ///
    /// # Panics
    /// When the embedded broker does not start.
    pub async fn start() -> Self {
        match std::env::var(BOOTSTRAP_VARIABLE) {
            Ok(bootstrap_servers) => Self::External(bootstrap_servers),
            Err(_) => {
                // Some records of the tests are from long ago, and a test may be slow.
                let builder = Broker::builder().ephemeral().durability(Durability::Os);
                Self::embedded(builder.set("log.retention.ms", "-1")).await
            }
        }
    }

    /// A broker that checks who may do what, and allows everything to who does not say who he is. The cluster that the
    /// environment names has to be one too.
    ///
    /// # Panics
    /// When the embedded broker does not start.
    pub async fn guarded() -> Self {
        match std::env::var(BOOTSTRAP_VARIABLE) {
            Ok(bootstrap_servers) => Self::External(bootstrap_servers),
            Err(_) => {
                let builder = Broker::builder().ephemeral().durability(Durability::Os);
                let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
                let builder = builder.set("authorizer.class.name", authorizer);
                Self::embedded(builder.set("super.users", "User:ANONYMOUS")).await
            }
        }
    }

    /// A Kestrel broker with settings of its own, also when the environment names a cluster.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn embedded(builder: BrokerBuilder) -> Self {
        Self::Embedded(Box::new(builder.start().await.expect("the embedded broker starts")))
    }

    /// The embedded broker, for what only it can do.
    ///
    /// # Panics
    /// When the tests run against another cluster.
    #[must_use]
    pub fn kestrel(&self) -> &Broker {
        match self {
            Self::Embedded(broker) => broker,
            Self::External(servers) => panic!("{servers} is not in this process"),
        }
    }

    /// The addresses to give to a client.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        match self {
            Self::Embedded(broker) => broker.bootstrap_servers(),
            Self::External(servers) => servers,
        }
    }

    /// A client of this broker.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn client(&self) -> Client {
        Client::builder(self.bootstrap_servers()).connect().await.expect("the test broker answers")
    }
}

/// A name that no other test uses, in this run or an earlier one on the same cluster.
#[must_use]
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    #[expect(clippy::disallowed_methods, reason = "names have to differ between runs")]
    let started = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_nanos();
    format!("{prefix}-{started:x}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What `look` finds, as soon as it finds something: looks again and again, as a cluster may take a moment to show what it
/// has accepted.
///
/// # Panics
/// When there is nothing after half a minute; `what` is what was waited for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    const PATIENCE: Duration = Duration::from_secs(30);
    const PAUSE: Duration = Duration::from_millis(10);
    let looking = async {
        loop {
            match look().await {
                Some(found) => return found,
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

/// Waits until no transaction is open in a topic: a coordinator may answer a commit before it has written the markers, and until
/// then a reader of what is committed gets no further.
///
/// # Panics
/// When one is open for half a minute.
pub async fn transactions_have_ended(client: &Client, topic: &str) {
    let admin = client.admin();
    let described = admin.describe_topics([topic]).await.into_result().expect("the topic can be described");
    let count = i32::try_from(described[0].1.partitions.len()).expect("no topic has more partitions");
    let ends = async |level| {
        let latest = (0..count).map(|partition| ((topic, partition), OffsetSpec::Latest));
        let mut ends = admin.list_offsets(latest, level).await.into_result().expect("the ends can be listed");
        ends.sort_by_key(|(partition, _)| partition.partition);
        ends.into_iter().map(|(_, end)| end.offset).collect::<Vec<_>>()
    };
    eventually("the end of the transactions in the topic", async || {
        // Both only grow, and the first is never beyond the second: if they are equal in this order, they were equal at first.
        let stable = ends(IsolationLevel::ReadCommitted).await;
        (stable == ends(IsolationLevel::ReadUncommitted).await).then_some(())
    })
    .await;
}
