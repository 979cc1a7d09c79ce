//! Security of connections between Apache Kafka's clients and brokers: SASL exchanges as machines of both sides, TLS, and tokens.
//!
//! Nothing here opens a socket or asks for the time. [`sasl`] turns bytes into bytes; `tls` (feature `tls`) reads certificates and
//! keys and makes of them what rustls wants, with one provider that is given explicitly and never installed for the process.
//! `jwt` (feature `jwt`) validates tokens with the keys of who issues them; `http` (feature `http`) is one exchange over a stream that
//! somebody else has opened.

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "jwt")]
pub mod jwt;
mod protocol;
pub mod sasl;
#[cfg(feature = "tls")]
pub mod tls;

pub use protocol::SecurityProtocol;
