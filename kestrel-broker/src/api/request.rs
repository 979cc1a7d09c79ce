//! A request as `net/` hands it to the pipeline, and the name that log lines give it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use bytestring::ByteString;
use kestrel_protocol::{ApiKey, RequestFrame, RequestHeader, SecretBytes};

/// A request as it came in: nothing is known yet of what it is, or of whether its sender may send it.
#[derive(Debug)]
pub(crate) struct Request {
    /// What came.
    pub(crate) content: Content,
    /// The length of the frame, with the four bytes that say it.
    pub(crate) size_bytes: usize,
    /// The connection that it came on.
    pub(crate) origin: Origin,
    /// From how many bytes on the transport wants records left in their file.
    pub(crate) file_run_min_bytes: usize,
    /// `client.id` of its header, not as a slice of the frame; empty when there is none.
    pub(crate) client_id: ByteString,
    /// When it had arrived whole: timeouts count from here.
    pub(crate) received_at: Instant,
}

/// What is in a frame, as the pipeline's intake says.
#[derive(Debug)]
pub(crate) enum Content {
    /// A request: header and body.
    Request(RequestFrame),
    /// A token of SASL alone.
    Token(SecretBytes),
}

/// A listener of the configuration, by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenerId(pub(crate) usize);

/// The origin of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The address of the other end.
    pub(crate) peer: SocketAddr,
    /// The listener that it came by: clients are told the addresses of that one.
    pub(crate) listener: ListenerId,
}

/// The name of a request in log lines: its API and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RequestName {
    api_key: i16,
    api_version: i16,
}

impl RequestName {
    /// The name of what comes without a header, in place of requests of this API.
    pub(crate) const fn of_api(api: ApiKey) -> Self {
        Self { api_key: api.key(), api_version: 0 }
    }

    /// The name of the request with this header.
    pub(crate) const fn of(header: &RequestHeader) -> Self {
        Self { api_key: header.api_key, api_version: header.api_version }
    }
}

impl fmt::Display for RequestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ApiKey::from_key(self.api_key) {
            Some(api) => write!(f, "{api} v{}", self.api_version),
            None => write!(f, "API key {} v{}", self.api_key, self.api_version),
        }
    }
}
