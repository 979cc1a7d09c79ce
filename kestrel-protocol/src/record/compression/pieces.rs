//! Uncompressed bytes as they come out, a piece at a time: in memory that does not grow with what comes out.
//!
//! Called by [`super::super::outline`], which looks at records without keeping them. Codecs of blocks are read through
//! [`BlockPieces`]; [`gather`] puts the same blocks into one buffer.

#[cfg(any(feature = "gzip", feature = "zstd"))]
use std::io::{BufRead, BufReader, Read};

use super::Refusal;

/// Bytes that come a piece at a time.
pub(in crate::record) trait Pieces {
    /// What has come and was not passed yet; empty at the end, and only there.
    fn piece(&mut self) -> Result<&[u8], Refusal>;

    /// Passes the first `count` bytes of the piece.
    fn pass(&mut self, count: usize);
}

impl Pieces for &[u8] {
    #[inline]
    fn piece(&mut self) -> Result<&[u8], Refusal> {
        Ok(self)
    }

    #[inline]
    fn pass(&mut self, count: usize) {
        *self = self.get(count..).unwrap_or_default();
    }
}

/// How much of a stream is decompressed at once.
#[cfg(any(feature = "gzip", feature = "zstd"))]
const STREAM_PIECE_BYTES: usize = 32 * 1024;

/// The pieces of a codec that is a stream.
#[cfg(any(feature = "gzip", feature = "zstd"))]
pub(super) fn of_stream<R: Read>(decoder: R) -> BufReader<R> {
    BufReader::with_capacity(STREAM_PIECE_BYTES, decoder)
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
impl<R: Read> Pieces for BufReader<R> {
    #[inline]
    fn piece(&mut self) -> Result<&[u8], Refusal> {
        self.fill_buf().map_err(|_| Refusal::Invalid)
    }

    #[inline]
    fn pass(&mut self, count: usize) {
        self.consume(count);
    }
}

/// A codec whose data are blocks, each decompressed as a whole.
#[cfg(any(feature = "lz4", feature = "snappy"))]
pub(super) trait Blocks {
    /// How far back a block may refer into the ones before it.
    const WINDOW_BYTES: usize;

    /// Appends the content of the next block, of at most `left` bytes, to that of the ones before it, of which `output` ends
    /// with [`Self::WINDOW_BYTES`] at least; `false` when there is no more.
    fn append_next(&mut self, output: &mut Vec<u8>, left: usize) -> Result<bool, Refusal>;
}

/// The content of all blocks, at most `limit_bytes`.
#[cfg(any(feature = "lz4", feature = "snappy"))]
pub(super) fn gather(mut blocks: impl Blocks, limit_bytes: usize) -> Result<Vec<u8>, Refusal> {
    let mut output = Vec::new();
    loop {
        let left = limit_bytes - output.len();
        if !blocks.append_next(&mut output, left)? {
            return Ok(output);
        }
    }
}

/// The content of blocks, one block at a time.
#[cfg(any(feature = "lz4", feature = "snappy"))]
#[derive(Debug)]
pub(super) struct BlockPieces<B> {
    blocks: B,
    /// How much one block may give.
    limit_bytes: usize,
    output: Vec<u8>,
    passed: usize,
}

#[cfg(any(feature = "lz4", feature = "snappy"))]
impl<B> BlockPieces<B> {
    pub(super) const fn new(blocks: B, limit_bytes: usize) -> Self {
        Self { blocks, limit_bytes, output: Vec::new(), passed: 0 }
    }
}

#[cfg(any(feature = "lz4", feature = "snappy"))]
impl<B: Blocks> Pieces for BlockPieces<B> {
    #[inline]
    fn piece(&mut self) -> Result<&[u8], Refusal> {
        while self.passed == self.output.len() {
            // What later blocks may refer to stays; the buffer then grows by one block at most.
            self.output.drain(..self.output.len().saturating_sub(B::WINDOW_BYTES));
            self.passed = self.output.len();
            if !self.blocks.append_next(&mut self.output, self.limit_bytes)? {
                break;
            }
        }
        Ok(self.output.get(self.passed..).unwrap_or_default())
    }

    #[inline]
    fn pass(&mut self, count: usize) {
        self.passed += count;
    }
}

#[cfg(all(test, feature = "lz4", feature = "snappy"))]
mod tests {
    use super::super::{lz4, snappy};
    use super::*;

    /// Reads all pieces; how many bytes came, and the most memory that held them.
    fn read(mut pieces: BlockPieces<impl Blocks>) -> (usize, usize) {
        let (mut total, mut most) = (0, 0);
        loop {
            let available = pieces.piece().expect("the data is sound").len();
            if available == 0 {
                return (total, most);
            }
            total += available;
            most = most.max(pieces.output.capacity());
            pieces.pass(available);
        }
    }

    #[test]
    fn memory_does_not_grow_with_what_comes_out() {
        let data = vec![b'x'; 50 << 20];
        let (mut as_lz4, mut as_snappy) = (Vec::new(), Vec::new());
        lz4::compress(&data, &mut as_lz4);
        snappy::compress(&data, &mut as_snappy);
        for (total, most) in [
            read(BlockPieces::new(lz4::Blocks::new(&as_lz4), usize::MAX)),
            read(BlockPieces::new(snappy::Blocks::new(&as_snappy), usize::MAX)),
        ] {
            assert_eq!(total, data.len());
            assert!(most <= 512 * 1024, "{most} bytes");
        }
    }
}
