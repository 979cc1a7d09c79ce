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
        Self::new(zigzag(value))
    }

    #[inline]
    const fn new(raw: u64) -> Self {
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

    #[cold]
    #[inline(never)]
    fn append_long_to(self, buffer: &mut Vec<u8>) {
        let mut bytes = [0; MAX_BYTES];
        for (index, byte) in bytes.iter_mut().take(self.length).enumerate() {
            let more = if index + 1 < self.length { 0x80 } else { 0 };
            *byte = self.byte(index) | more;
        }
        buffer.extend_from_slice(bytes.get(..self.length).unwrap_or_default());
    }
}

/// A number with its sign in the lowest bit, so that small ones of either sign are short.
#[inline]
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Numbers in a row, gathered so that a buffer takes them at once, with room in front for one more.
#[derive(Debug)]
pub(crate) struct Varints {
    bytes: [u8; Self::ROOM_BYTES],
    end: usize,
}

impl Varints {
    /// Five of any length, and the one in front.
    const ROOM_BYTES: usize = 6 * MAX_BYTES;

    #[inline]
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; Self::ROOM_BYTES], end: MAX_BYTES }
    }

    /// Adds a number, which there is room for.
    #[inline]
    pub(crate) fn push(&mut self, value: i64) {
        let raw = zigzag(value);
        if raw < 0x4000
            && let Some([first, second]) = self.bytes.get_mut(self.end..self.end + 2)
        {
            // Without a branch for the length: of one byte, the second is written over by what comes next.
            let is_long = u8::from(raw >= 0x80);
            *first = raw.to_le_bytes()[0] | is_long << 7;
            *second = (raw >> 7).to_le_bytes()[0];
            self.end += 1 + usize::from(is_long);
        } else {
            let number = Varint::new(raw);
            self.put(self.end, number);
            self.end += number.length;
        }
    }

    /// How many bytes the numbers take.
    #[inline]
    pub(crate) const fn length(&self) -> usize {
        self.end - MAX_BYTES
    }

    /// The bytes of all, and before them those of `front`.
    #[inline]
    pub(crate) fn behind(&mut self, front: Varint) -> &[u8] {
        let start = MAX_BYTES - front.length;
        match self.bytes.get_mut(start..MAX_BYTES) {
            Some([only]) => *only = front.byte(0),
            Some([first, second]) => (*first, *second) = (front.byte(0) | 0x80, front.byte(1)),
            _ => self.put(start, front),
        }
        self.bytes.get(start..self.end).unwrap_or_default()
    }

    /// Writes a number of any length. Out of line: nearly all are short.
    #[cold]
    #[inline(never)]
    fn put(&mut self, start: usize, number: Varint) {
        let place = self.bytes.iter_mut().skip(start).take(number.length);
        for (index, byte) in place.enumerate() {
            let more = if index + 1 < number.length { 0x80 } else { 0 };
            *byte = number.byte(index) | more;
        }
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

    proptest! {
        #[test]
        fn numbers_in_a_row_come_back_in_order(
            values in prop::collection::vec((any::<i64>(), 0..64_u32), 0..=5),
            (front, shift) in (any::<i64>(), 0..64_u32),
        ) {
            let mut row = Varints::new();
            let values: Vec<i64> = values.into_iter().map(|(value, shift)| value >> shift).collect();
            values.iter().for_each(|value| row.push(*value));
            let length = row.length();
            let mut bytes = row.behind(Varint::of(front >> shift));
            prop_assert_eq!(bytes.len(), length + Varint::of(front >> shift).length);
            for value in [front >> shift].into_iter().chain(values) {
                let (read, length) = read_varlong(bytes, "value").unwrap();
                prop_assert_eq!(read, value);
                bytes = &bytes[length..];
            }
            prop_assert!(bytes.is_empty());
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
