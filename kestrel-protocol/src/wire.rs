//! The primitive types of the protocol, read from and written to byte buffers.
//!
//! [`Reader`] checks every claimed length against what is left before anything is allocated. [`Writer`] copies small
//! values into one buffer and keeps large byte runs (record batches) by reference, so that they reach the socket uncopied.
//! What the protocol has no room for, a text of 40,000 bytes for one, is an error where the message leaves the writer.

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
use crate::error_code::ErrorCode;

/// Byte runs of at least this size are handed on by reference instead of being copied into the frame.
const SPLICE_THRESHOLD_BYTES: usize = 1024;

/// The longest text of any version, in bytes: Apache Kafka keeps to it where a longer length could be written, too.
pub const MAX_STRING_BYTES: usize = 32_767;

/// The largest byte run and frame in bytes, and the largest count of an array: what a signed length of 32 bits can say.
pub const MAX_LENGTH: usize = 0x7fff_ffff;

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
    ($($get:ident $put:ident $ty:ty),+ $(,)?) => {
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
        impl Writer {
            $(#[doc = concat!("Writes a big-endian `", stringify!($ty), "`.")]
            #[inline]
            pub fn $put(&mut self, value: $ty) {
                self.buffer.put_slice(&value.to_be_bytes());
            })+
        }
    };
}

fixed_width!(get_i8 put_i8 i8, get_i16 put_i16 i16, get_u16 put_u16 u16, get_i32 put_i32 i32,
    get_u32 put_u32 u32, get_i64 put_i64 i64, get_f64 put_f64 f64);

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

    /// What has not been read, as one slice of the frame.
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

/// Builds one message: small values are copied, large byte runs are spliced in by reference.
///
/// ```
/// use kestrel_protocol::wire::Writer;
/// let mut writer = Writer::default();
/// writer.put_i16(1);
/// writer.put_string(Some("abc"), true, "name");
/// assert_eq!(writer.into_bytes().unwrap().as_ref(), b"\x00\x01\x04abc");
///
/// let mut writer = Writer::default();
/// writer.put_string(Some(&"a".repeat(40_000)), true, "name");
/// let error = writer.into_bytes().unwrap_err();
/// assert_eq!(error.to_string(), "name: 40000 bytes of text, and the protocol has room for 32767");
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    buffer: BytesMut,
    /// What is not in `buffer`, with the position in it before which each part goes.
    splices: Vec<(usize, Chunk)>,
    spliced_bytes: usize,
    /// The first thing that the protocol has no room for. What was written is of no use then, and never leaves.
    fault: Option<EncodeError>,
    /// The error codes that were written, other than 0.
    errors: Vec<ErrorCode>,
}

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
    /// So many bytes that are not in memory: whoever sends the message has them.
    Gap(usize),
}

impl Chunk {
    /// The bytes.
    ///
    /// # Panics
    /// When they are not in memory.
    fn into_bytes(self) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Gap(length) => panic!("{length} bytes of the message are not in memory"),
        }
    }
}

