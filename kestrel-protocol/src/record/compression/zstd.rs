//! Zstandard, one frame written with its content size, any number of frames read.

use zstd::stream::read::Decoder;

use super::Refusal;

pub(super) fn compress(data: &[u8], level: i32, output: &mut Vec<u8>) {
    let compressed = zstd::bulk::compress(data, level).expect("compressing into enough memory can't fail");
    output.extend_from_slice(&compressed);
}

pub(super) fn decompress(data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Refusal> {
    super::read_to_limit(decoder(data)?, data.len(), limit_bytes)
}

pub(super) fn decoder(data: &[u8]) -> Result<Decoder<'static, &[u8]>, Refusal> {
    Decoder::with_buffer(data).map_err(|_| Refusal::Invalid)
}
