//! The encryption of a listener in a build without TLS: there is none, and no listener that has it.

use std::sync::Arc;
use std::time::Duration;

use super::closed::Closed;
use super::transport::Transport;
use crate::config::Listener;
use crate::error::StartError;

/// The encryption of a listener: none can be made.
#[derive(Debug)]
pub(crate) enum Encryption {}

/// The reason why a handshake failed: there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeFailure {}

impl HandshakeFailure {
    pub(super) const fn kind(&self) -> &'static str {
        match *self {}
    }
}

/// A stream that encrypts: none is made.
pub(super) type Encrypted<S> = S;

impl Encryption {
    pub(crate) fn of(listener: &Listener, _: Duration) -> Result<Option<Arc<Self>>, StartError> {
        match &listener.tls {
            None => Ok(None),
            Some(tls) => match *tls {},
        }
    }

    pub(crate) fn refresh(&self) {
        match *self {}
    }

    pub(super) async fn shake_hands<S: Transport>(
        &self,
        _: S,
    ) -> Result<(Encrypted<S>, Option<String>), Closed> {
        match *self {}
    }
}
