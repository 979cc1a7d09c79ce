//! Bare bytes: evolution by protobuf's rules, and bytes of strangers.

use bytes::{Bytes, BytesMut};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

use super::{Discount, Line, Order};
use crate::{Deserializer, Protobuf, ProtobufValue, SerdeContext, SerdeError, Serializer};

const CTX: SerdeContext<'static> = SerdeContext::value("orders");

fn written<T>(format: &impl Serializer<T>, value: &T) -> Bytes {
    let mut out = BytesMut::from(&b"batch"[..]);
    format.serialize(&mut CTX.writing(), value, &mut out).expect("a value that can be written");
    assert!(out.starts_with(b"batch"), "a serializer only appends");
    out.freeze().split_off(5)
}

fn read<T: prost::Message + Default + 'static>(bytes: &Bytes) -> Result<T, SerdeError> {
    Protobuf.deserialize(&CTX.reading(), bytes)
}

#[test]
fn fields_that_a_reader_does_not_know_are_dropped() {
    let line = Line { sku: 1, change: -1, discounts: vec![Discount { percent: 1.0 }] };
    #[derive(Clone, PartialEq, prost::Message)]
    struct OldLine {
        #[prost(int64, tag = "1")]
        sku: i64,
        #[prost(string, tag = "9")]
        comment: String,
    }
    let read: OldLine = read(&written(&Protobuf, &line)).expect("an older reader");
    assert_eq!(read, OldLine { sku: 1, comment: String::new() });
}

#[test]
fn fields_that_a_descriptor_does_not_know_are_kept() {
    let empty =
        DescriptorPool::global().get_message_by_name("google.protobuf.Empty").expect("a known message");
    let values = ProtobufValue::new(empty).expect("a message of proto3");
    let bytes = written(&Protobuf, &Line { sku: 1, change: -1, discounts: Vec::new() });
    let value = values.deserialize(&CTX.reading(), &bytes).expect("any message");
    assert_eq!(written(&values, &value), bytes);
}

#[test]
fn bytes_fields_are_not_copied() {
    let bytes = written(&Protobuf, &Order { signature: Bytes::from_static(b"signed"), ..Order::default() });
    let order: Order = read(&bytes).expect("an order");
    assert!(bytes.as_ptr_range().contains(&order.signature.as_ptr()));
}

#[test]
fn no_bytes_are_the_default() {
    assert_eq!(read::<Order>(&Bytes::new()).expect("no fields"), Order::default());
}

