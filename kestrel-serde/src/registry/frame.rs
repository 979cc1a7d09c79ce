//! Frame: where a record says which schema it was written in, in the three forms that Confluent's serializers write.
//!
//! ```text
//!   id prefix      0x00  id, 4 bytes big-endian   [message indexes]  payload
//!   GUID prefix    0x01  GUID, 16 bytes           [message indexes]  payload
//!   header         __key_schema_id or __value_schema_id = 0x01 GUID [message indexes];  the bytes are the payload alone
//! ```
//!
//! The head is everything of it but the payload. All records of one schema have the same head, so that it is what plans are found
//! by: reading a record decodes no more of it than its length. A header has nothing behind the head.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use kestrel_schema::Guid;

use super::message_indexes::{self, InvalidIndexes};
use crate::{DeserializeContext, Part, SerializeContext};

const ID: u8 = 0;
const GUID: u8 = 1;

/// How a record says which schema it was written in. Reading takes all three.
///
/// ```
/// use kestrel_serde::registry::WireForm;
///
/// assert_eq!(WireForm::default(), WireForm::IdPrefix);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum WireForm {
    /// Five bytes before the payload: zero and the schema's id. Every client of every registry reads it.
    #[default]
    IdPrefix,
    /// Seventeen bytes before the payload: one and the schema's GUID.
    GuidPrefix,
    /// One and the schema's GUID in a header of the record, `__key_schema_id` or `__value_schema_id`. The payload is bare, so
    /// that programs without a registry read it too.
    Header,
}

/// What a record names the schema by that it was written in.
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::SerdeContext;
/// use kestrel_serde::registry::SchemaKey;
///
/// let ctx = SerdeContext::value("orders").reading();
/// assert_eq!(SchemaKey::of(&ctx, &Bytes::from_static(&[0, 0, 0, 0, 7, 42]))?, SchemaKey::Id(7));
/// assert!(SchemaKey::of(&ctx, &Bytes::from_static(b"{}")).is_err());
/// # Ok::<(), kestrel_serde::registry::InvalidFrame>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaKey {
    /// The number that one registry has for it.
    Id(i32),
    /// The identity that every registry has for it.
    Guid(Guid),
}

impl SchemaKey {
    /// The schema that the record says it was written in: the last header of that name counts, then what is before the payload.
    ///
    /// # Errors
    /// When it says nothing of a schema.
    pub fn of(ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<Self, InvalidFrame> {
        let frame = Frame::find(ctx, bytes)?;
        Ok(frame.key)
    }
}

impl fmt::Display for SchemaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id {id}"),
            Self::Guid(guid) => write!(f, "GUID {guid}"),
        }
    }
}

