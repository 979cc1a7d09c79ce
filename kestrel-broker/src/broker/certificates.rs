//! The certificates of the listeners: made for development, and read.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::advertised::node_name;
use crate::clock::Clock;
use crate::config::{BrokerConfig, Listener};
use crate::development_tls::DevelopmentTls;
use crate::error::StartError;
use crate::net::Encryption;

/// Makes the certificates for the names of this machine and of the listeners. The data folder has to be this broker's own by now:
/// another that runs in it has made them for itself.
///
/// # Errors
/// When they cannot be made.
pub(super) fn make(tls: &DevelopmentTls, config: &BrokerConfig) -> Result<(), StartError> {
    let listeners = config.listeners.iter().map(Listener::advertised);
    let hosts = listeners.filter(|endpoint| !endpoint.is_wildcard()).map(|endpoint| endpoint.host.clone());
    let now = Clock::System.wall().as_millis();
    let now = Duration::from_millis(u64::try_from(now).unwrap_or_default());
    tls.provide(hosts.chain(node_name()), now).map_err(|error| {
        let message = "the certificates for development could not be made in it".to_owned();
        StartError::data(config.data_dir.clone(), (message, Some(error)), "")
    })
}

/// Says which listener has a certificate for development, and whom its clients have to trust.
pub(super) fn tell(tls: &mut DevelopmentTls, listeners: &[Listener]) {
    match tls.show(listeners) {
        Some(listener) => {
            let ca = tls.ca_file();
            info!(
                "the listener {listener} has a certificate for development: its clients trust {}",
                ca.display()
            );
        }
        None => {
            warn!(
                "no listener has a certificate for development: none speaks TLS, or all that do have their own"
            );
        }
    }
}

/// What encrypts the connections of each listener, where they are.
///
/// # Errors
/// When certificates cannot be used.
pub(super) fn encryptions(config: &BrokerConfig) -> Result<Vec<Option<Arc<Encryption>>>, StartError> {
    let of = |listener| Encryption::of(listener, config.connection_setup_timeout);
    config.listeners.iter().map(of).collect()
}
