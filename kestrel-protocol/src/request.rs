//! Requests and responses as frames: the headers of both kinds, and which header goes with which version.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;

use crate::api::{ApiKey, Request};
use crate::error::{DecodeError, EncodeError};
use crate::error_code::ErrorCode;
use crate::messages::Message;
use crate::wire::{Chunk, Reader, Writer};

/// Room for the headers and the small fields of most messages, in bytes.
const TYPICAL_FRAME_BYTES: usize = 256;

/// The header that begins each request.
///
/// ```
/// use kestrel_protocol::{ApiKey, RequestHeader};
/// let header = RequestHeader {
///     api_key: ApiKey::Metadata.key(),
///     api_version: 12,
///     correlation_id: 7,
///     client_id: Some("orders".into()),
/// };
/// assert_eq!(header.api(), Some(ApiKey::Metadata));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The number of the API, which may be one that this crate does not know.
    pub api_key: i16,
    /// The version of the request and of its response.
    pub api_version: i16,
    /// Comes back in the response's header.
    pub correlation_id: i32,
    /// The name that the client gave itself (`client.id`).
    pub client_id: Option<ByteString>,
}

impl RequestHeader {
    /// The API, if this crate knows it.
    #[must_use]
    pub const fn api(&self) -> Option<ApiKey> {
        ApiKey::from_key(self.api_key)
    }

    fn is_flexible(&self) -> bool {
        self.api().is_some_and(|api| api.is_flexible(self.api_version))
    }

    fn encode(&self, writer: &mut Writer) {
        writer.put_i16(self.api_key);
        writer.put_i16(self.api_version);
        writer.put_i32(self.correlation_id);
        // The client id keeps its two-byte length in flexible versions: a broker must read it before it knows more.
        writer.put_string(self.client_id.as_deref(), false, "client_id");
        if self.is_flexible() {
            writer.put_uvarint(0);
        }
    }

    fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        let header = Self {
            api_key: reader.get_i16("api_key")?,
            api_version: reader.get_i16("api_version")?,
            correlation_id: reader.get_i32("correlation_id")?,
            client_id: reader.get_string(false, "client_id")?,
        };
        if header.is_flexible() {
            reader.get_tagged_fields("RequestHeader", |_, _| Ok(()))?;
        }
        Ok(header)
    }
}

/// A request as it arrived: the header read, the body still bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestFrame {
    /// The header.
    pub header: RequestHeader,
    /// The body, a slice of the frame.
    pub body: Bytes,
}

/// There may be a password in the body: it does not print.
impl fmt::Debug for RequestFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = format_args!("{} bytes", self.body.len());
        f.debug_struct("RequestFrame").field("header", &self.header).field("body", &body).finish()
    }
}

impl RequestFrame {
    /// Reads the header of a frame (without its length).
    ///
    /// # Errors
    /// When the frame does not begin with a request header.
    pub fn parse(frame: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        let header = RequestHeader::decode(&mut reader)?;
        Ok(Self { header, body: reader.into_rest() })
    }

    /// Reads the body as the request `R` in the header's version.
    ///
    /// Bytes after it are ignored, as Apache Kafka does: librdkafka 2.16 ends a Metadata request for all topics
    /// with three bytes that belong to nothing.
    ///
    /// # Errors
    /// When the body does not begin with such a request.
    pub fn decode<R: Request>(&self) -> Result<R, DecodeError> {
        R::decode(&mut Reader::new(self.body.clone()), self.header.api_version)
    }
}

/// A request as the byte runs of its frame, length included.
///
/// # Errors
/// When something in it is longer than the protocol can say.
///
/// # Panics
/// When `version` is not one of the request's.
pub fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<ByteString>,
) -> Result<Vec<Bytes>, EncodeError> {
    let header = RequestHeader { api_key: R::KEY.key(), api_version: version, correlation_id, client_id };
    let frame = encode_frame(|writer| {
        header.encode(writer);
        request.encode(writer, version);
    });
    frame.into_byte_runs()
}

/// A response as the byte runs of its frame, length included.
///
/// # Errors
/// When something in it is longer than the protocol can say. Error messages are cut instead.
///
/// # Panics
/// When `version` is not one of the response's, or when a part of it is [elsewhere](crate::messages::fetch::RecordData).
pub fn encode_response<R: Request>(
    response: &R::Response,
    version: i16,
    correlation_id: i32,
) -> Result<Vec<Bytes>, EncodeError> {
    response_frame::<R>(response, version, correlation_id).into_byte_runs()
}

