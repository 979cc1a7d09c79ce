//! The codecs: round trips, every framing that clients write, limits, damage.

use std::io::Write;

use proptest::prelude::*;

use super::super::{Codec, CodecError, Compression, ParseCompressionError};
use super::{LIMIT_BYTES, codec, kind};
use crate::error::DecodeErrorKind;

const CODECS: [Compression; 4] =
    [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn compressed(compression: Compression, data: &[u8]) -> Vec<u8> {
    let mut output = b"before".to_vec();
    codec(compression).compress(data, &mut output);
    output.split_off(6)
}

fn decompressed(compression: Compression, data: &[u8]) -> Vec<u8> {
    compression.decompress(data, LIMIT_BYTES).unwrap()
}

/// The content of the frames in `testdata/lz4-frames`.
fn lines() -> Vec<u8> {
    (0..6000).flat_map(|i| format!("line {:03} of the frame\n", i * i % 997).into_bytes()).collect()
}

/// Runs and noise, so that every codec finds something and not everything.
fn arb_data() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u8>(), 1usize..9000).prop_map(|(byte, length)| vec![byte; length]),
        prop::collection::vec(any::<u8>(), 0..3000),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_compressed_comes_back(data in arb_data(), compression in prop::sample::select(&CODECS)) {
        let small = compressed(compression, &data);
        prop_assert_eq!(&decompressed(compression, &small), &data);
        // Exactly at the limit, and one byte below it.
        prop_assert_eq!(&compression.decompress(&small, data.len()).unwrap(), &data);
        if let Some(limit_bytes) = data.len().checked_sub(1) {
            let refused = compression.decompress(&small, limit_bytes);
            prop_assert_eq!(kind(refused), DecodeErrorKind::TooLarge { limit_bytes });
        }
    }

    #[test]
    fn lz4_frames_of_every_kind_are_read(
        data in arb_data(),
        linked in any::<bool>(),
        checksums in any::<(bool, bool)>(),
        size in any::<bool>(),
        block in 4u8..8,
    ) {
        use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
        let block = [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB][usize::from(block - 4)];
        let frame = FrameInfo::new()
            .block_mode(if linked { BlockMode::Linked } else { BlockMode::Independent })
            .block_checksums(checksums.0)
            .content_checksum(checksums.1)
            .content_size(size.then_some(data.len() as u64))
            .block_size(block);
        let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
        encoder.write_all(&data).unwrap();
        let written = encoder.finish().unwrap();
        prop_assert_eq!(&decompressed(Compression::Lz4, &written), &data);
        // And what is written here is read there.
        let mut decoder = lz4_flex::frame::FrameDecoder::new(&*compressed(Compression::Lz4, &data)).take_all();
        prop_assert_eq!(std::mem::take(&mut decoder), data);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        mut data in prop::collection::vec(any::<u8>(), 0..300),
        compression in prop::sample::select(&CODECS),
        cut in any::<prop::sample::Index>(),
        flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let _ = compression.decompress(&data, 10_000);
        let mut small = compressed(compression, &data.repeat(3));
        small.truncate(cut.index(small.len() + 1));
        let _ = compression.decompress(&small, 10_000);
        data = compressed(compression, &data.repeat(3));
        let at = flip.0.index(data.len());
        data[at] ^= flip.1;
        if let Ok(output) = compression.decompress(&data, 10_000) {
            prop_assert!(output.len() <= 10_000);
        }
    }
}

/// Reads a decoder to its end.
trait TakeAll {
    fn take_all(self) -> Vec<u8>;
}

impl<R: std::io::Read> TakeAll for R {
    fn take_all(mut self) -> Vec<u8> {
        let mut output = Vec::new();
        self.read_to_end(&mut output).unwrap();
        output
    }
}

