//! Snappy as Kafka's clients write it: blocks in the framing of Java's snappy library, or one raw block.
//!
//! Java's framing is a header of 16 bytes (magic, version, oldest compatible version), then blocks with a 4-byte length.
//! That form is written, since every client reads it; librdkafka and others write raw blocks, which are read too.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::Refusal;

/// Magic, version 1, compatible with version 1.
const JAVA_HEADER: &[u8; 16] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const JAVA_MAGIC: &[u8] = b"\x82SNAPPY\0";
/// How many bytes one block holds: the block size that Apache Kafka's client uses.
const BLOCK_BYTES: usize = 32 * 1024;
/// No snappy element expands further: a copy of three bytes gives 64.
const MAX_EXPANSION: usize = 22;

pub(super) fn compress(data: &[u8], output: &mut Vec<u8>) {
    let mut encoder = Encoder::new();
    output.extend_from_slice(JAVA_HEADER);
    for block in data.chunks(BLOCK_BYTES) {
        let length_at = output.len();
        let block_at = length_at + 4;
        output.resize(block_at + max_compress_len(block.len()), 0);
        let (lengths, blocks) = output.split_at_mut(block_at);
        let length = encoder.compress(block, blocks).expect("the output has room for the worst case");
        let length_u32 = u32::try_from(length).expect("a block is small");
        if let Some(field) = lengths.last_chunk_mut() {
            *field = length_u32.to_be_bytes();
        }
        output.truncate(block_at + length);
    }
}

pub(super) fn decompress(data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Refusal> {
    super::pieces::gather(Blocks::new(data), limit_bytes)
}

/// The blocks of Java's framing, or the one raw block.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    /// `None` when a raw block was read, which has no end of its own.
    rest: Option<&'a [u8]>,
    framed: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { rest: Some(data), framed: data.starts_with(JAVA_MAGIC) }
    }
}

impl super::pieces::Blocks for Blocks<'_> {
    const WINDOW_BYTES: usize = 0;

    fn append_next(&mut self, output: &mut Vec<u8>, left: usize) -> Result<bool, Refusal> {
        let Some(mut rest) = self.rest else { return Ok(false) };
        if !self.framed {
            self.rest = None;
            return decompress_block(rest, left, output).map(|()| true);
        }
        // Streams may follow one another: a header where a length could be begins the next.
        while rest.starts_with(JAVA_MAGIC) {
            rest = rest.get(JAVA_HEADER.len()..).ok_or(Refusal::Invalid)?;
        }
        if rest.is_empty() {
            self.rest = None;
            return Ok(false);
        }
        let (length, blocks) = rest.split_first_chunk().ok_or(Refusal::Invalid)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Refusal::Invalid)?;
        let (block, after) = blocks.split_at_checked(length).ok_or(Refusal::Invalid)?;
        self.rest = Some(after);
        decompress_block(block, left, output).map(|()| true)
    }
}

/// Appends one raw block's content; its claimed length is believed only as far as the block could really expand.
fn decompress_block(block: &[u8], left: usize, output: &mut Vec<u8>) -> Result<(), Refusal> {
    let length = decompress_len(block).map_err(|_| Refusal::Invalid)?;
    if length > block.len().saturating_mul(MAX_EXPANSION) {
        return Err(Refusal::Invalid);
    }
    if length > left {
        return Err(Refusal::TooLarge);
    }
    let start = output.len();
    output.resize(start + length, 0);
    let (_, target) = output.split_at_mut(start);
    let written = Decoder::new().decompress(block, target).map_err(|_| Refusal::Invalid)?;
    if written == length { Ok(()) } else { Err(Refusal::Invalid) }
}
