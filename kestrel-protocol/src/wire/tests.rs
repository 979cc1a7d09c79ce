//! Reader and writer against each other, and against what is not allowed.

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};

proptest! {
    #[test]
    fn chunks_are_the_message_in_order(lengths in prop::collection::vec(0usize..3000, 0..8)) {
        let runs: Vec<Bytes> = lengths.iter().map(|&length| vec![7; length].into()).collect();
        let write = || {
            let mut writer = Writer::default();
            for run in &runs {
                writer.put_i8(1);
                writer.put_bytes(Some(run), false, "run");
            }
            writer
        };
        let expected: Vec<u8> = runs
            .iter()
            .flat_map(|run| [&[1][..], &u32::try_from(run.len()).unwrap().to_be_bytes(), run].concat())
            .collect();
        prop_assert_eq!(write().len(), expected.len());
        prop_assert_eq!(write().into_byte_runs().unwrap().concat(), expected.clone());
        prop_assert_eq!(write().into_bytes().unwrap(), expected);
    }
}

#[test]
fn a_length_beyond_the_frame_is_refused() {
    for bytes in [&[0x7f, 0xff, 0xff, 0xff][..], &[0xff, 0xff, 0xff, 0xfe], &[0, 0, 0, 1]] {
        let error = Reader::new(Bytes::copy_from_slice(bytes)).get_bytes(false, "x").unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::InvalidLength(_)), "{error}");
    }
}

#[test]
fn a_text_above_the_limit_is_refused_on_both_ways() {
    let longest = "a".repeat(MAX_STRING_BYTES);
    let longer = format!("{longest}a");
    for flexible in [false, true] {
        let write = |text: &str| {
            let mut writer = Writer::default();
            writer.put_string(Some(text), flexible, "x");
            writer.put_i8(1);
            writer.into_bytes()
        };
        let mut reader = Reader::new(write(&longest).unwrap());
        assert_eq!(reader.get_string(flexible, "x").unwrap().as_deref(), Some(&*longest));
        let error = EncodeError::new(EncodeErrorKind::TextTooLong(MAX_STRING_BYTES + 1), "x");
        assert_eq!(write(&longer), Err(error));
    }
    let mut frame = BytesMut::new();
    put_uvarint(&mut frame, 32_769);
    frame.put_slice(longer.as_bytes());
    let error = Reader::new(frame.freeze()).get_string(true, "x").unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TextTooLong(MAX_STRING_BYTES + 1));
}

#[test]
fn a_length_above_the_limit_is_refused() {
    for count in [MAX_LENGTH + 1, usize::MAX] {
        for flexible in [false, true] {
            let mut writer = Writer::default();
            writer.put_array_length(Some(count), flexible, "x");
            let error = EncodeError::new(EncodeErrorKind::TooLarge(count), "x");
            assert_eq!(writer.into_chunks(), Err(error));
        }
    }
    let mut inner = Writer::default();
    inner.put_gap(MAX_LENGTH, true, "x");
    inner.put_i8(0);
    let mut writer = Writer::default();
    writer.put_tagged_field(0, inner, "tagged");
    let error = writer.into_chunks().unwrap_err();
    assert_eq!(error.what, "tagged");
}

#[test]
fn tagged_fields_must_ascend() {
    let read = |bytes: &'static [u8]| {
        let mut seen = Vec::new();
        let mut reader = Reader::new(Bytes::from_static(bytes));
        reader.get_tagged_fields("x", |tag, field| {
            seen.push((tag, field.remaining()));
            Ok(())
        })?;
        Ok(seen)
    };
    assert_eq!(read(&[2, 0, 1, 9, 5, 0]), Ok(vec![(0, 1), (5, 0)]));
    for wrong in [&[2, 5, 0, 5, 0][..], &[2, 5, 0, 4, 0]] {
        let kind = read(wrong).map_err(|e: DecodeError| e.kind);
        assert!(matches!(kind, Err(DecodeErrorKind::TagOutOfOrder(_))));
    }
}