#[test]
fn bytes_that_are_no_message_are_poison() {
    for bytes in [
        &[0x08][..],
        &[0x0a, 5, 1],
        &[0x1a, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0xff; 20],
        &[0x0b],
        &[0x00, 0x01],
    ] {
        let error = read::<Order>(&Bytes::copy_from_slice(bytes)).expect_err("no order");
        assert!(matches!(error, SerdeError::Decode { .. }), "{error:#}");
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Nested {
    #[prost(message, optional, boxed, tag = "1")]
    inner: Option<Box<Self>>,
    #[prost(bytes = "bytes", tag = "2")]
    sealed: Bytes,
}

#[test]
fn messages_deep_in_each_other_are_poison() {
    let nested = |depth| {
        let mut bytes = BytesMut::new();
        for _ in 0..depth {
            let inner = bytes.split();
            prost::encoding::bytes::encode(1, &inner.to_vec(), &mut bytes);
        }
        bytes.freeze()
    };
    assert!(read::<Nested>(&nested(100)).is_ok());
    let error = read::<Nested>(&nested(1_000)).expect_err("too deep");
    assert!(format!("{error:#}").contains("recursion limit"), "{error:#}");
}

#[test]
fn what_is_too_deep_to_be_read_is_not_written() {
    let nested = |depth, sealed| {
        let innermost = Nested { sealed, ..Nested::default() };
        (0..depth).fold(innermost, |inner, _| Nested { inner: Some(Box::new(inner)), ..Nested::default() })
    };
    let deepest = nested(100, Bytes::new());
    let bytes = written(&Protobuf, &deepest);
    assert_eq!(read::<Nested>(&bytes).expect("the deepest"), deepest);
    // What looks like a message and is none is no level.
    let sealed = nested(60, bytes);
    assert_eq!(read::<Nested>(&written(&Protobuf, &sealed)).expect("bytes in the deepest"), sealed);
    for depth in [101, 150, 1_000] {
        let mut out = BytesMut::from(&b"batch"[..]);
        let refused = Protobuf.serialize(&mut CTX.writing(), &nested(depth, Bytes::new()), &mut out);
        assert_eq!(
            format!("{:#}", refused.expect_err("too deep")),
            "cannot encode the value of topic orders: more than 100 messages lie in each other, which no reader takes"
        );
        assert_eq!(&out[..], b"batch");
    }
}

#[test]
fn what_is_too_deep_to_be_read_is_not_written_as_a_dynamic_message() {
    let pool = DescriptorPool::global();
    let message = |name: &str| pool.get_message_by_name(name).expect("a known message");
    let (value, list) = (message("google.protobuf.Value"), message("google.protobuf.ListValue"));
    let lists = |count| {
        (0..count).fold(DynamicMessage::new(value.clone()), |inner, _| {
            let mut values = DynamicMessage::new(list.clone());
            values.set_field_by_name("values", Value::List(vec![Value::Message(inner)]));
            let mut outer = DynamicMessage::new(value.clone());
            outer.set_field_by_name("list_value", Value::Message(values));
            outer
        })
    };
    let values = ProtobufValue::new(value.clone()).expect("a message of proto3");
    let bytes = written(&values, &lists(50));
    assert_eq!(values.deserialize(&CTX.reading(), &bytes).expect("the deepest"), lists(50));
    let refused = values.serialize(&mut CTX.writing(), &lists(51), &mut BytesMut::new());
    let refused = format!("{:#}", refused.expect_err("too deep"));
    assert!(
        refused.ends_with("more than 100 messages lie in each other, which no reader takes"),
        "{refused}"
    );
}

/// Messages and groups in each other, known and unknown, on as much of the stack as tokio's workers have.
#[test]
fn dynamic_messages_deep_in_each_other_are_poison() {
    let values = |name: &str| {
        let message = DescriptorPool::global().get_message_by_name(name).expect("a known message");
        ProtobufValue::new(message).expect("a message of proto3")
    };
    let deep = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let groups = Bytes::from(vec![0x0b; 100_000]);
        for name in ["google.protobuf.Empty", "google.protobuf.Value"] {
            let error = values(name).deserialize(&CTX.reading(), &groups).expect_err("groups without an end");
            assert!(matches!(error, SerdeError::Decode { .. }), "{error:#}");
        }
        assert!(read::<Order>(&groups).is_err());
        // Lists of lists: the field 6 of a value, the field 1 of a list.
        let mut lists = Vec::new();
        for _ in 0..2_000 {
            for tag in [0x0a, 0x32] {
                let mut outer = vec![tag];
                prost::encoding::encode_varint(lists.len() as u64, &mut outer);
                outer.append(&mut lists);
                lists = outer;
            }
        }
        let error =
            values("google.protobuf.Value").deserialize(&CTX.reading(), &lists.into()).expect_err("too deep");
        assert!(format!("{error:#}").contains("recursion limit"), "{error:#}");
    });
    deep.expect("a thread").join().expect("no panic");
}

#[test]
fn a_dynamic_message_of_another_type_is_not_written() {
    let pool = DescriptorPool::global();
    let message = |name: &str| pool.get_message_by_name(name).expect("a known message");
    let timestamps = ProtobufValue::new(message("google.protobuf.Timestamp")).expect("a message of proto3");
    let duration = DynamicMessage::new(message("google.protobuf.Duration"));
    let error =
        timestamps.serialize(&mut CTX.writing(), &duration, &mut BytesMut::new()).expect_err("another type");
    assert_eq!(
        format!("{error:#}"),
        "cannot encode the value of topic orders: a google.protobuf.Duration where a google.protobuf.Timestamp is expected"
    );
}

#[test]
fn a_dynamic_message_is_written_as_the_typed_one() {
    let timestamp =
        DescriptorPool::global().get_message_by_name("google.protobuf.Timestamp").expect("a known message");
    let mut value = DynamicMessage::new(timestamp.clone());
    value.set_field_by_name("seconds", Value::I64(7));
    value.set_field_by_name("nanos", Value::I32(9));
    let values = ProtobufValue::new(timestamp).expect("a message of proto3");
    assert_eq!(written(&values, &value), written(&Protobuf, &super::Timestamp { seconds: 7, nanos: 9 }));
}
