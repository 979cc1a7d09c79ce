//! Keys, values and headers of records that are handed out one by one, made of as little memory as is reasonable.
//!
//! A slice of a fetched buffer costs nothing and keeps all of the buffer in memory, which may be megabytes. So a part
//! that is small beside its buffer is copied into a block that it shares with its neighbours: no allocation per record,
//! and a value that is kept for long pins one small block instead of a whole answer.

use bytes::{Bytes, BytesMut};
use kestrel_protocol::ByteString;
use kestrel_protocol::record::{Headers, HeadersView};

/// A part is shared when the buffer is at most this many times larger.
const SHARE_RATIO: usize = 16;
/// The most that a kept part pins, apart from parts that are larger themselves.
const BLOCK_BYTES: usize = 16 * 1024;

/// Makes owned parts out of borrowed ones.
#[derive(Debug)]
pub(crate) struct PartCopier {
    block: BytesMut,
}

impl Default for PartCopier {
    fn default() -> Self {
        Self { block: BytesMut::with_capacity(BLOCK_BYTES) }
    }
}

/// The buffer that the parts of a record are slices of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartBuffer<'a> {
    pub(crate) data: &'a Bytes,
    /// The bytes that a slice of it keeps in memory.
    pub(crate) pinned_bytes: usize,
}

impl PartCopier {
    /// An owned `part` of `buffer`.
    pub(crate) fn own(&mut self, buffer: PartBuffer<'_>, part: &[u8]) -> Bytes {
        if part.is_empty() {
            return Bytes::new();
        }
        if part.len().saturating_mul(SHARE_RATIO) >= buffer.pinned_bytes {
            return buffer.data.slice_ref(part);
        }
        // Back to the block's front when no record keeps a part of it. `reserve` would do so too, but does not promise how
        // large the next block is.
        if !self.block.try_reclaim(part.len()) {
            self.block = BytesMut::with_capacity(BLOCK_BYTES.max(part.len()));
        }
        self.block.extend_from_slice(part);
        self.block.split().freeze()
    }

    /// The owned headers of a record; none cost nothing.
    pub(crate) fn headers(&mut self, buffer: PartBuffer<'_>, headers: HeadersView<'_>) -> Headers {
        if headers.is_empty() {
            return Headers::new();
        }
        let mut owned = Headers::with_capacity(headers.len());
        for header in headers {
            let key = self.own(buffer, header.key_bytes);
            let key = ByteString::try_from(key).unwrap_or_else(|_| header.key().into_owned().into());
            let value = header.value.map(|value| self.own(buffer, value));
            owned.push(key, value);
        }
        owned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_part_leaves_its_large_buffer_and_a_large_one_shares_it() {
        let data = Bytes::from(vec![7; 1024 * 1024]);
        let buffer = PartBuffer { data: &data, pinned_bytes: data.len() };
        let mut copier = PartCopier::default();
        let small = copier.own(buffer, &data[10..20]);
        let large = copier.own(buffer, &data[..512 * 1024]);
        assert_eq!((&small[..], large.len()), (&data[10..20], 512 * 1024));
        assert!(!data.as_ptr_range().contains(&small.as_ptr()));
        assert_eq!(large.as_ptr(), data.as_ptr());
    }

    #[test]
    fn blocks_stay_small_whether_parts_are_kept_or_not() {
        let data = Bytes::from(vec![7; 1024 * 1024]);
        let buffer = PartBuffer { data: &data, pinned_bytes: data.len() };
        let mut copier = PartCopier::default();
        for keep in [false, true] {
            let mut kept = Vec::new();
            for at in 0..10_000 {
                let part = copier.own(buffer, &data[at..at + 100]);
                if keep {
                    kept.push(part);
                }
                assert!(copier.block.capacity() <= BLOCK_BYTES);
            }
        }
    }

    #[test]
    fn neighbours_share_a_block() {
        let data = Bytes::from(vec![7; 1024 * 1024]);
        let buffer = PartBuffer { data: &data, pinned_bytes: data.len() };
        let mut copier = PartCopier::default();
        let parts: Vec<_> = (0..100).map(|at| copier.own(buffer, &data[at..at + 100])).collect();
        for pair in parts.windows(2) {
            assert_eq!(pair[0].as_ptr().wrapping_add(100), pair[1].as_ptr());
        }
    }
}
