//! The logins of one listener, counted.

use super::{Counter, LoginMetrics};

/// What a listener counts of logins.
#[derive(Debug, Default)]
pub(crate) struct LoginCounters {
    /// Clients that logged in.
    authenticated: Counter,
    /// Clients that were refused.
    failed: Counter,
    /// Clients that logged in again on the same connection.
    reauthenticated: Counter,
    /// Clients that were refused when they did.
    failed_again: Counter,
    /// Connections that ended because their session was over.
    pub(crate) expired: Counter,
}

impl LoginCounters {
    /// Counts a client that logged in, for the first time or again.
    pub(crate) fn succeeded(&self, again: bool) {
        if again { &self.reauthenticated } else { &self.authenticated }.count();
    }

    /// Counts a client that was refused.
    pub(crate) fn failed(&self, again: bool) {
        if again { &self.failed_again } else { &self.failed }.count();
    }

    /// The counts now.
    pub(crate) fn snapshot(&self) -> LoginMetrics {
        LoginMetrics {
            authenticated: self.authenticated.get(),
            failed: self.failed.get(),
            reauthenticated: self.reauthenticated.get(),
            failed_again: self.failed_again.get(),
            expired: self.expired.get(),
        }
    }
}
