//! How the clients of one listener log in: shared by the sessions of its connections.

use std::sync::Arc;
use std::time::Duration;

use kestrel_security::sasl::{Mechanism, Nonce};

use super::Accounts;
use crate::config::{SaslListener, SecurityProtocol};
use crate::metrics::LoginCounters;

/// How the clients of one listener log in.
#[derive(Debug)]
pub(crate) struct Login {
    /// What the listener speaks.
    pub(super) protocol: SecurityProtocol,
    /// The mechanisms that are enabled, in the order in which clients are told them.
    mechanisms: Vec<Enabled>,
    /// The largest frame before a client has logged in.
    pub(super) max_frame_bytes: usize,
    /// How long a client that is refused waits for the answer.
    pub(super) failure_delay: Duration,
    /// Who may log in.
    pub(super) accounts: Accounts,
    /// Draws the nonce of an exchange.
    pub(super) draw_nonce: fn() -> Nonce,
    /// What is counted.
    pub(super) counters: Arc<LoginCounters>,
}

/// A mechanism that is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Enabled {
    /// Which one.
    pub(super) mechanism: Mechanism,
    /// How long a session lasts at most.
    pub(super) max_reauth: Option<Duration>,
}

impl Login {
    /// What the settings of a listener say, for the users of `accounts`.
    pub(crate) fn new(
        protocol: SecurityProtocol,
        settings: &SaslListener,
        failure_delay: Duration,
        accounts: Accounts,
        counters: Arc<LoginCounters>,
    ) -> Self {
        let enabled = settings.mechanisms.iter();
        let mechanisms = enabled
            .map(|enabled| Enabled { mechanism: enabled.mechanism, max_reauth: enabled.max_reauth })
            .collect();
        let max_frame_bytes = settings.max_receive_bytes;
        Self { protocol, mechanisms, max_frame_bytes, failure_delay, accounts, draw_nonce, counters }
    }

    /// The mechanism of this name, if it is enabled.
    pub(super) fn mechanism(&self, name: &str) -> Option<Enabled> {
        self.mechanisms.iter().copied().find(|enabled| enabled.mechanism.name() == name)
    }

    /// The names of the mechanisms.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.mechanisms.iter().map(|enabled| enabled.mechanism.name())
    }

    /// How many logins have failed.
    #[cfg(test)]
    pub(in crate::api) fn failed_logins(&self) -> u64 {
        self.counters.snapshot().failed
    }

    /// The names of the mechanisms in one text.
    pub(crate) fn listed(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }
}

fn draw_nonce() -> Nonce {
    let mut random = [0; 24];
    getrandom::fill(&mut random).expect("the system has random bytes");
    Nonce::from_random(random)
}
