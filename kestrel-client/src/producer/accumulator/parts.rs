//! A record as the accumulator takes it: borrowed parts, copied once, into a batch.

use kestrel_protocol::record::{Header, record_size};

use crate::record::Timestamp;
use crate::trace_context::TraceHeaders;

/// The parts of a record, borrowed from whoever sends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordParts<'a> {
    /// `None` leaves the choice to the partitioner.
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Timestamp,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [Header],
    /// The headers that say which trace its sender is in, in the place of those that it has of their names.
    pub(crate) trace: Option<&'a TraceHeaders>,
}

impl<'a> RecordParts<'a> {
    /// The most that the record can take in a batch.
    #[inline]
    pub(super) fn size_bytes(&self) -> usize {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let header_bytes = self.headers().map(|(key, value)| key.len() + length(value)).sum();
        let header_count = self.headers.len() + self.trace.map_or(0, |_| TraceHeaders::MOST);
        record_size(length(self.key), length(self.value), header_count, header_bytes)
    }

    /// The headers as the batch builder takes them.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone + use<'a> {
        let trace = self.trace;
        let stays = move |header: &&Header| trace.is_none() || !TraceHeaders::replace(&header.key);
        let own = self.headers.iter().filter(stays).map(|header| (&*header.key, header.value.as_deref()));
        own.chain(trace.into_iter().flat_map(TraceHeaders::iter))
    }
}
