//! Numbers and runs of bytes as Avro writes them, read and written.
//!
//! The walk over a datum and the reader of values take bytes from a [`Cursor`]. It compares each length with what is left
//! and never allocates.

/// What is left of a datum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'b> {
    rest: &'b [u8],
}

/// Bytes that are not there, or are no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CursorError {
    #[error("{needed} bytes needed, {left} left")]
    Truncated { needed: u64, left: usize },
    #[error("a number of more than 64 bits")]
    NumberTooLong,
}

impl<'b> Cursor<'b> {
    pub(super) fn new(datum: &'b [u8]) -> Self {
        Self { rest: datum }
    }

    pub(super) fn rest(&self) -> &'b [u8] {
        self.rest
    }

    /// A number in groups of 7 bits, least significant first, its sign in the lowest bit.
    pub(super) fn long(&mut self) -> Result<i64, CursorError> {
        let mut zigzag = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let group = u64::from(byte & 0x7f);
            if group << shift >> shift != group {
                break;
            }
            zigzag |= group << shift;
            if byte & 0x80 == 0 {
                return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
            }
        }
        Err(CursorError::NumberTooLong)
    }

    /// The count of items at the begin of a block of an array or map; 0 ends it.
    pub(super) fn block(&mut self) -> Result<u64, CursorError> {
        let count = self.long()?;
        if count < 0 {
            // The size of the block in bytes follows, for readers who want to jump over it.
            self.long()?;
        }
        Ok(count.unsigned_abs())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CursorError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| self.truncated(N as u64))?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn take(&mut self, size: u64) -> Result<&'b [u8], CursorError> {
        let split = usize::try_from(size).ok().and_then(|size| self.rest.split_at_checked(size));
        let (bytes, rest) = split.ok_or_else(|| self.truncated(size))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn truncated(&self, needed: u64) -> CursorError {
        CursorError::Truncated { needed, left: self.rest.len() }
    }
}

/// A number as Avro writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Varint {
    bytes: [u8; Self::MAX_LEN],
    len: usize,
}

impl Varint {
    const MAX_LEN: usize = 10;

    pub(super) fn of(number: i64) -> Self {
        let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
        let mut varint = Self { bytes: [0; Self::MAX_LEN], len: 0 };
        for byte in &mut varint.bytes {
            varint.len += 1;
            let [group, ..] = (zigzag & 0x7f).to_le_bytes();
            zigzag >>= 7;
            if zigzag == 0 {
                *byte = group;
                break;
            }
            *byte = group | 0x80;
        }
        varint
    }

    /// A length or count; one that was read before has no more than 63 bits.
    pub(super) fn count(count: u64) -> Self {
        Self::of(count.cast_signed())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
