//! Gzip (RFC 1952): one member written, any number read, as Java's stream does.

use std::io::Write;

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::Refusal;

pub(super) fn compress(data: &[u8], level: i32, output: &mut Vec<u8>) {
    let level = flate2::Compression::new(level.cast_unsigned());
    let mut encoder = GzEncoder::new(output, level);
    encoder.write_all(data).and_then(|()| encoder.try_finish()).expect("writing to memory can't fail");
}

pub(super) fn decompress(data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Refusal> {
    super::read_to_limit(decoder(data), data.len(), limit_bytes)
}

pub(super) fn decoder(data: &[u8]) -> MultiGzDecoder<&[u8]> {
    MultiGzDecoder::new(data)
}
