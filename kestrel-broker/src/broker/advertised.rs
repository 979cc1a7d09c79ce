//! The address that clients are told to connect to.

use std::net::SocketAddr;

use tokio::net::lookup_host;
use tracing::info;

use crate::config::{BrokerConfig, Endpoint};

/// Where clients are told to connect to.
pub(super) async fn advertised(config: &BrokerConfig) -> Endpoint {
    let port = config.listen.port;
    match &config.advertise {
        Some(endpoint) if endpoint.port == 0 => Endpoint { host: endpoint.host.clone(), port },
        Some(endpoint) => {
            if *endpoint != config.listen {
                info!("listening on {}; clients are told to connect to {endpoint}", config.listen);
            }
            endpoint.clone()
        }
        None if config.listen.is_wildcard() => {
            let host = host_name(port).await;
            info!(
                "listening on every interface; clients are told to connect to {host}:{port} (--advertise changes that)"
            );
            Endpoint { host, port }
        }
        None => config.listen.clone(),
    }
}

/// The machine's name, if it leads to an address; otherwise `localhost`.
async fn host_name(port: u16) -> String {
    let Some(name) = node_name() else { return LOCALHOST.to_owned() };
    let addresses: Vec<SocketAddr> =
        lookup_host((name.as_str(), port)).await.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() { LOCALHOST.to_owned() } else { name }
}

const LOCALHOST: &str = "localhost";

#[cfg(unix)]
fn node_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(not(unix))]
fn node_name() -> Option<String> {
    None
}
