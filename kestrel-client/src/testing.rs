//! Consumers and batches that are made of records, for unit tests of code that consumes. No broker, no network, no waiting.
//!
//! For tests through a broker there is `kestrel-broker`, which starts inside a test in milliseconds.

pub use crate::consumer::{RecordedConsumerBuilder, RecordedGroup, from_records};
