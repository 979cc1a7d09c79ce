//! One of the two brokers: a new connection for each request, so that none suffers from the one before.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::api_versions::{ApiVersion, ApiVersionsRequest};
use kestrel_protocol::{ApiKey, Request, TopicId, decode_response, encode_request};

/// How long a broker may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug)]
pub(crate) enum Outcome<R> {
    /// An answer.
    Answer(R),
    /// The end of the connection.
    Closed,
    /// Nothing, for as long as was waited.
    Silence,
}

/// One of the two brokers.
pub(crate) struct Side {
    address: String,
    served: Vec<ApiVersion>,
    /// The id of the topic that both have.
    pub(crate) topic_id: TopicId,
}

impl Side {
    pub(crate) fn new(address: String) -> Self {
        let mut side = Self { address, served: Vec::new(), topic_id: TopicId::NIL };
        side.served = side.call(&ApiVersionsRequest::default(), 0).api_keys;
        side
    }

    /// Whether the broker says that it speaks a version of an API.
    pub(crate) fn speaks(&self, api: ApiKey, version: i16) -> bool {
        self.served.iter().any(|served| served.api_key == api.key() && versions(served).contains(&version))
    }

    /// Sends a request that has to be answered.
    pub(crate) fn call<R: Request>(&self, request: &R, version: i16) -> R::Response {
        match self.try_call(request, version) {
            Outcome::Answer(response) => response,
            other => panic!("{} v{version} to {}: {other:?}", R::KEY, self.address),
        }
    }

    /// Sends a request.
    pub(crate) fn try_call<R: Request>(&self, request: &R, version: i16) -> Outcome<R::Response> {
        let frame = encode_request(request, version, 1, Some("odd".into())).expect("odd, and still sayable");
        let mut stream = TcpStream::connect(&self.address).expect("both brokers run");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        match exchange(&mut stream, &frame.concat()) {
            Ok(answer) => Outcome::Answer(
                decode_response::<R>(answer, version).expect("an answer of the request's kind and version"),
            ),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Outcome::Silence,
            Err(_) => Outcome::Closed,
        }
    }
}

fn versions(served: &ApiVersion) -> RangeInclusive<i16> {
    served.min_version..=served.max_version
}

fn exchange(stream: &mut TcpStream, frame: &[u8]) -> std::io::Result<Bytes> {
    stream.write_all(frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap_or_default()];
    stream.read_exact(&mut answer)?;
    Ok(answer.into())
}
