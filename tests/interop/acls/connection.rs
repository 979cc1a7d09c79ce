//! A connection to a broker, as somebody or as a user that logs in by SASL PLAIN.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::sasl_authenticate::SaslAuthenticateRequest;
use kestrel_protocol::messages::sasl_handshake::SaslHandshakeRequest;
use kestrel_protocol::{ErrorCode, Request, decode_response, encode_request};

/// How long a broker may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Connection(TcpStream);

impl Connection {
    /// Connects, as nobody in particular.
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("both brokers run");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        Self(stream)
    }

    /// Connects and logs in.
    pub(crate) fn log_in(address: &str, user: &str, password: &str) -> Self {
        let mut connection = Self::open(address);
        let handshake = SaslHandshakeRequest { mechanism: "PLAIN".into() };
        let shaken = connection.call(&handshake, 1).expect("an answer to the handshake");
        assert_eq!(shaken.error_code, ErrorCode::None, "PLAIN is spoken");
        let token = Bytes::from(format!("\0{user}\0{password}"));
        let login = SaslAuthenticateRequest { auth_bytes: token.into() };
        let logged_in = connection.call(&login, 1).expect("an answer to the login");
        assert_eq!(logged_in.error_code, ErrorCode::None, "{:?}", logged_in.error_message);
        connection
    }

    /// Sends a request and reads its answer.
    pub(crate) fn call<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, Error> {
        let frame = encode_request(request, version, 1, Some("acls".into())).expect("it can be said");
        self.0.write_all(&frame.concat())?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap_or_default()];
        self.0.read_exact(&mut answer)?;
        decode_response::<R>(answer.into(), version)
            .map_err(|error| Error::new(ErrorKind::InvalidData, error))
    }
}
