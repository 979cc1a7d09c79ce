//! Typed keys and values over the byte engines.

pub(crate) mod consumer;
