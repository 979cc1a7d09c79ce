//! A record as the accumulator takes it: borrowed parts, copied once, into a batch.

use kestrel_protocol::record::{Header, record_size};

use crate::record::Timestamp;

/// The parts of a record, borrowed from whoever sends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordParts<'a> {
    /// `None` leaves the choice to the partitioner.
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Timestamp,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [Header],
}

impl<'a> RecordParts<'a> {
    /// The most that the record can take in a batch.
    #[inline]
    pub(super) fn size_bytes(&self) -> usize {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let header_bytes = self.headers().map(|(key, value)| key.len() + length(value)).sum();
        record_size(length(self.key), length(self.value), self.headers.len(), header_bytes)
    }

    /// The headers as the batch builder takes them.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone + use<'a> {
        self.headers.iter().map(|header| (&*header.key, header.value.as_deref()))
    }
}
