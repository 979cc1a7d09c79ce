//! PEM: where its text comes from, and the certificates and keys that are in it.

mod block;
mod files;
mod private_key;
mod source;

pub use files::Files;
pub(super) use files::{Stamp, stamp};
pub use source::PemSource;
pub(super) use source::{from_jks, from_pkcs12};
