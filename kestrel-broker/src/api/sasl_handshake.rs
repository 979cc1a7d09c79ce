//! SaslHandshake, versions 0 and 1: refused here, since a client that may log in is answered by its [`Session`](super::Session).
//!
//! What comes this far is out of place: the listener has no SASL, or the client is logged in for as long as it likes.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};

use super::{Handler, RequestContext, State};

impl Handler for SaslHandshakeRequest {
    async fn handle(self, _: RequestContext, _: Arc<State>) -> SaslHandshakeResponse {
        self.refusal(ErrorCode::IllegalSaslState)
    }

    fn refusal(&self, error: ErrorCode) -> SaslHandshakeResponse {
        SaslHandshakeResponse { error_code: error, ..Default::default() }
    }
}
