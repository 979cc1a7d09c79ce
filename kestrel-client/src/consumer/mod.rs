//! Under construction.

mod aborted;
mod completed_fetch;
mod engine;
mod error;
mod fetch_buffer;
mod fetch_session;
mod fetcher;
mod offsets;
mod partition;
mod subscription;

pub use error::{DeserializeError, PositionError, PositionProblem};
