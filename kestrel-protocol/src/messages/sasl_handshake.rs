//! SaslHandshake: names the SASL mechanism of the tokens that follow (KIP-43; in SaslAuthenticate from version 1, KIP-152).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Names the SASL mechanism of the tokens that follow (KIP-43; in SaslAuthenticate from version 1, KIP-152).
    SaslHandshakeRequest(versions: 0..=1) {
        mechanism: ByteString;
    }
}

message! {
    /// Whether the broker has the mechanism, and all that it has.
    SaslHandshakeResponse(versions: 0..=1) {
        error_code: ErrorCode;
        mechanisms: Vec<ByteString>;
    }
}