#[test]
fn frames_of_the_reference_lz4_are_read() {
    for frame in [
        &include_bytes!("../../../testdata/lz4-frames/linked-64k.lz4")[..],
        include_bytes!("../../../testdata/lz4-frames/linked-64k-size-checksums.lz4"),
        include_bytes!("../../../testdata/lz4-frames/independent-1m-checksum.lz4"),
    ] {
        assert_eq!(decompressed(Compression::Lz4, frame), lines());
        // Frames may follow one another; what is no frame may not.
        assert_eq!(decompressed(Compression::Lz4, &frame.repeat(2)), lines().repeat(2));
        let tail = Compression::Lz4.decompress(&[frame, b"tail"].concat(), LIMIT_BYTES);
        assert_eq!(kind(tail), DecodeErrorKind::InvalidCompression);
        for cut in 0..frame.len() {
            let torn = Compression::Lz4.decompress(&frame[..cut], LIMIT_BYTES);
            assert_eq!(kind(torn), DecodeErrorKind::InvalidCompression);
        }
    }
}

#[test]
fn lz4_with_a_dictionary_or_of_another_version_is_refused() {
    let mut frame = compressed(Compression::Lz4, b"data");
    for flags in [0x61, 0x20, 0xa0] {
        frame[4] = flags;
        assert_eq!(kind(Compression::Lz4.decompress(&frame, 100)), DecodeErrorKind::InvalidCompression);
    }
}

#[test]
fn snappy_is_read_raw_and_in_javas_framing() {
    let data = lines();
    let raw = snap::raw::Encoder::new().compress_vec(&data).unwrap();
    assert_eq!(decompressed(Compression::Snappy, &raw), data);
    let framed = compressed(Compression::Snappy, &data);
    assert!(framed.starts_with(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"));
    assert_eq!(decompressed(Compression::Snappy, &framed), data);
    assert_eq!(decompressed(Compression::Snappy, &framed.repeat(2)), data.repeat(2));
}

#[test]
fn a_snappy_length_that_its_bytes_cannot_give_is_refused() {
    // Claims 4 GiB - 1, holds one literal.
    let claim = b"\xff\xff\xff\xff\x0f\0x";
    assert_eq!(kind(Compression::Snappy.decompress(claim, usize::MAX)), DecodeErrorKind::InvalidCompression);
}

#[test]
fn gzip_members_and_zstd_frames_may_follow_one_another() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let twice = compressed(compression, b"data").repeat(2);
        assert_eq!(decompressed(compression, &twice), b"datadata");
    }
}

#[test]
fn zstd_without_a_content_size_is_read() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 19).unwrap();
    encoder.write_all(&lines()).unwrap();
    assert_eq!(decompressed(Compression::Zstd, &encoder.finish().unwrap()), lines());
}

#[test]
fn nothing_is_no_compressed_data() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4] {
        assert_eq!(
            kind(compression.decompress(b"", 100)),
            DecodeErrorKind::InvalidCompression,
            "{compression}"
        );
    }
}

#[test]
fn levels_are_checked_as_kafka_checks_them() {
    for (compression, good, bad) in [
        (Compression::Gzip, &[-1, 1, 9][..], &[0, 10, -2][..]),
        (Compression::Lz4, &[1, 17], &[0, 18]),
        (Compression::Zstd, &[-131_072, 0, 22], &[23]),
        (Compression::None, &[], &[1]),
        (Compression::Snappy, &[], &[1]),
    ] {
        assert!(Codec::new(compression, None).is_ok());
        for &level in good {
            let mut output = Vec::new();
            Codec::new(compression, Some(level)).unwrap().compress(b"data data data", &mut output);
            assert_eq!(decompressed(compression, &output), b"data data data");
        }
        for &level in bad {
            let refused = CodecError::InvalidLevel { codec: compression, level };
            assert_eq!(Codec::new(compression, Some(level)), Err(refused));
        }
    }
}

#[test]
fn codecs_have_kafkas_names_and_numbers() {
    for (compression, id) in Compression::ALL.into_iter().zip(0..) {
        assert_eq!(compression.to_string().parse(), Ok(compression));
        assert_eq!((compression.id(), Compression::from_id(id)), (id, Ok(compression)));
        assert!(compression.is_available());
    }
    assert_eq!("LZ4".parse::<Compression>(), Err(ParseCompressionError));
    assert_eq!(kind(Compression::from_id(5)), DecodeErrorKind::UnsupportedCompression(5));
}
