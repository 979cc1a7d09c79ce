//! The address that clients of a listener are told to connect to.

use std::net::SocketAddr;

use tokio::net::lookup_host;
use tracing::info;

use crate::config::{Endpoint, Listener};

/// Where clients who come by this listener, whose port is known, are told to connect to.
pub(super) async fn advertised(listener: &Listener) -> Endpoint {
    let Listener { name, listen, advertise, .. } = listener;
    let port = listen.port;
    let endpoint = match advertise {
        Some(endpoint) if endpoint.port == 0 => Endpoint { host: endpoint.host.clone(), port },
        Some(endpoint) => endpoint.clone(),
        None if listen.is_wildcard() => {
            let host = host_name(port).await;
            info!(
                "the listener {name} is open on every interface; clients are told to connect to {host}:{port} \
                 (--advertise or advertised.listeners changes that)"
            );
            return Endpoint { host, port };
        }
        None => listen.clone(),
    };
    if endpoint != *listen {
        info!("the listener {name} is open on {listen}; clients are told to connect to {endpoint}");
    }
    endpoint
}

/// The machine's name, if it leads to an address; otherwise `localhost`.
async fn host_name(port: u16) -> String {
    let Some(name) = node_name() else { return LOCALHOST.to_owned() };
    let addresses: Vec<SocketAddr> =
        lookup_host((name.as_str(), port)).await.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() { LOCALHOST.to_owned() } else { name }
}

const LOCALHOST: &str = "localhost";

/// The name of this machine.
#[cfg(unix)]
pub(crate) fn node_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(not(unix))]
pub(crate) fn node_name() -> Option<String> {
    None
}
