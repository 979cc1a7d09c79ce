//! One request of HTTP/1.1 and its answer, for what an issuer of tokens serves: token endpoints and key sets.
//!
//! The stream is opened, encrypted and given a time limit by whoever asks; nothing here knows a socket or a clock. Redirections are
//! not followed: a list of allowed addresses would say nothing otherwise.

mod address;
mod exchange;

pub use address::{HttpAddress, InvalidAddress};
pub use exchange::{HttpError, exchange};
/// The crates of HTTP that requests are made with.
pub use {http_body_util, hyper};
