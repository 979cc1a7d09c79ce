//! The primitive types of the protocol, read from and written to byte buffers.
//!
//! [`Reader`] checks every claimed length against what is left before anything is allocated. [`Writer`] copies small
//! values into one buffer and keeps large byte runs (record batches) by reference, so that they reach the socket uncopied.
//! A value that the protocol has no room for, a text of 40,000 bytes for one, is an error where the message leaves the writer.

mod chunk;
mod reader;
pub(crate) mod varint;
mod writer;

pub use chunk::Chunk;
pub use reader::Reader;
pub use varint::{put_uvarint, read_uvarint, read_uvarlong};
pub use writer::Writer;

/// The longest text of any version, in bytes: Apache Kafka keeps to it where a longer length could be written, too.
pub const MAX_STRING_BYTES: usize = 32_767;

/// The largest byte run and frame in bytes, and the largest count of an array: what a signed length of 32 bits can say.
pub const MAX_LENGTH: usize = 0x7fff_ffff;

#[cfg(test)]
mod tests;
