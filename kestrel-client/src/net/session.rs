//! Session: what a connection has from its authentication, and renews it with.
//!
//! Made by [`dial`](super::dial); kept by a [`Connection`](super::Connection).

use std::time::{Duration, Instant};

use kestrel_protocol::ByteString;

use crate::security::Sasl;

/// What a connection has from its first authentication.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) sasl: Sasl,
    pub(crate) client_id: ByteString,
    /// How long the broker's session lasts; `None` for ever.
    pub(crate) lifetime: Option<Duration>,
    pub(crate) authenticated_at: Instant,
    /// How long a further authentication may take.
    pub(crate) timeout: Duration,
}
