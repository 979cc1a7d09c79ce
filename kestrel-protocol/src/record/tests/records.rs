//! Single records: null and empty, gaps, and lengths that lie.

use super::super::{Compression, HeaderView, TimestampType};
use super::{LIMIT_BYTES, batch_around, batch_of, kind, read_all};
use crate::error::DecodeErrorKind;

/// Length 7, offset delta 0, key "k", value null, no headers.
const RECORD: &[u8] = b"\x0e\0\0\0\x02k\x01\0";

fn reading(data: &[u8], record_count: i32) -> DecodeErrorKind {
    kind(read_all(&batch_around(data, record_count, |_| ())))
}

#[test]
fn the_example_record_is_sound() {
    let batch = batch_around(RECORD, 1, |_| ());
    let records = read_all(&batch).unwrap();
    assert_eq!(records[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(records[0].value, None);
}

#[test]
fn any_negative_length_is_null_as_in_kafka() {
    // Key length -2, value length -3.
    let records = read_all(&batch_around(b"\x0c\0\0\0\x03\x05\0", 1, |_| ())).unwrap();
    assert_eq!((&records[0].key, &records[0].value), (&None, &None));
}

#[test]
fn a_record_whose_length_disagrees_with_its_content_is_damaged() {
    // One byte after the headers, inside the record.
    assert!(matches!(reading(b"\x10\0\0\0\x02k\x01\0\0", 1), DecodeErrorKind::Inconsistent(_)));
    // One byte less than its content.
    assert!(matches!(reading(b"\x0c\0\0\0\x02k\x01\0", 1), DecodeErrorKind::Truncated));
    // A key longer than the record, inside the batch.
    assert!(matches!(reading(b"\x0e\0\0\0\x20k\x01\0............", 1), DecodeErrorKind::InvalidLength(16)));
    // A negative length; a length beyond the batch.
    assert!(matches!(reading(b"\x01\0\0\0\x02k\x01\0", 1), DecodeErrorKind::InvalidLength(-1)));
    assert!(matches!(reading(b"\x7e\0\0\0\x02k\x01\0", 1), DecodeErrorKind::InvalidLength(63)));
    // A varint without an end.
    assert_eq!(reading(&[0xff; 12], 1), DecodeErrorKind::InvalidVarint);
}

#[test]
fn header_lengths_that_lie_are_damage() {
    // A count below zero, a count beyond the bytes, a null name.
    assert!(matches!(reading(b"\x0c\0\0\0\x01\x01\x01", 1), DecodeErrorKind::InvalidLength(-1)));
    assert!(matches!(reading(b"\x0c\0\0\0\x01\x01\x7e", 1), DecodeErrorKind::InvalidLength(63)));
    assert!(matches!(reading(b"\x10\0\0\0\x01\x01\x02\x01\x01", 1), DecodeErrorKind::InvalidLength(-1)));
}

#[test]
fn bytes_after_the_last_record_are_an_error_after_it() {
    let data = [RECORD, b"!"].concat();
    let mut records = batch_around(&data, 1, |_| ()).records(LIMIT_BYTES).unwrap();
    assert!(records.next().unwrap().is_ok());
    assert!(matches!(kind(records.next().unwrap()), DecodeErrorKind::Inconsistent(_)));
    assert!(records.next().is_none());
}

#[test]
fn a_record_count_beyond_the_bytes_is_refused_at_once() {
    let batch = batch_around(RECORD, i32::MAX, |_| ());
    assert!(matches!(kind(batch.records(LIMIT_BYTES)), DecodeErrorKind::Inconsistent(_)));
    // One too many for the bytes is found when it is reached.
    let batch = batch_around(&[RECORD, RECORD].concat(), 2, |_| ());
    assert_eq!(read_all(&batch).unwrap().len(), 2);
    let three = batch_around(&[RECORD, RECORD, b"\x0e\0\0\0\x02"].concat(), 3, |_| ());
    let mut records = three.records(LIMIT_BYTES).unwrap();
    assert_eq!(records.by_ref().take_while(Result::is_ok).count(), 2);
    assert!(records.next_view().is_none(), "an error ends it");
}

#[test]
fn offsets_and_timestamps_are_relative_and_may_have_gaps() {
    // Offset deltas 3 and 5, timestamp deltas -1 and 2.
    let data = b"\x0c\0\x01\x06\x01\x01\0\x0c\0\x04\x0a\x01\x01\0";
    let batch = batch_around(data, 2, |header| {
        header.base_offset = 100;
        header.base_timestamp = 1_000;
        header.last_offset_delta = 9;
    });
    let records = read_all(&batch).unwrap();
    assert_eq!((records[0].offset, records[0].timestamp), (103, 999));
    assert_eq!((records[1].offset, records[1].timestamp), (105, 1_002));
    assert_eq!(records[0].timestamp_type, TimestampType::Create);
    assert_eq!(batch.header().next_offset(), 110);
}

#[test]
fn views_and_owned_records_move_one_position() {
    let mut records = batch_of(&[b"a", b"b", b"c"], Compression::Snappy).records(LIMIT_BYTES).unwrap();
    assert_eq!(records.remaining(), 3);
    assert_eq!(records.next_view().unwrap().unwrap().value, Some(&b"a"[..]));
    assert_eq!(records.next().unwrap().unwrap().value.as_deref(), Some(&b"b"[..]));
    assert_eq!(records.next_view().unwrap().unwrap().offset, 2);
    assert_eq!((records.remaining(), records.remaining_bytes()), (0, 0));
    assert!(records.next_view().is_none());
}

#[test]
fn views_leave_the_position_and_a_mark_brings_it_back() {
    let mut records = batch_of(&[b"a", b"b", b"c"], Compression::None).records(LIMIT_BYTES).unwrap();
    records.next_view().unwrap().unwrap();
    let mark = records.mark();
    let values: Vec<_> = records.views().map(|view| view.unwrap().value.unwrap()[0]).collect();
    assert_eq!((values, records.remaining()), (b"bc".to_vec(), 2));
    let first = records.next_view().unwrap().unwrap().offset;
    records.rewind(mark);
    assert_eq!(records.next_view().unwrap().unwrap().offset, first);
}

#[test]
fn a_header_name_that_is_not_text_is_shown_as_kafkas_client_shows_it() {
    // One header: name ff, value null.
    let mut records =
        batch_around(b"\x12\0\0\0\x01\x01\x02\x02\xff\x01", 1, |_| ()).records(LIMIT_BYTES).unwrap();
    let mut views = records.clone();
    let header = views.next_view().unwrap().unwrap().headers.next();
    assert_eq!(header, Some(HeaderView { key_bytes: b"\xff", value: None }));
    assert_eq!(records.next().unwrap().unwrap().headers.last("\u{fffd}"), Some(None));
}
