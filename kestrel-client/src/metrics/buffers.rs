//! Buffers: the memory of a client's producers together, since a gauge has one value.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::observer::ProducerBuffer;

/// What each producer has said last of its memory.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<HashMap<u64, Buffer>>);

/// The memory of one producer, or of all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Buffer {
    pub(super) used_bytes: usize,
    pub(super) limit_bytes: usize,
    pub(super) waiting: usize,
}

impl Buffers {
    /// Takes in what a producer says, and calls `tell` with the sum of all: under the lock, so that the last sum is the last told.
    pub(super) fn note(&self, event: &ProducerBuffer, tell: impl FnOnce(Buffer)) {
        let ProducerBuffer { producer, used_bytes, limit_bytes, waiting } = *event;
        let mut buffers = self.0.lock();
        match limit_bytes {
            0 => _ = buffers.remove(&producer),
            _ => _ = buffers.insert(producer, Buffer { used_bytes, limit_bytes, waiting }),
        }
        tell(buffers.values().fold(Buffer::default(), |sum, one| Buffer {
            used_bytes: sum.used_bytes + one.used_bytes,
            limit_bytes: sum.limit_bytes + one.limit_bytes,
            waiting: sum.waiting + one.waiting,
        }));
    }
}
