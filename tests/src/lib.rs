//! The harness of Kestrel's test rings: where the broker is, fresh topic names, waiting for a condition.
//!
//! With `KESTREL_TEST_BOOTSTRAP` set, the end-to-end ring runs against that cluster.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kestrel_client::Client;

/// The environment variable that names a cluster to run against.
pub const BOOTSTRAP_VARIABLE: &str = "KESTREL_TEST_BOOTSTRAP";

/// A broker for one test.
#[derive(Debug)]
pub struct TestBroker {
    bootstrap_servers: String,
}

impl TestBroker {
    /// The cluster that the environment names.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let bootstrap_servers =
            std::env::var(BOOTSTRAP_VARIABLE).expect("KESTREL_TEST_BOOTSTRAP names a cluster");
        Self { bootstrap_servers }
    }

    /// The addresses to give to a client.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
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
