//! Reads the primitive types: every claimed length is checked against what is left before anything is allocated.

use bytes::Bytes;
use bytestring::ByteString;

use super::MAX_STRING_BYTES;
use super::varint::read_uvarint;
use crate::error::{DecodeError, DecodeErrorKind};

/// A bounded cursor over one frame. Byte and text fields are slices of the frame, not copies.
///
/// ```
/// use kestrel_protocol::wire::Reader;
/// let mut reader = Reader::new(bytes::Bytes::from_static(&[0, 0, 0, 7, 9]));
/// assert_eq!(reader.get_i32("answer"), Ok(7));
/// assert_eq!(reader.remaining(), 1);
/// assert!(reader.get_i32("answer").is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Reader {
    frame: Bytes,
    position: usize,
}

macro_rules! fixed_width {
    ($($get:ident $ty:ty),+ $(,)?) => {
        impl Reader {
            $(#[doc = concat!("The next big-endian `", stringify!($ty), "`.")]
            #[inline]
            pub fn $get(&mut self, what: &'static str) -> Result<$ty, DecodeError> {
                let rest = self.rest();
                let (bytes, _) = rest
                    .split_first_chunk()
                    .ok_or(DecodeError::new(DecodeErrorKind::Truncated, what))?;
                let value = <$ty>::from_be_bytes(*bytes);
                self.position += size_of::<$ty>();
                Ok(value)
            })+
        }
    };
}

fixed_width!(get_i8 i8, get_i16 i16, get_u16 u16, get_i32 i32, get_u32 u32, get_i64 i64, get_f64 f64);

impl Reader {
    /// A cursor at the start of `frame`.
    #[must_use]
    pub const fn new(frame: Bytes) -> Self {
        Self { frame, position: 0 }
    }

    /// How many bytes have not been read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.frame.len() - self.position
    }

    /// The bytes that were not read, as one slice of the frame.
    #[must_use]
    pub fn into_rest(self) -> Bytes {
        self.frame.slice(self.position..)
    }

    /// Fails unless every byte was read.
    pub fn finish(&self, what: &'static str) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DecodeError::new(DecodeErrorKind::TrailingBytes(left), what)),
        }
    }

    /// The next `length` bytes, as a slice of the frame.
    #[inline]
    pub fn get_slice(&mut self, length: usize, what: &'static str) -> Result<Bytes, DecodeError> {
        if length > self.remaining() {
            return Err(DecodeError::new(DecodeErrorKind::Truncated, what));
        }
        let start = self.position;
        self.position += length;
        Ok(self.frame.slice(start..self.position))
    }

    /// Moves past the next `length` bytes.
    pub fn skip(&mut self, length: usize, what: &'static str) -> Result<(), DecodeError> {
        if length > self.remaining() {
            return Err(DecodeError::new(DecodeErrorKind::Truncated, what));
        }
        self.position += length;
        Ok(())
    }

    /// The next unsigned variable-length integer (KIP-482).
    #[inline]
    pub fn get_uvarint(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        let (value, length) = read_uvarint(self.rest(), what)?;
        self.position += length;
        Ok(value)
    }

    /// The length of the next string, byte run or array: `None` is null.
    ///
    /// `width` is how many bytes the length takes in a version that is not flexible (2 or 4).
    fn get_length(
        &mut self,
        width: LengthWidth,
        flexible: bool,
        what: &'static str,
    ) -> Result<Option<usize>, DecodeError> {
        let claimed = match (flexible, width) {
            (true, _) => i64::from(self.get_uvarint(what)?) - 1,
            (false, LengthWidth::Two) => i64::from(self.get_i16(what)?),
            (false, LengthWidth::Four) => i64::from(self.get_i32(what)?),
        };
        match usize::try_from(claimed) {
            Ok(length) if length <= self.remaining() => Ok(Some(length)),
            Ok(_) => Err(DecodeError::new(DecodeErrorKind::InvalidLength(claimed), what)),
            Err(_) if claimed == -1 => Ok(None),
            Err(_) => Err(DecodeError::new(DecodeErrorKind::InvalidLength(claimed), what)),
        }
    }

    /// The next string, of at most [`MAX_STRING_BYTES`]; `None` is null.
    pub fn get_string(
        &mut self,
        flexible: bool,
        what: &'static str,
    ) -> Result<Option<ByteString>, DecodeError> {
        let Some(length) = self.get_length(LengthWidth::Two, flexible, what)? else { return Ok(None) };
        if length > MAX_STRING_BYTES {
            return Err(DecodeError::new(DecodeErrorKind::TextTooLong(length), what));
        }
        let text = self.get_slice(length, what)?;
        ByteString::try_from(text).map(Some).map_err(|_| DecodeError::new(DecodeErrorKind::InvalidUtf8, what))
    }

    /// The next byte run; `None` is null.
    pub fn get_bytes(&mut self, flexible: bool, what: &'static str) -> Result<Option<Bytes>, DecodeError> {
        match self.get_length(LengthWidth::Four, flexible, what)? {
            Some(length) => self.get_slice(length, what).map(Some),
            None => Ok(None),
        }
    }

    /// The element count of the next array, at most the bytes that are left; `None` is null.
    pub fn get_array_length(
        &mut self,
        flexible: bool,
        what: &'static str,
    ) -> Result<Option<usize>, DecodeError> {
        self.get_length(LengthWidth::Four, flexible, what)
    }

    /// Calls `field` for each tagged field with a reader of its bytes; what `field` leaves unread is skipped.
    pub fn get_tagged_fields(
        &mut self,
        what: &'static str,
        mut field: impl FnMut(u32, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut next_tag = 0u64;
        for _ in 0..self.get_uvarint(what)? {
            let tag = self.get_uvarint(what)?;
            if u64::from(tag) < next_tag {
                return Err(DecodeError::new(DecodeErrorKind::TagOutOfOrder(tag), what));
            }
            next_tag = u64::from(tag) + 1;
            let length = self.get_uvarint(what)?;
            let length =
                usize::try_from(length).map_err(|_| DecodeError::new(DecodeErrorKind::Truncated, what))?;
            field(tag, &mut Self::new(self.get_slice(length, what)?))?;
        }
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        self.frame.get(self.position..).unwrap_or_default()
    }
}

/// How many bytes a length takes where the version is not flexible.
#[derive(Debug, Clone, Copy)]
enum LengthWidth {
    Two,
    Four,
}
