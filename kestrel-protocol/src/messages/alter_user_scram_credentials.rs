//! AlterUserScramCredentials: sets and deletes the SCRAM credentials of users (KIP-554).

use bytes::Bytes;
use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::SecretBytes;

message! {
    /// Sets and deletes the SCRAM credentials of users (KIP-554).
    AlterUserScramCredentialsRequest(versions: 0..=0, flexible: 0..) {
        deletions: Vec<ScramCredentialDeletion>;
        upsertions: Vec<ScramCredentialUpsertion>;
    }
    /// An entry of [`AlterUserScramCredentialsRequest::deletions`].
    ScramCredentialDeletion {
        name: ByteString;
        mechanism: i8;
    }
    /// An entry of [`AlterUserScramCredentialsRequest::upsertions`].
    ScramCredentialUpsertion {
        name: ByteString;
        mechanism: i8;
        iterations: i32;
        salt: Bytes;
        salted_password: SecretBytes;
    }
}

message! {
    /// The outcome for each user.
    AlterUserScramCredentialsResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        results: Vec<AlterUserScramCredentialsResult>;
    }
    /// An entry of [`AlterUserScramCredentialsResponse::results`].
    AlterUserScramCredentialsResult {
        user: ByteString;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
