//! SaslAuthenticate: carries a token of the SASL exchange to the broker (KIP-152; again on an open connection, KIP-368).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::SecretBytes;

message! {
    /// Carries a token of the SASL exchange to the broker (KIP-152; again on an open connection, KIP-368).
    SaslAuthenticateRequest(versions: 0..=2, flexible: 2..) {
        auth_bytes: SecretBytes;
    }
}

message! {
    /// The broker's token, and from version 1 how long the session lasts.
    SaslAuthenticateResponse(versions: 0..=2, flexible: 2..) {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        auth_bytes: SecretBytes;
        session_lifetime_ms: i64 => 1..;
    }
}
