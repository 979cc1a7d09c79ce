//! Decoded: the keys and values of a batch that was read before it was handed out, to find the records that cannot be.
//!
//! Each is for whoever asks for it first, so that a batch is deserialized once; who asks again has it deserialized again.

use parking_lot::Mutex;

/// The keys and values of a batch's records, in their order.
pub(crate) struct Decoded<K, V>(Vec<Mutex<Parts<K, V>>>);

/// A key and a value, as long as nobody has taken them; `Some(None)` is null.
type Parts<K, V> = (Option<Option<K>>, Option<Option<V>>);

impl<K, V> Decoded<K, V> {
    pub(super) fn with_capacity(records: usize) -> Self {
        Self(Vec::with_capacity(records))
    }

    /// Adds the next record.
    pub(super) fn push(&mut self, key: Option<K>, value: Option<V>) {
        self.0.push(Mutex::new((Some(key), Some(value))));
    }

    /// Adds the next record, which was not read.
    pub(super) fn push_unread(&mut self) {
        self.0.push(Mutex::new((None, None)));
    }

    /// The key of the record at `index`, the first time.
    pub(super) fn take_key(&self, index: usize) -> Option<Option<K>> {
        self.0.get(index)?.lock().0.take()
    }

    /// The value of the record at `index`, the first time.
    pub(super) fn take_value(&self, index: usize) -> Option<Option<V>> {
        self.0.get(index)?.lock().1.take()
    }
}
