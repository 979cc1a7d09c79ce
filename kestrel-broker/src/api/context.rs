//! A request on its way through the pipeline, what handlers know about it, and what comes back.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use kestrel_protocol::wire::Chunk;
use kestrel_protocol::{
    ApiKey, DecodeError, EncodeError, ErrorCode, RequestFrame, RequestHeader, encode_response_with_gaps,
};

use crate::log::{ByteRun, FileRun};

/// A request as the connection hands it to the pipeline.
#[derive(Debug)]
pub(crate) struct Request {
    /// Header and body.
    pub(crate) frame: RequestFrame,
    /// What handlers may ask about it.
    pub(crate) context: RequestContext,
}

/// One of the listeners of the configuration, by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenerId(pub(crate) usize);

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// Who is at the other end.
    pub(crate) peer: SocketAddr,
    /// The listener that it came by: clients are told the addresses of that one.
    pub(crate) listener: ListenerId,
}

/// What a handler knows about a request beside its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext {
    /// The version in the header, one of those that are served.
    pub(crate) version: i16,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// When it had arrived whole: timeouts count from here.
    pub(crate) received_at: Instant,
}

/// A request by the name of its API and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Described {
    api_key: i16,
    api_version: i16,
}

impl Described {
    /// The request with this header.
    pub(crate) const fn of(header: &RequestHeader) -> Self {
        Self { api_key: header.api_key, api_version: header.api_version }
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ApiKey::from_key(self.api_key) {
            Some(api) => write!(f, "{api} v{}", self.api_version),
            None => write!(f, "API key {} v{}", self.api_key, self.api_version),
        }
    }
}

/// The answer as byte runs of its frame; none when the client wants none (acks=0).
pub(crate) type Answer = Option<Vec<ByteRun>>;

/// A response, and what of it is in files: one run for each part of it that is [elsewhere], in order.
///
/// [elsewhere]: kestrel_protocol::messages::fetch::RecordData::Elsewhere
#[derive(Debug)]
pub(crate) struct Outgoing<R> {
    pub(crate) response: R,
    pub(crate) files: Vec<FileRun>,
}

impl<R> From<R> for Outgoing<R> {
    fn from(response: R) -> Self {
        Self { response, files: Vec::new() }
    }
}

impl<R> Outgoing<R> {
    /// The byte runs of its frame.
    ///
    /// # Errors
    /// When something in it is longer than the protocol can say.
    pub(crate) fn encode<Q: kestrel_protocol::Request<Response = R>>(
        self,
        version: i16,
        correlation_id: i32,
    ) -> Result<Answer, Close> {
        let mut files = self.files.into_iter();
        let chunks = encode_response_with_gaps::<Q>(&self.response, version, correlation_id)
            .map_err(|cause| Close::Unsayable { api: Q::KEY, cause })?;
        let runs = chunks.into_iter().map(|chunk| match chunk {
            Chunk::Bytes(bytes) => ByteRun::Memory(bytes),
            Chunk::Gap(length) => {
                let file = files.next().filter(|file| file.len() == length);
                ByteRun::File(file.expect("each gap has its file"))
            }
        });
        Ok(Some(runs.collect()))
    }
}

/// Why a connection is closed instead of a request being answered, as Apache Kafka does too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Close {
    /// The header names an API that is not served.
    #[error("{}", unserved(*.0))]
    UnknownApi(i16),
    /// The API is served, but not in this version.
    #[error("{api} version {version} is not served")]
    UnsupportedVersion {
        /// The API.
        api: ApiKey,
        /// The version asked for.
        version: i16,
    },
    /// The bytes are not the request that the header promises.
    #[error("malformed request: {0}")]
    Malformed(#[from] DecodeError),
    /// The answer has something in it that is longer than the protocol can say. What requests bring is short enough,
    /// and error messages are cut, so that this is a fault of the broker, which the log names.
    #[error("the answer to {api} cannot be sent: {cause}")]
    Unsayable {
        /// The API.
        api: ApiKey,
        /// What is too long.
        cause: EncodeError,
    },
    /// A request with acks=0 failed: closing is the only way to say so.
    #[error("a Produce request without acknowledgement failed: {0}")]
    Unacknowledged(ErrorCode),
    /// Fault injection asked for it.
    #[error("dropped by fault injection")]
    Fault,
}

/// What is said of a request that is not served.
fn unserved(api_key: i16) -> String {
    let what = match api_key {
        17 | 36 => "SASL is not there yet, so the client needs security.protocol=PLAINTEXT",
        24..=28 | 61 | 65 | 66 => "transactions are not there yet",
        68 | 69 => "the groups of KIP-848 are not there yet, so the client needs group.protocol=classic",
        76..=79 | 90..=92 => "share groups are not there yet",
        88 | 89 => {
            "the groups of Kafka Streams of KIP-1071 are not there yet, so it needs group.protocol=classic"
        }
        29..=31 => "access control lists are not there yet",
        48 | 49 => "client quotas are not there yet",
        50 | 51 => "SCRAM users are not there yet",
        38..=41 => "delegation tokens are not there yet",
        _ => return format!("API key {api_key} is not served"),
    };
    format!("API key {api_key} is not served: {what}")
}

/// An answer that is there, or comes later. What had to happen in request order has happened when this exists.
pub(crate) enum Reply {
    /// Nothing to wait for.
    Now(Option<Result<Answer, Close>>),
    /// The waiting part.
    Later(Pin<Box<dyn Future<Output = Result<Answer, Close>> + Send>>),
}

impl Reply {
    /// An answer that is there.
    pub(crate) fn now(answer: Result<Answer, Close>) -> Self {
        Self::Now(Some(answer))
    }

    /// An answer that comes later.
    pub(crate) fn later(answer: impl Future<Output = Result<Answer, Close>> + Send + 'static) -> Self {
        Self::Later(Box::pin(answer))
    }
}

impl Future for Reply {
    type Output = Result<Answer, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(answer) => {
                Poll::Ready(answer.take().expect("a reply is polled until it is ready, not again"))
            }
            Self::Later(answer) => answer.as_mut().poll(cx),
        }
    }
}