/// A response as the byte runs of its frame, length included, with gaps where parts of it are
/// [elsewhere](crate::messages::fetch::RecordData).
///
/// ```
/// use kestrel_protocol::messages::fetch::{
///     FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData, RecordData,
/// };
/// use kestrel_protocol::wire::Chunk;
/// use kestrel_protocol::{encode_response, encode_response_with_gaps};
///
/// let response = |records| {
///     let data = PartitionData { records: Some(records), ..Default::default() };
///     let topic = FetchableTopicResponse { partitions: vec![data], ..Default::default() };
///     FetchResponse { responses: vec![topic], ..Default::default() }
/// };
/// let records = b"batches";
/// let whole = encode_response::<FetchRequest>(&response(RecordData::Here(records[..].into())), 18, 1)?.concat();
/// let mut filled = Vec::new();
/// let encoded = encode_response_with_gaps::<FetchRequest>(&response(RecordData::Elsewhere(records.len())), 18, 1)?;
/// for chunk in encoded.chunks {
///     match chunk {
///         Chunk::Bytes(bytes) => filled.extend_from_slice(&bytes),
///         Chunk::Gap(length) => filled.extend_from_slice(&records[..length]),
///     }
/// }
/// assert_eq!(filled, whole);
/// # Ok::<(), kestrel_protocol::EncodeError>(())
/// ```
///
/// # Errors
/// When something in it is longer than the protocol can say. Error messages are cut instead.
///
/// # Panics
/// When `version` is not one of the response's.
pub fn encode_response_with_gaps<R: Request>(
    response: &R::Response,
    version: i16,
    correlation_id: i32,
) -> Result<EncodedResponse, EncodeError> {
    let mut frame = response_frame::<R>(response, version, correlation_id);
    let errors = frame.take_errors();
    Ok(EncodedResponse { chunks: frame.into_chunks()?, errors })
}

/// A response as its frame, and the errors that it says.
///
/// ```
/// use kestrel_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
/// use kestrel_protocol::{ErrorCode, encode_response_with_gaps};
///
/// let response = HeartbeatResponse { error_code: ErrorCode::RebalanceInProgress, ..Default::default() };
/// let encoded = encode_response_with_gaps::<HeartbeatRequest>(&response, 4, 1)?;
/// assert_eq!(encoded.errors, [ErrorCode::RebalanceInProgress]);
/// # Ok::<(), kestrel_protocol::EncodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedResponse {
    /// The parts of the frame in order, length included.
    pub chunks: Vec<Chunk>,
    /// Every error code in it, in the order of the frame and without [`ErrorCode::None`].
    pub errors: Vec<ErrorCode>,
}

fn response_frame<R: Request>(response: &R::Response, version: i16, correlation_id: i32) -> Writer {
    encode_frame(|writer| {
        writer.put_i32(correlation_id);
        if has_flexible_response_header(R::KEY, version) {
            writer.put_uvarint(0);
        }
        response.encode(writer, version);
    })
}

/// The correlation id that begins a response frame (without its length).
///
/// # Errors
/// When the frame is shorter than that.
pub fn correlation_id(frame: &Bytes) -> Result<i32, DecodeError> {
    Reader::new(frame.clone()).get_i32("correlation_id")
}

/// Reads a response frame (without its length) to a request `R` of `version`; every byte must belong to it.
///
/// # Errors
/// When the frame is not such a response.
pub fn decode_response<R: Request>(frame: Bytes, version: i16) -> Result<R::Response, DecodeError> {
    let mut reader = Reader::new(frame);
    reader.get_i32("correlation_id")?;
    if has_flexible_response_header(R::KEY, version) {
        reader.get_tagged_fields("ResponseHeader", |_, _| Ok(()))?;
    }
    let response = R::Response::decode(&mut reader, version)?;
    reader.finish(R::Response::NAME)?;
    Ok(response)
}

/// ApiVersions always has the old response header: its reader does not know yet what the broker speaks (KIP-511).
fn has_flexible_response_header(api: ApiKey, version: i16) -> bool {
    api != ApiKey::ApiVersions && api.is_flexible(version)
}

fn encode_frame(content: impl FnOnce(&mut Writer)) -> Writer {
    let mut writer = Writer::with_capacity(TYPICAL_FRAME_BYTES);
    writer.put_u32(0);
    content(&mut writer);
    writer.set_length(0);
    writer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_does_not_print() {
        let header = RequestHeader { api_key: 36, api_version: 0, correlation_id: 1, client_id: None };
        let frame = RequestFrame { header, body: Bytes::from_static(b"\0alice\0hunter2") };
        let printed = format!("{frame:?}");
        assert!(printed.contains("14 bytes") && !printed.contains("hunter2"), "{printed}");
    }
}