/// The reason why the bytes of a record say nothing of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidFrame(Problem);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error(
        "no schema's id: expected 0 or 1 in the first byte, found {0:#04x}: was it written without a schema registry?"
    )]
    Magic(u8),
    #[error("no schema's id: the header {0} begins with {1:#04x} where 0 or 1 is expected")]
    HeaderMagic(&'static str, u8),
    #[error("no schema's id: {0} bytes are too few: was it written without a schema registry?")]
    Short(usize),
    #[error("no schema's id: the header {0} has {1} bytes")]
    HeaderLength(&'static str, usize),
    #[error("no schema's id: the header {0} has {1} bytes more than that")]
    HeaderTrailing(&'static str, usize),
    #[error("the path to the message: {0}")]
    Indexes(InvalidIndexes),
}

/// A record's part, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    key: SchemaKey,
    /// What begins with the head: the bytes of the part, or a header.
    whole: &'a [u8],
    is_header: bool,
    /// Where the path to the message begins.
    indexes_at: usize,
    /// How much of it says which schema it is, and which message of it.
    head_length: usize,
}

impl<'a> Frame<'a> {
    /// Takes a part of a record apart that may have message indexes.
    pub(super) fn read(
        ctx: &DeserializeContext<'a>,
        bytes: &'a Bytes,
        has_indexes: bool,
    ) -> Result<Self, InvalidFrame> {
        let mut frame = Self::find(ctx, bytes)?;
        if has_indexes {
            let indexes = frame.whole.get(frame.indexes_at..).unwrap_or_default();
            let length = message_indexes::length(indexes);
            frame.head_length += length.map_err(|error| InvalidFrame(Problem::Indexes(error)))?;
        }
        match frame.whole.len() - frame.head_length {
            trailing @ 1.. if frame.is_header => {
                Err(InvalidFrame(Problem::HeaderTrailing(header_name(ctx.part), trailing)))
            }
            _ => Ok(frame),
        }
    }

    fn find(ctx: &DeserializeContext<'a>, bytes: &'a Bytes) -> Result<Self, InvalidFrame> {
        let name = header_name(ctx.part);
        let header = ctx.header(name);
        let (whole, is_header) = (header.unwrap_or(&**bytes), header.is_some());
        let (key, length) = key_in(whole).map_err(|magic| {
            InvalidFrame(match magic {
                Some(magic) if is_header => Problem::HeaderMagic(name, magic),
                Some(magic) => Problem::Magic(magic),
                None if is_header => Problem::HeaderLength(name, whole.len()),
                None => Problem::Short(whole.len()),
            })
        })?;
        Ok(Self { key, whole, is_header, indexes_at: length, head_length: length })
    }

    pub(super) const fn key(&self) -> SchemaKey {
        self.key
    }

    pub(super) fn head(&self) -> &'a [u8] {
        self.whole.get(..self.head_length).unwrap_or_default()
    }

    /// The path to the message, of a frame that was read as one that has it.
    pub(super) fn message(&self) -> Vec<i32> {
        message_indexes::decode(self.head().get(self.indexes_at..).unwrap_or_default())
    }

    /// The payload of the bytes that it was read from.
    pub(super) fn payload(&self, bytes: &Bytes) -> Bytes {
        if self.is_header { bytes.clone() } else { bytes.slice(self.head_length..) }
    }
}

/// The key at the begin of `bytes`, and its length; the first byte if it is none of ours, nothing if there are too few.
fn key_in(bytes: &[u8]) -> Result<(SchemaKey, usize), Option<u8>> {
    let (magic, rest) = bytes.split_first().ok_or(None)?;
    match *magic {
        ID => {
            let id = rest.first_chunk().ok_or(None)?;
            Ok((SchemaKey::Id(i32::from_be_bytes(*id)), 1 + 4))
        }
        GUID => {
            let guid = rest.first_chunk().ok_or(None)?;
            Ok((SchemaKey::Guid(Guid::from_bytes(*guid)), 1 + 16))
        }
        other => Err(Some(other)),
    }
}

/// The head of all records that are written in one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    bytes: Bytes,
    is_header: bool,
}

impl Head {
    /// Made of the schema's key and the path to the message, if the format has one.
    pub(super) fn new(form: WireForm, key: SchemaKey, message: Option<&[i32]>) -> Self {
        let mut bytes = BytesMut::new();
        match key {
            SchemaKey::Id(id) => {
                bytes.put_u8(ID);
                bytes.put_i32(id);
            }
            SchemaKey::Guid(guid) => {
                bytes.put_u8(GUID);
                bytes.put_slice(guid.as_bytes());
            }
        }
        if let Some(message) = message {
            message_indexes::encode(message, &mut bytes);
        }
        Self { bytes: bytes.freeze(), is_header: form == WireForm::Header }
    }

    /// Puts it where its form wants it. A record that is passed on may have a header that says where it came from: readers look
    /// there first, so that it goes unless it says the same.
    pub(super) fn put(&self, ctx: &mut SerializeContext<'_>, out: &mut BytesMut) {
        let name = header_name(ctx.part);
        let is_there = match ctx.header(name) {
            Some(header) if self.is_header && *header == *self.bytes => true,
            Some(_) => {
                ctx.remove_header(name);
                false
            }
            None => false,
        };
        if !self.is_header {
            out.put_slice(&self.bytes);
        } else if !is_there {
            ctx.add_header(name, self.bytes.clone());
        }
    }
}

const fn header_name(part: Part) -> &'static str {
    match part {
        Part::Key => "__key_schema_id",
        Part::Value => "__value_schema_id",
    }
}

#[cfg(test)]
mod tests;
