//! SaslAuthenticate, versions 0 to 2: refused here, since a client that may log in is answered by its [`Session`](super::Session).
//!
//! What comes this far is out of place: the listener has no SASL, or the client is logged in for as long as it likes.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};

use super::{Handler, RequestContext, State};

impl Handler for SaslAuthenticateRequest {
    async fn handle(self, _: RequestContext, _: Arc<State>) -> SaslAuthenticateResponse {
        let error_message = Some("SaslAuthenticate request received after successful authentication".into());
        SaslAuthenticateResponse { error_message, ..self.refusal(ErrorCode::IllegalSaslState) }
    }

    fn refusal(&self, error: ErrorCode) -> SaslAuthenticateResponse {
        SaslAuthenticateResponse { error_code: error, ..Default::default() }
    }
}