impl Writer {
    /// A writer whose buffer holds `capacity` bytes before it grows.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buffer: BytesMut::with_capacity(capacity), ..Self::default() }
    }

    /// How many bytes were written, spliced ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len() + self.spliced_bytes
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes bytes as they are, without a length.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// Writes an unsigned variable-length integer (KIP-482).
    #[inline]
    pub fn put_uvarint(&mut self, value: u32) {
        put_uvarint(&mut self.buffer, value);
    }

    /// Writes a string with its length; `None` is null. `what` names it in the error when it is too long.
    pub fn put_string(&mut self, text: Option<&str>, flexible: bool, what: &'static str) {
        let Some(text) = text else {
            return if flexible { self.put_uvarint(0) } else { self.put_i16(-1) };
        };
        match i16::try_from(text.len()) {
            Ok(length) if flexible => self.put_uvarint(u32::from(length.unsigned_abs()) + 1),
            Ok(length) => self.put_i16(length),
            Err(_) => return self.fail(EncodeErrorKind::TextTooLong(text.len()), what),
        }
        self.buffer.put_slice(text.as_bytes());
    }

    /// Writes a byte run with its length; `None` is null. A large run is kept by reference.
    pub fn put_bytes(&mut self, bytes: Option<&Bytes>, flexible: bool, what: &'static str) {
        let Some(bytes) = bytes else { return self.put_array_length(None, flexible, what) };
        self.put_array_length(Some(bytes.len()), flexible, what);
        self.put_shared(bytes);
    }

    /// Writes the length of a byte run and leaves the run itself out.
    pub fn put_gap(&mut self, length: usize, flexible: bool, what: &'static str) {
        self.put_array_length(Some(length), flexible, what);
        self.splice(length, Chunk::Gap(length));
    }

    /// Writes the element count of an array; `None` is null.
    pub fn put_array_length(&mut self, count: Option<usize>, flexible: bool, what: &'static str) {
        match (count, flexible) {
            (None, true) => self.put_uvarint(0),
            (None, false) => self.put_i32(-1),
            (Some(count), true) => {
                let count = self.length(count, what);
                self.put_uvarint(count + 1);
            }
            (Some(count), false) => {
                let count = self.length(count, what);
                self.put_u32(count);
            }
        }
    }

    /// Writes a tagged field whose content is in `field`.
    pub fn put_tagged_field(&mut self, tag: u32, mut field: Self, what: &'static str) {
        self.put_uvarint(tag);
        let length = self.length(field.len(), what);
        self.put_uvarint(length);
        self.fault = self.fault.or(field.fault);
        self.errors.append(&mut field.errors);
        for chunk in field.chunks() {
            match chunk {
                Chunk::Bytes(bytes) => self.put_shared(&bytes),
                Chunk::Gap(length) => self.splice(length, Chunk::Gap(length)),
            }
        }
    }

    /// Notes that the message cannot be said, unless something was wrong before.
    fn fail(&mut self, kind: EncodeErrorKind, what: &'static str) {
        self.fault.get_or_insert_with(|| EncodeError::new(kind, what));
    }

    /// A length as the protocol writes it.
    fn length(&mut self, length: usize, what: &'static str) -> u32 {
        i32::try_from(length).map_or_else(
            |_| {
                self.fail(EncodeErrorKind::TooLarge(length), what);
                0
            },
            i32::unsigned_abs,
        )
    }

    /// Writes the length of what follows `position` over the four bytes there: how a frame's length gets in front of it.
    pub(crate) fn set_length(&mut self, position: usize) {
        let length = self.len().saturating_sub(position + 4);
        let length = self.length(length, "frame");
        if let Some(target) = self.buffer.get_mut(position..position + 4) {
            target.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// The message as byte runs in order: what goes to a vectored write.
    ///
    /// # Errors
    /// When something in it is longer than the protocol can say.
    ///
    /// # Panics
    /// When it has gaps.
    pub fn into_byte_runs(self) -> Result<Vec<Bytes>, EncodeError> {
        Ok(self.into_chunks()?.into_iter().map(Chunk::into_bytes).collect())
    }

    /// Writes an error code, and remembers it unless it is [`ErrorCode::None`].
    pub(crate) fn put_error_code(&mut self, code: ErrorCode) {
        self.put_i16(code.code());
        if !code.is_none() {
            self.errors.push(code);
        }
    }

    /// Takes the error codes that were remembered, in order.
    pub(crate) fn take_errors(&mut self) -> Vec<ErrorCode> {
        std::mem::take(&mut self.errors)
    }

    /// The message as byte runs and gaps in order.
    ///
    /// # Errors
    /// When something in it is longer than the protocol can say.
    pub fn into_chunks(self) -> Result<Vec<Chunk>, EncodeError> {
        match self.fault {
            None => Ok(self.chunks()),
            Some(fault) => Err(fault),
        }
    }

    fn chunks(self) -> Vec<Chunk> {
        let mut buffer = self.buffer.freeze();
        let mut chunks = Vec::with_capacity(2 * self.splices.len() + 1);
        let mut taken = 0;
        for (position, splice) in self.splices {
            if position > taken {
                chunks.push(Chunk::Bytes(buffer.split_to(position - taken)));
                taken = position;
            }
            chunks.push(splice);
        }
        if !buffer.is_empty() {
            chunks.push(Chunk::Bytes(buffer));
        }
        chunks
    }

    /// The message as one byte run; copies when large runs were spliced in.
    ///
    /// # Errors
    /// When something in it is longer than the protocol can say.
    ///
    /// # Panics
    /// When it has gaps.
    pub fn into_bytes(self) -> Result<Bytes, EncodeError> {
        if self.splices.is_empty() && self.fault.is_none() {
            return Ok(self.buffer.freeze());
        }
        let mut whole = BytesMut::with_capacity(self.len());
        for bytes in self.into_byte_runs()? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }

    fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SPLICE_THRESHOLD_BYTES {
            self.buffer.put_slice(bytes);
        } else {
            self.splice(bytes.len(), Chunk::Bytes(bytes.clone()));
        }
    }

    fn splice(&mut self, length: usize, chunk: Chunk) {
        self.spliced_bytes += length;
        self.splices.push((self.buffer.len(), chunk));
    }
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
        fn chunks_are_the_message_in_order(lengths in prop::collection::vec(0usize..3000, 0..8)) {
            let runs: Vec<Bytes> = lengths.iter().map(|&length| vec![7; length].into()).collect();
            let write = || {
                let mut writer = Writer::default();
                for run in &runs {
                    writer.put_i8(1);
                    writer.put_bytes(Some(run), false, "run");
                }
                writer
            };
            let expected: Vec<u8> = runs
                .iter()
                .flat_map(|run| [&[1][..], &u32::try_from(run.len()).unwrap().to_be_bytes(), run].concat())
                .collect();
            prop_assert_eq!(write().len(), expected.len());
            prop_assert_eq!(write().into_byte_runs().unwrap().concat(), expected.clone());
            prop_assert_eq!(write().into_bytes().unwrap(), expected);
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

    #[test]
    fn a_length_beyond_the_frame_is_refused() {
        for bytes in [&[0x7f, 0xff, 0xff, 0xff][..], &[0xff, 0xff, 0xff, 0xfe], &[0, 0, 0, 1]] {
            let error = Reader::new(Bytes::copy_from_slice(bytes)).get_bytes(false, "x").unwrap_err();
            assert!(matches!(error.kind, DecodeErrorKind::InvalidLength(_)), "{error}");
        }
    }

    #[test]
    fn a_text_above_the_limit_is_refused_on_both_ways() {
        let longest = "a".repeat(MAX_STRING_BYTES);
        let longer = format!("{longest}a");
        for flexible in [false, true] {
            let write = |text: &str| {
                let mut writer = Writer::default();
                writer.put_string(Some(text), flexible, "x");
                writer.put_i8(1);
                writer.into_bytes()
            };
            let mut reader = Reader::new(write(&longest).unwrap());
            assert_eq!(reader.get_string(flexible, "x").unwrap().as_deref(), Some(&*longest));
            let error = EncodeError::new(EncodeErrorKind::TextTooLong(MAX_STRING_BYTES + 1), "x");
            assert_eq!(write(&longer), Err(error));
        }
        let mut frame = BytesMut::new();
        put_uvarint(&mut frame, 32_769);
        frame.put_slice(longer.as_bytes());
        let error = Reader::new(frame.freeze()).get_string(true, "x").unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::TextTooLong(MAX_STRING_BYTES + 1));
    }

    #[test]
    fn a_length_above_the_limit_is_refused() {
        for count in [MAX_LENGTH + 1, usize::MAX] {
            for flexible in [false, true] {
                let mut writer = Writer::default();
                writer.put_array_length(Some(count), flexible, "x");
                let error = EncodeError::new(EncodeErrorKind::TooLarge(count), "x");
                assert_eq!(writer.into_chunks(), Err(error));
            }
        }
        let mut inner = Writer::default();
        inner.put_gap(MAX_LENGTH, true, "x");
        inner.put_i8(0);
        let mut writer = Writer::default();
        writer.put_tagged_field(0, inner, "tagged");
        let error = writer.into_chunks().unwrap_err();
        assert_eq!(error.what, "tagged");
    }

    #[test]
    fn tagged_fields_must_ascend() {
        let read = |bytes: &'static [u8]| {
            let mut seen = Vec::new();
            let mut reader = Reader::new(Bytes::from_static(bytes));
            reader.get_tagged_fields("x", |tag, field| {
                seen.push((tag, field.remaining()));
                Ok(())
            })?;
            Ok(seen)
        };
        assert_eq!(read(&[2, 0, 1, 9, 5, 0]), Ok(vec![(0, 1), (5, 0)]));
        for wrong in [&[2, 5, 0, 5, 0][..], &[2, 5, 0, 4, 0]] {
            let kind = read(wrong).map_err(|e: DecodeError| e.kind);
            assert!(matches!(kind, Err(DecodeErrorKind::TagOutOfOrder(_))));
        }
    }
}
