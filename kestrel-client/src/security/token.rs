//! Why there is nothing to authenticate with.

use std::time::Duration;

use crate::error::SharedError;

/// Why there is no token, or no random number for an exchange.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the provider gave no token")]
    Provider(#[source] SharedError),
    #[error("the provider gave no token within {0:?} (setting socket.connection.setup.timeout.ms)")]
    Late(Duration),
    #[error("the system gave no random numbers")]
    Random(#[from] getrandom::Error),
}
