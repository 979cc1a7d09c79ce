//! Frames as other people's serializers write them, and what is none.

use super::*;
use crate::{AddedHeaders, SerdeContext};

const RAW_GUID: [u8; 16] = [0x89, 0x79, 0x1f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];

fn guid() -> SchemaKey {
    SchemaKey::Guid(Guid::from_bytes(RAW_GUID))
}

fn written(form: WireForm, key: SchemaKey, message: Option<&[i32]>) -> (Bytes, AddedHeaders) {
    let mut ctx = SerdeContext::value("t").writing();
    let mut out = BytesMut::new();
    Head::new(form, key, message).put(&mut ctx, &mut out);
    out.put_slice(b"payload");
    (out.freeze(), ctx.into_added())
}

/// Reads it back: the key, the path to the message, the payload.
fn read(
    bytes: &Bytes,
    headers: &AddedHeaders,
    has_indexes: bool,
) -> Result<(SchemaKey, Vec<i32>, Bytes), InvalidFrame> {
    let ctx = SerdeContext::value("t").reading().with_headers(headers);
    let frame = Frame::read(&ctx, bytes, has_indexes)?;
    let message = if has_indexes { frame.message() } else { Vec::new() };
    Ok((frame.key(), message, frame.payload(bytes)))
}

#[test]
fn the_three_forms_are_those_of_confluents_serializers() {
    let (bytes, headers) = written(WireForm::IdPrefix, SchemaKey::Id(0x0102_0304), None);
    assert_eq!((&bytes[..], headers.is_empty()), (&b"\0\x01\x02\x03\x04payload"[..], true));

    let (bytes, headers) = written(WireForm::GuidPrefix, guid(), Some(&[2, 1]));
    assert_eq!(bytes, [&[1][..], &RAW_GUID, &[4, 4, 2], b"payload"].concat());
    assert!(headers.is_empty());

    let (bytes, mut headers) = written(WireForm::Header, guid(), Some(&[0]));
    assert_eq!(&bytes[..], b"payload");
    let header = [&[1][..], &RAW_GUID, &[0]].concat();
    assert_eq!(headers.drain().collect::<Vec<_>>(), [("__value_schema_id".into(), header.into())]);
}

#[test]
fn all_forms_are_read_back() {
    for form in [WireForm::IdPrefix, WireForm::GuidPrefix, WireForm::Header] {
        let key = if form == WireForm::IdPrefix { SchemaKey::Id(i32::MAX) } else { guid() };
        for message in [None, Some(&[0][..]), Some(&[3, 0, 70])] {
            let (bytes, headers) = written(form, key, message);
            let read = read(&bytes, &headers, message.is_some()).unwrap();
            assert_eq!(read, (key, message.unwrap_or_default().to_vec(), Bytes::from_static(b"payload")));
        }
    }
}

#[test]
fn a_header_counts_before_the_prefix_and_the_last_one_before_others() {
    let bytes = Bytes::from_static(b"\0\0\0\0\x07payload");
    let mut headers = AddedHeaders::new();
    headers.push("__key_schema_id", Bytes::from_static(b"of another part"));
    assert_eq!(read(&bytes, &headers, false).unwrap().0, SchemaKey::Id(7));
    headers.push("__value_schema_id", Bytes::from_static(&[9]));
    headers.push("__value_schema_id", [&[1][..], &RAW_GUID].concat());
    assert_eq!(read(&bytes, &headers, false).unwrap(), (guid(), vec![], bytes.clone()));
}

#[test]
fn a_header_of_a_record_that_is_passed_on_is_left_alone() {
    let head = Head::new(WireForm::Header, guid(), None);
    let mut there = AddedHeaders::new();
    there.push("__value_schema_id", [&[1][..], &RAW_GUID].concat());
    let mut ctx = SerdeContext::value("t").writing().with_headers(&there);
    head.put(&mut ctx, &mut BytesMut::new());
    assert!(ctx.into_added().is_empty());
}

#[test]
fn a_header_that_says_where_a_record_came_from_goes() {
    let mut there = AddedHeaders::new();
    there.push("__key_schema_id", Bytes::from_static(b"of the key"));
    there.push("__value_schema_id", Bytes::from_static(b"of another writer"));
    for (form, key) in [(WireForm::IdPrefix, SchemaKey::Id(7)), (WireForm::Header, guid())] {
        let mut ctx = SerdeContext::value("t").writing().with_headers(&there);
        let mut out = BytesMut::new();
        Head::new(form, key, None).put(&mut ctx, &mut out);
        let changed = ctx.into_added();
        assert!(changed.removes("__value_schema_id") && !changed.removes("__key_schema_id"));
        assert_eq!(read(&out.freeze(), &changed, false).unwrap().0, key);
    }
}

#[test]
fn what_is_no_frame_is_refused_in_words() {
    let none = AddedHeaders::new();
    for (bytes, words) in [
        (&b"{\"a\":1}"[..], "expected 0 or 1 in the first byte, found 0x7b"),
        (b"", "0 bytes are too few"),
        (b"\0\0\0\x07", "4 bytes are too few"),
        (b"\x01\0\0\0\x07", "5 bytes are too few"),
    ] {
        let error = read(&Bytes::from_static(bytes), &none, true).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let trailing = [&[1][..], &RAW_GUID, &[0], b"more"].concat();
    for has_indexes in [false, true] {
        let mut headers = AddedHeaders::new();
        headers.push("__value_schema_id", trailing.clone());
        let error = read(&Bytes::new(), &headers, has_indexes).unwrap_err().to_string();
        let expected = if has_indexes { 4 } else { 5 };
        assert_eq!(
            error,
            format!("no schema's id: the header __value_schema_id has {expected} bytes more than that")
        );
    }
    let error = read(&Bytes::from_static(b"\0\0\0\0\x07\x04\0"), &none, true).unwrap_err().to_string();
    assert_eq!(error, "the path to the message: the bytes end in the middle of it");
    for (header, words) in
        [(&b"\x02abc"[..], "begins with 0x02"), (b"\x01abc", "has 4 bytes"), (b"", "has 0 bytes")]
    {
        let mut headers = AddedHeaders::new();
        headers.push("__value_schema_id", Bytes::from_static(header));
        let error = read(&Bytes::new(), &headers, false).unwrap_err().to_string();
        assert!(error.contains("the header __value_schema_id") && error.contains(words), "{error}");
    }
}

#[test]
fn cut_anywhere_it_is_an_error_or_a_shorter_payload() {
    let (bytes, headers) = written(WireForm::GuidPrefix, guid(), Some(&[3, 0, 70]));
    let head = bytes.len() - b"payload".len();
    for length in 0..bytes.len() {
        let cut = bytes.slice(..length);
        assert_eq!(read(&cut, &headers, true).is_ok(), length >= head, "{length}");
    }
}
