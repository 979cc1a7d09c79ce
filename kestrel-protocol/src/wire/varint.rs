//! Integers of variable length, seven bits to a byte and the lowest first: plain in messages (KIP-482), zigzag in records.

use bytes::{BufMut, BytesMut};

use crate::error::{DecodeError, DecodeErrorKind};

/// The most bytes that a number takes.
pub(crate) const MAX_BYTES: usize = 10;

/// A number as records have it: zigzag, seven bits to a byte, the lowest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Varint {
    /// The bits, zigzag.
    raw: u64,
    /// How many bytes it takes.
    pub(crate) length: usize,
}

impl Varint {
    #[inline]
    pub(crate) fn of(value: i64) -> Self {
        let raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
        let bits = 64 - (raw | 1).leading_zeros() as usize;
        // A seventh, rounded up, of 1 to 64 without a division.
        Self { raw, length: (9 * bits + 64) / 64 }
    }

    #[inline]
    pub(crate) fn of_length(length: usize) -> Self {
        Self::of(i64::try_from(length).expect("a length in memory is below 2^63"))
    }

    /// The length of a key or value; null is -1.
    #[inline]
    pub(crate) fn of_nullable(bytes: Option<&[u8]>) -> Self {
        bytes.map_or_else(|| Self::of(-1), |bytes| Self::of_length(bytes.len()))
    }

    #[inline]
    pub(crate) fn append_to(self, buffer: &mut Vec<u8>) {
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

/// Numbers in a row, gathered so that a buffer takes them at once.
#[derive(Debug)]
pub(crate) struct Varints<const ROOM: usize> {
    bytes: [u8; ROOM],
    length: usize,
}

impl<const ROOM: usize> Varints<ROOM> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; ROOM], length: 0 }
    }

    /// Adds a number, which there is room for.
    #[inline]
    pub(crate) fn push(&mut self, number: Varint) {
        let end = self.length + number.length;
        if let Some([only]) = self.bytes.get_mut(self.length..end) {
            *only = number.byte(0);
        } else if let Some([first, second]) = self.bytes.get_mut(self.length..end) {
            (*first, *second) = (number.byte(0) | 0x80, number.byte(1));
        } else {
            self.push_long(number);
        }
        self.length = end;
    }

    fn push_long(&mut self, number: Varint) {
        let place = self.bytes.iter_mut().skip(self.length).take(number.length);
        for (index, byte) in place.enumerate() {
            let more = if index + 1 < number.length { 0x80 } else { 0 };
            *byte = number.byte(index) | more;
        }
    }

    /// The bytes of all.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Appends a key or a value with its length.
#[inline]
pub(crate) fn put_nullable(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    Varint::of_nullable(bytes).append_to(buffer);
    buffer.extend_from_slice(bytes.unwrap_or_default());
}

/// Reads an unsigned variable-length integer of at most 32 bits; gives its value and how many bytes it took.
#[inline]
pub fn read_uvarint(bytes: &[u8], what: &'static str) -> Result<(u32, usize), DecodeError> {
    let (value, length) = read_uvarlong(bytes, what)?;
    let value = u32::try_from(value).map_err(|_| DecodeError::new(DecodeErrorKind::InvalidVarint, what))?;
    if length > 5 {
        return Err(DecodeError::new(DecodeErrorKind::InvalidVarint, what));
    }
    Ok((value, length))
}

/// Reads an unsigned variable-length integer of at most 64 bits; gives its value and how many bytes it took.
#[inline]
pub fn read_uvarlong(bytes: &[u8], what: &'static str) -> Result<(u64, usize), DecodeError> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        let seven = u64::from(byte & 0x7f);
        // The tenth byte holds the last of 64 bits.
        if index == 9 && seven > 1 {
            return Err(DecodeError::new(DecodeErrorKind::InvalidVarint, what));
        }
        value |= seven << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, index + 1));
        }
    }
    let kind = if bytes.len() < 10 { DecodeErrorKind::Truncated } else { DecodeErrorKind::InvalidVarint };
    Err(DecodeError::new(kind, what))
}

/// Appends an unsigned variable-length integer of 32 bits.
#[inline]
pub fn put_uvarint(buffer: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        buffer.put_u8(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value.to_le_bytes()[0]);
}

/// Reads a zigzag variable-length integer of at most 32 bits; gives its value and its length in bytes.
#[inline]
pub(crate) fn read_varint(bytes: &[u8], what: &'static str) -> Result<(i32, usize), DecodeError> {
    let (raw, length) = read_uvarint(bytes, what)?;
    Ok(((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed(), length))
}

/// Reads a zigzag variable-length integer of at most 64 bits; gives its value and its length in bytes.
#[inline]
pub(crate) fn read_varlong(bytes: &[u8], what: &'static str) -> Result<(i64, usize), DecodeError> {
    let (raw, length) = read_uvarlong(bytes, what)?;
    Ok(((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed(), length))
}

/// The zigzag integer at the front of `bytes` and what follows it, if it takes one byte or two, as nearly all in records do.
#[inline]
pub(crate) fn split_short_varint(bytes: &[u8]) -> Option<(i32, &[u8])> {
    match *bytes {
        [byte, ref rest @ ..] if byte < 0x80 => Some((i32::from(byte >> 1) ^ -i32::from(byte & 1), rest)),
        [low, high, ref rest @ ..] if high < 0x80 => {
            let raw = u16::from(low & 0x7f) | u16::from(high) << 7;
            Some((i32::from(raw >> 1) ^ -i32::from(raw & 1), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn variable_length_integers_come_back(value: u32, shift in 0..32) {
            let value = value >> shift;
            let mut buffer = BytesMut::new();
            put_uvarint(&mut buffer, value);
            prop_assert_eq!(read_uvarint(&buffer, "value"), Ok((value, buffer.len())));
        }

        #[test]
        fn numbers_come_back_whatever_room_there_is(value: i64, shift in 0..64, spare in 0..20_usize) {
            let value = value >> shift;
            let mut buffer = Vec::with_capacity(spare);
            buffer.push(0xff);
            Varint::of(value).append_to(&mut buffer);
            prop_assert_eq!(buffer.len(), 1 + Varint::of(value).length);
            prop_assert_eq!(read_varlong(&buffer[1..], "value"), Ok((value, buffer.len() - 1)));
            if let Some((short, rest)) = split_short_varint(&buffer[1..]) {
                prop_assert_eq!((i64::from(short), rest.len()), (value, 0));
                prop_assert!(buffer.len() <= 3);
            } else {
                prop_assert!(buffer.len() > 3);
            }
            if let Ok(value) = i32::try_from(value) {
                prop_assert_eq!(read_varint(&buffer[1..], "value"), Ok((value, buffer.len() - 1)));
            }
        }
    }

    #[test]
    fn an_integer_that_is_too_long_is_refused() {
        let eleven = [0x80; 11];
        assert!(read_uvarlong(&eleven, "x").is_err());
        assert!(read_uvarint(&[0xff, 0xff, 0xff, 0xff, 0x1f], "x").is_err());
        assert!(read_uvarint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00], "x").is_err());
        assert_eq!(read_uvarint(&[0x80], "x").unwrap_err().kind, DecodeErrorKind::Truncated);
    }
}
