//! Metrics over HTTP, in a build without them: none are served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::api::State;
use crate::config::MetricsSettings;

/// The server of metrics: there is none.
#[derive(Debug)]
pub(crate) enum Monitor {}

impl Monitor {
    pub(crate) async fn start(_: &MetricsSettings) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match *self {}
    }

    pub(crate) fn serving(&self, _: Arc<State>, _: impl Fn() -> Option<String> + Send + Sync + 'static) {
        match *self {}
    }

    pub(crate) async fn stopping(&self) {
        match *self {}
    }

    pub(crate) async fn end(&self) {
        match *self {}
    }
}
