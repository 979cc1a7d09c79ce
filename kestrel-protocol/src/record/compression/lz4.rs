//! LZ4 in its frame format: written as Apache Kafka's client does, read as any client may write it.
//!
//! Written: independent blocks of 64 KiB, no checksums, no content size. Read: every block size, dependent blocks,
//! checksums and sizes present or not, frames one after another. The frame's own checksums are passed over: the batch's
//! CRC-32C covers the same bytes.

use lz4_flex::block::{
    CompressTable, DecompressError, compress_into_with_table, decompress_into, decompress_into_with_dict,
    get_maximum_output_size,
};

use super::Refusal;

const MAGIC: &[u8] = b"\x04\x22\x4d\x18";
/// Magic, flags (version 1, independent blocks), block size 64 KiB, and the checksum of those two bytes.
const FRAME_HEADER: &[u8; 7] = b"\x04\x22\x4d\x18\x60\x40\x82";
const END_MARK: [u8; 4] = [0; 4];
const BLOCK_BYTES: usize = 64 * 1024;
/// Set in a block's length: the block is stored as it is.
const STORED: u32 = 1 << 31;
/// How far back a block may refer into the blocks before it.
const WINDOW_BYTES: usize = 64 * 1024;
/// No byte of a block gives more.
const MAX_EXPANSION: usize = 255;

pub(super) fn compress(data: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(FRAME_HEADER);
    let mut table = CompressTable::default();
    for block in data.chunks(BLOCK_BYTES) {
        compress_block(block, &mut table, output);
    }
    output.extend_from_slice(&END_MARK);
}

fn compress_block(block: &[u8], table: &mut CompressTable, output: &mut Vec<u8>) {
    let length_at = output.len();
    let block_at = length_at + 4;
    output.resize(block_at + get_maximum_output_size(block.len()), 0);
    let (lengths, target) = output.split_at_mut(block_at);
    let mut length =
        compress_into_with_table(block, target, table).expect("the output has room for the worst case");
    let mut flag = 0;
    if length >= block.len() {
        flag = STORED;
        length = block.len();
        let (stored, _) = target.split_at_mut(length);
        stored.copy_from_slice(block);
    }
    if let Some(field) = lengths.last_chunk_mut() {
        let length = u32::try_from(length).expect("a block is small");
        *field = (length | flag).to_le_bytes();
    }
    output.truncate(block_at + length);
}

pub(super) fn decompress(data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Refusal> {
    super::pieces::gather(Blocks::new(data), limit_bytes)
}

/// The blocks of frames that follow one another.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    rest: &'a [u8],
    frame: Option<Frame>,
    /// How much the frame has given so far: what its next block may refer to.
    frame_bytes: usize,
    /// Whether a frame has ended: only then may the data end.
    ended_one: bool,
}

impl<'a> Blocks<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self { rest: data, frame: None, frame_bytes: 0, ended_one: false }
    }

    /// Ends the frame behind its last block.
    fn end(&mut self, frame: &Frame) -> Result<(), Refusal> {
        if frame.content_checksum {
            take::<4>(&mut self.rest)?;
        }
        self.frame = None;
        self.ended_one = true;
        Ok(())
    }

    fn append(
        &mut self,
        frame: &Frame,
        length: u32,
        left: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let length_bytes = usize::try_from(length & !STORED).map_err(|_| Refusal::Invalid)?;
        let (block, after) = self.rest.split_at_checked(length_bytes).ok_or(Refusal::Invalid)?;
        self.rest = after;
        if frame.block_checksums {
            take::<4>(&mut self.rest)?;
        }
        let before = output.len();
        if length & STORED == 0 {
            let window = if frame.dependent_blocks { self.frame_bytes.min(WINDOW_BYTES) } else { 0 };
            let window_start = before.saturating_sub(window);
            decompress_block(block, window_start, frame.max_block_bytes, left, output)?;
        } else if block.len() > left {
            return Err(Refusal::TooLarge);
        } else {
            output.extend_from_slice(block);
        }
        self.frame_bytes = self.frame_bytes.saturating_add(output.len() - before);
        Ok(())
    }
}

impl super::pieces::Blocks for Blocks<'_> {
    const WINDOW_BYTES: usize = WINDOW_BYTES;

    fn append_next(&mut self, output: &mut Vec<u8>, left: usize) -> Result<bool, Refusal> {
        loop {
            let Some(frame) = self.frame else {
                if self.ended_one && self.rest.is_empty() {
                    return Ok(false);
                }
                let (frame, rest) = Frame::parse(self.rest)?;
                (self.frame, self.rest, self.frame_bytes) = (Some(frame), rest, 0);
                continue;
            };
            match u32::from_le_bytes(take(&mut self.rest)?) {
                0 => self.end(&frame)?,
                length => return self.append(&frame, length, left, output).map(|()| true),
            }
        }
    }
}

/// Appends one block's content, which may refer to the output from `window_start` on.
fn decompress_block(
    block: &[u8],
    window_start: usize,
    max_block_bytes: usize,
    left: usize,
    output: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let start = output.len();
    let possible = max_block_bytes.min(block.len().saturating_mul(MAX_EXPANSION));
    output.resize(start + possible.min(left), 0);
    let (before, target) = output.split_at_mut(start);
    let (_, window) = before.split_at(window_start);
    let written = if window.is_empty() {
        decompress_into(block, target)
    } else {
        decompress_into_with_dict(block, target, window)
    };
    match written {
        Ok(written) => {
            output.truncate(start + written);
            Ok(())
        }
        Err(DecompressError::OutputTooSmall { .. }) if left < possible => Err(Refusal::TooLarge),
        Err(_) => Err(Refusal::Invalid),
    }
}

/// The properties of a frame's blocks, from its header.
#[derive(Debug, Clone, Copy)]
struct Frame {
    max_block_bytes: usize,
    dependent_blocks: bool,
    block_checksums: bool,
    content_checksum: bool,
}

impl Frame {
    fn parse(data: &[u8]) -> Result<(Self, &[u8]), Refusal> {
        let mut rest = data.strip_prefix(MAGIC).ok_or(Refusal::Invalid)?;
        let [flags, descriptor] = take(&mut rest)?;
        // Version 1; no dictionary, which no record batch could bring along.
        if flags >> 6 != 1 || flags & 0x01 != 0 {
            return Err(Refusal::Invalid);
        }
        if flags & 0x08 != 0 {
            take::<8>(&mut rest)?;
        }
        let [_header_checksum] = take(&mut rest)?;
        let max_block_bytes = match (descriptor >> 4) & 0x07 {
            4 => 64 * 1024,
            5 => 256 * 1024,
            6 => 1024 * 1024,
            7 => 4 * 1024 * 1024,
            _ => return Err(Refusal::Invalid),
        };
        let frame = Self {
            max_block_bytes,
            dependent_blocks: flags & 0x20 == 0,
            block_checksums: flags & 0x10 != 0,
            content_checksum: flags & 0x04 != 0,
        };
        Ok((frame, rest))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Refusal> {
    let (taken, after) = rest.split_first_chunk().ok_or(Refusal::Invalid)?;
    *rest = after;
    Ok(*taken)
}
