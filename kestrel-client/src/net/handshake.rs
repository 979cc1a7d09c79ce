//! What client and broker say before the first real request. A machine: bytes in, bytes out.
//!
//! ```text
//!   Start ── ApiVersions (newest) ──▶ answered ──▶ Done(versions)
//!                  │ UNSUPPORTED_VERSION (35), always in version 0 (KIP-511)
//!                  └── ApiVersions (newest that the broker names, or 0) ──▶ answered ──▶ Done(versions)
//! ```
//! Driven by [`dial`](super::dial) on a fresh stream, one request at a time.

use bytes::{Buf, Bytes};
use kestrel_protocol::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use kestrel_protocol::{
    ApiKey, ByteString, DecodeError, EncodeError, ErrorCode, correlation_id, decode_response, encode_request,
};

use super::versions::Versions;

/// Where the error code of an ApiVersions answer is, in every version: after the correlation id.
const ERROR_CODE_AT: usize = 4;
/// The correlation id of all requests of a handshake: there is one in flight.
const CORRELATION_ID: i32 = 0;

/// How far a handshake has come.
#[derive(Debug)]
pub(crate) struct Handshake {
    client_id: ByteString,
    version: i16,
    may_retry: bool,
}

/// What to do after an answer.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Send [`Handshake::request`] again: it has changed.
    Continue,
    /// The connection is ready for these versions.
    Done(Versions),
}

/// Why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the answer to ApiVersions cannot be read: is this a Kafka listener?")]
    Malformed(#[from] DecodeError),
    #[error("the answer has correlation id {0}, which was not asked: is this a Kafka listener?")]
    WrongCorrelation(i32),
    #[error("the first request cannot be sent: {0}")]
    Unsendable(#[from] EncodeError),
    #[error("ApiVersions failed: {0}")]
    Refused(ErrorCode),
}

impl Handshake {
    /// A handshake that begins with the newest ApiVersions; with version 0 for brokers that hang up on newer ones.
    pub(crate) fn new(client_id: ByteString, oldest: bool) -> Self {
        let version = if oldest { 0 } else { *ApiKey::ApiVersions.versions().end() };
        Self { client_id, version, may_retry: !oldest }
    }

    /// The request to send now, as byte runs.
    ///
    /// # Errors
    /// When the protocol has no room for `client.id`.
    pub(crate) fn request(&self) -> Result<Vec<Bytes>, HandshakeError> {
        Ok(encode_request(
            &api_versions_request(),
            self.version,
            CORRELATION_ID,
            Some(self.client_id.clone()),
        )?)
    }

    /// The answer to the last request has come.
    pub(crate) fn handle_answer(&mut self, frame: Bytes) -> Result<Progress, HandshakeError> {
        let correlation_id = correlation_id(&frame)?;
        if correlation_id != CORRELATION_ID {
            return Err(HandshakeError::WrongCorrelation(correlation_id));
        }
        match peek_error_code(&frame) {
            Some(ErrorCode::UnsupportedVersion) if self.may_retry => {
                self.may_retry = false;
                self.version = version_named_in(frame);
                Ok(Progress::Continue)
            }
            Some(ErrorCode::None) | None => {
                let answer: ApiVersionsResponse = decode_response::<ApiVersionsRequest>(frame, self.version)?;
                let versions = Versions::intersect(&answer.api_keys);
                Ok(Progress::Done(versions.with_features(&answer.finalized_features)))
            }
            Some(code) => Err(HandshakeError::Refused(code)),
        }
    }
}

/// The question for a broker's versions and features, with the name of this client.
pub(crate) fn api_versions_request() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: ByteString::from_static("kestrel"),
        client_software_version: ByteString::from_static(env!("CARGO_PKG_VERSION")),
    }
}

fn peek_error_code(frame: &Bytes) -> Option<ErrorCode> {
    let mut code = frame.get(ERROR_CODE_AT..ERROR_CODE_AT + 2)?;
    Some(ErrorCode::from_code(code.get_i16()))
}

/// The newest version of ApiVersions that a refusal names and this client speaks; 0 when it names none.
fn version_named_in(refusal: Bytes) -> i16 {
    let named = decode_response::<ApiVersionsRequest>(refusal, 0).unwrap_or_default().api_keys;
    let own: Vec<ApiVersion> =
        named.into_iter().filter(|entry| entry.api_key == ApiKey::ApiVersions.key()).collect();
    Versions::intersect(&own).newest(ApiKey::ApiVersions).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kestrel_protocol::{FrameDecoder, RequestFrame, encode_response};

    use super::*;

    fn joined(chunks: Vec<Bytes>) -> Bytes {
        let mut stream: BytesMut = chunks.into_iter().flatten().collect();
        FrameDecoder::new(1 << 20).decode(&mut stream).unwrap().unwrap()
    }

    fn version_of(handshake: &Handshake) -> i16 {
        RequestFrame::parse(joined(handshake.request().unwrap())).unwrap().header.api_version
    }

    fn answer(version: i16, error_code: ErrorCode, api_keys: Vec<ApiVersion>) -> Bytes {
        let answer = ApiVersionsResponse { error_code, api_keys, ..Default::default() };
        joined(encode_response::<ApiVersionsRequest>(&answer, version, 0).unwrap())
    }

    fn speaks(api: ApiKey, max_version: i16) -> ApiVersion {
        ApiVersion { api_key: api.key(), min_version: 0, max_version }
    }

    #[test]
    fn the_newest_version_is_asked_first() {
        let mut handshake = Handshake::new("test".into(), false);
        assert_eq!(version_of(&handshake), 4);
        let done = handshake.handle_answer(answer(4, ErrorCode::None, vec![speaks(ApiKey::Metadata, 9)]));
        let Ok(Progress::Done(versions)) = done else { panic!("{done:?}") };
        assert_eq!(versions.newest(ApiKey::Metadata), Some(9));
    }

    #[test]
    fn a_refusal_names_the_version_to_ask_next() {
        for (named, expected) in [(vec![speaks(ApiKey::ApiVersions, 3)], 3), (vec![], 0)] {
            let mut handshake = Handshake::new("test".into(), false);
            let refusal = answer(0, ErrorCode::UnsupportedVersion, named);
            assert!(matches!(handshake.handle_answer(refusal.clone()), Ok(Progress::Continue)));
            assert_eq!(version_of(&handshake), expected);
            let again = handshake.handle_answer(refusal).unwrap_err();
            assert_eq!(again, HandshakeError::Refused(ErrorCode::UnsupportedVersion));
        }
    }

    #[test]
    fn what_is_not_kafka_is_named_as_such() {
        for garbage in [&b""[..], b"HTTP/1.1 400", &[0, 0, 0, 0, 0, 0, 255, 255]] {
            let error =
                Handshake::new("test".into(), false).handle_answer(Bytes::from_static(garbage)).unwrap_err();
            assert!(error.to_string().contains("Kafka listener"), "{error}");
        }
    }
}
