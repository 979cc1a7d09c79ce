//! The parts of a message that leaves: bytes, and gaps whose bytes are elsewhere.

use bytes::Bytes;

/// A part of a message that leaves.
///
/// ```
/// use kestrel_protocol::wire::{Chunk, Writer};
/// let mut writer = Writer::default();
/// writer.put_i16(1);
/// writer.put_gap(5, true, "records");
/// assert_eq!(writer.len(), 8);
/// assert_eq!(writer.into_chunks().unwrap(), [Chunk::Bytes((&[0, 1, 6][..]).into()), Chunk::Gap(5)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// These bytes.
    Bytes(Bytes),
    /// So many bytes that are not in memory: the sender of the message has them.
    Gap(usize),
}

impl Chunk {
    /// The bytes.
    ///
    /// # Panics
    /// When they are not in memory.
    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Gap(length) => panic!("{length} bytes of the message are not in memory"),
        }
    }
}
