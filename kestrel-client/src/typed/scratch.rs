//! Buffers to serialize into, used again and again, so that a record costs no allocation.

use std::borrow::Cow;

use bytes::BytesMut;
use kestrel_protocol::ByteString;
use kestrel_protocol::record::Header;
use kestrel_serde::{AddedHeaders, SerdeContext, SerdeError, Serializer};
use parking_lot::Mutex;

use crate::format_headers::OwnHeaders;

/// How many tasks can serialize at once without an allocation.
const BUFFERS: usize = 8;
/// A buffer that has grown beyond this is given back to the allocator, in bytes.
const KEPT_BYTES: usize = 1024 * 1024;

/// A few buffers shared by the users of one handle.
#[derive(Debug, Default)]
pub(super) struct Scratch([Mutex<Buffers>; BUFFERS]);

impl Scratch {
    /// Calls `work` with empty buffers.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Buffers) -> T) -> T {
        for buffers in &self.0 {
            let Some(mut buffers) = buffers.try_lock() else { continue };
            // What the last value left, or a serializer that panicked.
            buffers.clear();
            let result = work(&mut buffers);
            if buffers.bytes.capacity() > KEPT_BYTES {
                buffers.bytes = BytesMut::new();
            }
            return result;
        }
        work(&mut Buffers::default())
    }
}

/// What the serializers of one record write.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Key and value, one behind the other.
    bytes: BytesMut,
    added: AddedHeaders,
    /// All headers of a record to which serializers have added some.
    headers: Vec<Header>,
}

impl Buffers {
    fn clear(&mut self) {
        self.bytes.clear();
        drop(self.added.drain());
        self.headers.clear();
    }

    /// Appends the bytes of `value`, a part of a record that was given these headers.
    pub(super) fn serialize<T: ?Sized + 'static>(
        &mut self,
        serializer: &dyn Serializer<T>,
        place: SerdeContext<'_>,
        value: &T,
        given: &[Header],
    ) -> Result<(), SerdeError> {
        let given = OwnHeaders(given);
        let mut ctx = place.writing().with_headers(&given).adding_to(std::mem::take(&mut self.added));
        let result = serializer.serialize(&mut ctx, value, &mut self.bytes);
        self.added = ctx.into_added();
        result
    }

    /// The bytes of all parts, and the record's headers: those that it was given and no serializer has taken away, and behind them
    /// those that serializers have added.
    pub(super) fn finish<'a>(&'a mut self, given: &'a [Header]) -> (&'a [u8], &'a [Header]) {
        if self.added.is_empty() {
            return (&self.bytes, given);
        }
        let kept = given.iter().filter(|header| !self.added.removes(&header.key));
        self.headers.extend(kept.cloned());
        self.headers.extend(self.added.drain().map(|(name, value)| {
            let key = match name {
                Cow::Borrowed(name) => ByteString::from_static(name),
                Cow::Owned(name) => name.into(),
            };
            Header { key, value: Some(value) }
        }));
        (&self.bytes, &self.headers)
    }

    /// How many bytes there are by now.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}
