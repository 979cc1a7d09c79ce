//! Apache Kafka's wire protocol: frames, messages at every version, record batches.
//!
//! Pure: no socket, no file, no clock. A byte run becomes a request in three steps, and an answer goes back the same way:
//!
//! ```
//! use bytes::{Buf, BytesMut};
//! use kestrel_protocol::messages::metadata::MetadataRequest;
//! use kestrel_protocol::{FrameDecoder, RequestFrame, encode_request};
//!
//! let mut socket = BytesMut::new();
//! for chunk in encode_request(&MetadataRequest::default(), 12, 1, Some("orders".into()))? {
//!     socket.extend_from_slice(&chunk);
//! }
//!
//! let frame = FrameDecoder::new(1 << 20).decode(&mut socket)?.expect("a whole frame");
//! let request = RequestFrame::parse(frame)?;
//! assert_eq!(request.header.correlation_id, 1);
//! let metadata: MetadataRequest = request.decode()?;
//! assert_eq!(metadata.topics, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api;
pub mod consumer_protocol;
pub mod coordinator_records;
mod error;
mod error_code;
mod frame;
pub mod messages;
pub mod record;
mod request;
mod types;
pub mod wire;

pub use api::{ApiKey, Request};
pub use bytestring::ByteString;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use error_code::{ErrorClass, ErrorCode};
pub use frame::{FrameDecoder, FrameSizeError};
pub use messages::Message;
pub use record::{Compression, Headers, RecordBatch, RecordBatchBuilder, RecordBatches, TimestampType};
pub use request::{
    EncodedResponse, RequestFrame, RequestHeader, correlation_id, decode_response, encode_request,
    encode_response, encode_response_with_gaps,
};
pub use types::{
    LeaderEpoch, NodeId, ParseUuidError, ProducerEpoch, ProducerId, SecretBytes, Timestamp, TopicId, Uuid,
};

// The macros of `message!` call each other from the crate root.
#[cfg(test)]
use messages::sample::__sample;
