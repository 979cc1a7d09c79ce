//! The numbers in records: zigzag, of variable length.
//!
//! Called by the builders of batches and by [`RecordView`](super::RecordView) for each field of each record. Never allocates
//! beyond the buffer that it appends to.

use crate::error::DecodeError;
use crate::wire::{read_uvarint, read_uvarlong};

/// The most bytes that a number takes.
pub(super) const MAX_BYTES: usize = 10;

/// A number as records have it: zigzag, seven bits to a byte, the lowest first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Varint {
    /// The bits, zigzag.
    raw: u64,
    /// How many bytes it takes.
    pub(super) length: usize,
}

impl Varint {
    #[inline]
    pub(super) fn of(value: i64) -> Self {
        let raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
        let bits = 64 - (raw | 1).leading_zeros() as usize;
        Self { raw, length: bits.div_ceil(7) }
    }

    #[inline]
    pub(super) fn of_length(length: usize) -> Self {
        Self::of(i64::try_from(length).expect("a length in memory is below 2^63"))
    }

    /// The length of a key or value; null is -1.
    #[inline]
    pub(super) fn of_nullable(bytes: Option<&[u8]>) -> Self {
        bytes.map_or_else(|| Self::of(-1), |bytes| Self::of_length(bytes.len()))
    }

    #[inline]
    pub(super) fn append_to(self, buffer: &mut Vec<u8>) {
        match self.length {
            1 => buffer.push(self.byte(0)),
            2 => buffer.extend_from_slice(&[self.byte(0) | 0x80, self.byte(1)]),
            _ => self.append_long_to(buffer),
        }
    }

    /// The seven bits of a byte.
    #[inline]
    const fn byte(self, index: usize) -> u8 {
        (self.raw >> (7 * index)).to_le_bytes()[0] & 0x7f
    }

    fn append_long_to(self, buffer: &mut Vec<u8>) {
        let mut bytes = [0; MAX_BYTES];
        for (index, byte) in bytes.iter_mut().take(self.length).enumerate() {
            let more = if index + 1 < self.length { 0x80 } else { 0 };
            *byte = self.byte(index) | more;
        }
        buffer.extend_from_slice(bytes.get(..self.length).unwrap_or_default());
    }
}

/// Appends a key or a value with its length.
#[inline]
pub(super) fn put_nullable(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    Varint::of_nullable(bytes).append_to(buffer);
    buffer.extend_from_slice(bytes.unwrap_or_default());
}

/// Reads a zigzag variable-length integer of at most 32 bits; gives its value and its length in bytes.
#[inline]
pub(super) fn read_varint(bytes: &[u8], what: &'static str) -> Result<(i32, usize), DecodeError> {
    let (raw, length) = read_uvarint(bytes, what)?;
    Ok(((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed(), length))
}

/// Reads a zigzag variable-length integer of at most 64 bits; gives its value and its length in bytes.
#[inline]
pub(super) fn read_varlong(bytes: &[u8], what: &'static str) -> Result<(i64, usize), DecodeError> {
    let (raw, length) = read_uvarlong(bytes, what)?;
    Ok(((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed(), length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back_whatever_room_there_is(value: i64, shift in 0..64, spare in 0..20_usize) {
            let value = value >> shift;
            let mut buffer = Vec::with_capacity(spare);
            buffer.push(0xff);
            Varint::of(value).append_to(&mut buffer);
            prop_assert_eq!(buffer.len(), 1 + Varint::of(value).length);
            prop_assert_eq!(read_varlong(&buffer[1..], "value"), Ok((value, buffer.len() - 1)));
            if let Ok(value) = i32::try_from(value) {
                prop_assert_eq!(read_varint(&buffer[1..], "value"), Ok((value, buffer.len() - 1)));
            }
        }
    }
}
