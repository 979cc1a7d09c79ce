//! What clients tell of themselves (KIP-714): which metrics they are asked for, and what they have pushed.
//!
//! ```text
//!   metadata ──subscribe──► Subscriptions (compiled) ─┐
//!   GetTelemetrySubscriptions ──► ClientInstances ◄───┘   which metrics, how often; too early, unknown, terminated
//!   PushTelemetry ──► ClientInstances ──► otlp ──► Told (the client's own view) ──► monitoring
//! ```
//!
//! [`Telemetry`] is what handlers and the monitor share: a machine behind a lock that is held for a few lines; bytes are decompressed and
//! read outside of it. Nothing here outlives the process, and everything that a client chooses is bounded: instances, series, the lengths
//! of texts.

mod client;
mod instance;
mod instances;
mod java_set;
mod otlp;
mod push;
mod subscription;
mod subscriptions;
mod told;

use std::time::Instant;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::Uuid;
use parking_lot::Mutex;

pub(crate) use client::{Client, Software};
pub(crate) use instance::Granted;
use instances::ClientInstances;
pub(crate) use push::Push;
pub(crate) use subscription::Criteria;
use subscriptions::Configs;
pub(crate) use told::{ClientView, Told, Value};

/// What is known of the metrics of clients, shared by all connections.
#[derive(Debug)]
pub(crate) struct Telemetry {
    instances: Mutex<ClientInstances>,
    max_bytes: usize,
}

impl Telemetry {
    /// No clients yet. A push has at most `max_bytes`, compressed and not.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { instances: Mutex::new(ClientInstances::default()), max_bytes }
    }

    /// The most bytes that a push may have.
    pub(crate) const fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// The subscriptions of the metadata as of an offset; older news than what is known is left aside.
    pub(crate) fn subscribe<'a>(
        &self,
        offset: i64,
        configs: impl Iterator<Item = (&'a ByteString, &'a Configs)>,
    ) {
        let mut instances = self.instances.lock();
        if instances.is_behind(offset) {
            instances.subscribe(offset, configs);
        }
    }

    /// A client asks what it is to push. `random_id` is its id if it has none.
    ///
    /// # Errors
    /// `THROTTLING_QUOTA_EXCEEDED` before the push interval is over.
    pub(crate) fn grant(
        &self,
        client: &Client<'_>,
        random_id: Uuid,
        now: Instant,
    ) -> Result<Granted, ErrorCode> {
        self.instances.lock().handle_get(client, random_id, now)
    }

    /// A client pushes.
    ///
    /// # Errors
    /// `INVALID_REQUEST`, `THROTTLING_QUOTA_EXCEEDED`, `UNKNOWN_SUBSCRIPTION_ID`, `UNSUPPORTED_COMPRESSION_TYPE`, `TELEMETRY_TOO_LARGE`;
    /// `INVALID_RECORD` for what cannot be read.
    pub(crate) fn push(&self, client: &Client<'_>, push: &Push<'_>, now: Instant) -> Result<(), ErrorCode> {
        self.instances.lock().handle_push(client, push, self.max_bytes, now)?;
        if push.metrics.is_empty() {
            return Ok(());
        }
        let read = push.read(self.max_bytes);
        self.instances.lock().handle_read(client, read)
    }

    /// What the clients that have not expired have told last.
    pub(crate) fn view(&self, now: Instant) -> ClientView {
        self.instances.lock().view(now)
    }
}
