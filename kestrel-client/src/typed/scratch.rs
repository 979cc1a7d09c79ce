//! Buffers to serialize into, used again and again, so that a record costs no allocation.

use bytes::BytesMut;
use parking_lot::Mutex;

/// How many tasks can serialize at once without an allocation.
const BUFFERS: usize = 8;
/// A buffer that has grown beyond this is given back to the allocator, in bytes.
const KEPT_BYTES: usize = 1024 * 1024;

/// A few buffers shared by the users of one handle.
#[derive(Debug, Default)]
pub(super) struct Scratch([Mutex<BytesMut>; BUFFERS]);

impl Scratch {
    /// Calls `work` with an empty buffer.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut BytesMut) -> T) -> T {
        for buffer in &self.0 {
            let Some(mut buffer) = buffer.try_lock() else { continue };
            // What the last value left, or a serializer that panicked.
            buffer.clear();
            let result = work(&mut buffer);
            if buffer.capacity() > KEPT_BYTES {
                *buffer = BytesMut::new();
            }
            return result;
        }
        work(&mut BytesMut::new())
    }
}
