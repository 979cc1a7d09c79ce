//! DescribeUserScramCredentials: asks which SCRAM credentials users have (KIP-554).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks which SCRAM credentials users have (KIP-554).
    DescribeUserScramCredentialsRequest(versions: 0..=0, flexible: 0..) {
        users: Option<Vec<UserName>>;
    }
    /// An entry of [`DescribeUserScramCredentialsRequest::users`].
    UserName {
        name: ByteString;
    }
}

message! {
    /// Mechanisms and iterations of each user; never the keys.
    DescribeUserScramCredentialsResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        results: Vec<DescribeUserScramCredentialsResult>;
    }
    /// An entry of [`DescribeUserScramCredentialsResponse::results`].
    DescribeUserScramCredentialsResult {
        user: ByteString;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        credential_infos: Vec<CredentialInfo>;
    }
    /// An entry of [`DescribeUserScramCredentialsResult::credential_infos`].
    CredentialInfo {
        mechanism: i8;
        iterations: i32;
    }
}
