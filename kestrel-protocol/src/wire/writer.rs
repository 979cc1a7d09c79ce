//! Writes the primitive types: small values into one buffer, large byte runs beside it, by reference.

use bytes::{BufMut, Bytes, BytesMut};

use super::chunk::Chunk;
use super::varint::put_uvarint;
use crate::error::{EncodeError, EncodeErrorKind};
use crate::error_code::ErrorCode;

/// Byte runs of at least this size are handed on by reference instead of being copied into the frame.
const SPLICE_THRESHOLD_BYTES: usize = 1024;

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
    /// The parts that are not in `buffer`, with the position in it before which each part goes.
    splices: Vec<(usize, Chunk)>,
    spliced_bytes: usize,
    /// The first thing that the protocol has no room for. What was written is of no use then, and never leaves.
    fault: Option<EncodeError>,
    /// The error codes that were written, other than 0.
    errors: Vec<ErrorCode>,
}

macro_rules! fixed_width {
    ($($put:ident $ty:ty),+ $(,)?) => {
        impl Writer {
            $(#[doc = concat!("Writes a big-endian `", stringify!($ty), "`.")]
            #[inline]
            pub fn $put(&mut self, value: $ty) {
                self.buffer.put_slice(&value.to_be_bytes());
            })+
        }
    };
}

fixed_width!(put_i8 i8, put_i16 i16, put_u16 u16, put_i32 i32, put_u32 u32, put_i64 i64, put_f64 f64);

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
