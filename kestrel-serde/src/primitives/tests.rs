//! Bytes of Apache Kafka 4.3.1's own serializers, round trips, and the text of errors.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::{DeserializeContext, Deserializer, Ready, SerdeContext, SerdeError, Serializer};

const CTX: SerdeContext<'static> = SerdeContext::key("t");

fn encode<T: ?Sized, S: Serializer<T>>(serializer: &S, value: &T) -> Bytes {
    let mut out = BytesMut::from("before");
    serializer.serialize(&mut CTX.writing(), value, &mut out).unwrap();
    assert_eq!(&out[..6], b"before", "a serializer only appends");
    let bytes = out.freeze().slice(6..);
    assert!(
        serializer.as_bytes(value).is_none_or(|lent| lent == bytes),
        "what is lent is what is serialized"
    );
    bytes
}

fn decode<T, D: Deserializer<T>>(deserializer: &D, bytes: &[u8]) -> Result<T, SerdeError> {
    deserializer.deserialize(&CTX.reading(), &Bytes::copy_from_slice(bytes))
}

/// Checks both directions against bytes that Kafka's serializer printed.
fn equals_kafka<T, S>(serde: &S, vectors: &[(T, &str)])
where
    T: Debug + PartialEq,
    S: Serializer<T> + Deserializer<T>,
{
    for (value, expected) in vectors {
        let bytes = encode(serde, value);
        assert_eq!(hex(&bytes), *expected, "{value:?}");
        assert_eq!(decode::<T, _>(serde, &bytes).unwrap(), *value);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text_of<T: Debug>(result: Result<T, SerdeError>) -> String {
    format!("{:#}", result.unwrap_err())
}

#[test]
fn integers_equal_kafkas() {
    equals_kafka(
        &Int32,
        &[
            (0, "00000000"),
            (1, "00000001"),
            (-1, "ffffffff"),
            (258, "00000102"),
            (i32::MIN, "80000000"),
            (i32::MAX, "7fffffff"),
            (305_419_896, "12345678"),
        ],
    );
    equals_kafka(
        &Int64,
        &[
            (0, "0000000000000000"),
            (1, "0000000000000001"),
            (-1, "ffffffffffffffff"),
            (258, "0000000000000102"),
            (i64::MIN, "8000000000000000"),
            (i64::MAX, "7fffffffffffffff"),
            (1_700_000_000_123, "0000018bcfe5687b"),
        ],
    );
}

#[test]
fn floats_equal_kafkas() {
    equals_kafka(
        &Float32,
        &[
            (0.0, "00000000"),
            (-0.0, "80000000"),
            (1.0, "3f800000"),
            (-1.5, "bfc00000"),
            (std::f32::consts::PI, "40490fdb"),
            (f32::from_bits(1), "00000001"),
            (f32::MAX, "7f7fffff"),
            (f32::INFINITY, "7f800000"),
            (f32::NEG_INFINITY, "ff800000"),
        ],
    );
    equals_kafka(
        &Float64,
        &[
            (0.0, "0000000000000000"),
            (-0.0, "8000000000000000"),
            (1.0, "3ff0000000000000"),
            (-1.5, "bff8000000000000"),
            (std::f64::consts::PI, "400921fb54442d18"),
            (f64::from_bits(1), "0000000000000001"),
            (f64::MAX, "7fefffffffffffff"),
            (f64::INFINITY, "7ff0000000000000"),
            (f64::NEG_INFINITY, "fff0000000000000"),
        ],
    );
    assert_eq!(hex(&encode(&Float32, &f32::NAN)), "7fc00000");
    assert_eq!(hex(&encode(&Float64, &f64::NAN)), "7ff8000000000000");
}

#[test]
fn text_equals_kafkas() {
    let vectors = [
        ("", ""),
        ("abc", "616263"),
        ("Grüße", "4772c3bcc39f65"),
        ("日本", "e697a5e69cac"),
        ("🚚", "f09f9a9a"),
        ("\0", "00"),
    ];
    equals_kafka(&Utf8, &vectors.map(|(text, bytes)| (text.to_owned(), bytes)));
    assert_eq!(encode(&Utf8, "abc"), encode(&Utf8, &String::from("abc")));
}

#[cfg(feature = "uuid")]
#[test]
fn uuids_equal_kafkas() {
    for text in [
        "00000000-0000-0000-0000-000000000000",
        "123e4567-e89b-12d3-a456-426614174000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "6fa459ea-ee8a-3ca4-894e-db77e160355e",
    ] {
        let uuid: ::uuid::Uuid = decode(&Uuid, text.as_bytes()).unwrap();
        assert_eq!(encode(&Uuid, &uuid), text.as_bytes());
        assert_eq!(decode::<::uuid::Uuid, _>(&Uuid, text.to_uppercase().as_bytes()).unwrap(), uuid);
    }
}

#[cfg(feature = "uuid")]
#[test]
fn only_the_36_characters_are_a_uuid() {
    for text in
        ["", "1-1-1-1-1", "123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}"]
    {
        let error = text_of(decode::<::uuid::Uuid, _>(&Uuid, text.as_bytes()));
        assert_eq!(
            error,
            format!("cannot decode the key of topic t: expected 36 bytes, found {}", text.len())
        );
    }
    let error = decode::<::uuid::Uuid, _>(&Uuid, b"123e4567-e89b-12d3-a456-42661417400x").unwrap_err();
    assert!(error.cause().is::<::uuid::Error>(), "{error:#}");
    assert!(decode::<::uuid::Uuid, _>(&Uuid, &[0xff; 36]).is_err());
}

#[test]
fn raw_bytes_are_untouched_and_not_copied() {
    let value = [0, 1, 0xff];
    assert_eq!(encode(&Raw, &value), &value[..]);
    assert_eq!(encode(&Raw, &value[..]), &value[..]);
    assert_eq!(encode(&Raw, &value.to_vec()), &value[..]);
    assert_eq!(encode(&Raw, &Bytes::from_static(b"ab")), "ab");

    let bytes = Bytes::from(vec![1, 2, 3]);
    let slice: Bytes = Raw.deserialize(&CTX.reading(), &bytes).unwrap();
    assert_eq!(slice.as_ptr(), bytes.as_ptr());
    let copy: Vec<u8> = Raw.deserialize(&CTX.reading(), &bytes).unwrap();
    assert_eq!(copy, [1, 2, 3]);
    assert_ne!(copy.as_ptr(), bytes.as_ptr());
}

#[test]
fn unit_is_empty_and_ignores() {
    assert!(encode(&Unit, &()).is_empty());
    decode(&Unit, b"").unwrap();
    decode(&Unit, b"whatever").unwrap();
}

#[test]
fn a_wrong_length_says_both_lengths() {
    assert_eq!(
        text_of(decode::<i32, _>(&Int32, b"abc")),
        "cannot decode the key of topic t: expected 4 bytes, found 3"
    );
    assert_eq!(
        text_of(decode::<i64, _>(&Int64, b"")),
        "cannot decode the key of topic t: expected 8 bytes, found 0"
    );
    assert_eq!(
        text_of(decode::<f32, _>(&Float32, &[0; 5])),
        "cannot decode the key of topic t: expected 4 bytes, found 5"
    );
    assert_eq!(
        text_of(decode::<f64, _>(&Float64, &[0; 9])),
        "cannot decode the key of topic t: expected 8 bytes, found 9"
    );
}

#[test]
fn malformed_text_is_a_poison_pill_and_not_replaced() {
    let error = decode::<String, _>(&Utf8, b"ok\xff").unwrap_err();
    let cause = error.cause().downcast_ref::<std::str::Utf8Error>().unwrap();
    assert_eq!(cause.valid_up_to(), 2);
    assert_eq!(format!("{error:#}"), format!("cannot decode the key of topic t: {cause}"));
    assert_eq!((error.topic(), error.part()), (Some("t"), Some(crate::Part::Key)));
}

#[test]
fn other_integers_and_shared_text_fit_where_their_values_do() {
    assert_eq!(encode(&Int64, &7_u32), encode(&Int64, &7_i64));
    assert_eq!(decode::<u64, _>(&Int64, &7_i64.to_be_bytes()).unwrap(), 7);
    assert!(decode::<u64, _>(&Int64, &(-7_i64).to_be_bytes()).is_err());
    assert!(Int64.serialize(&mut CTX.writing(), &u64::MAX, &mut BytesMut::new()).is_err());
    assert_eq!(&*decode::<Arc<str>, _>(&Utf8, b"abc").unwrap(), "abc");
}

#[test]
fn a_shared_serializer_is_a_serializer() {
    let shared = Arc::new(Int32);
    assert_eq!(encode(&shared, &5_i32), encode(&Int32, &5_i32));
    assert_eq!(decode::<i32, _>(&shared, &[0, 0, 0, 5]).unwrap(), 5);
}

#[test]
fn a_format_chosen_at_run_time_is_a_format() {
    let number = |wide: bool| -> (Box<dyn Serializer<i32>>, Arc<dyn Deserializer<i32>>) {
        if wide { (Box::new(Int64), Arc::new(Int64)) } else { (Box::new(Int32), Arc::new(Int32)) }
    };
    for (wide, size) in [(false, 4), (true, 8)] {
        let (serializer, deserializer) = number(wide);
        let bytes = encode(&serializer, &5);
        assert_eq!(bytes.len(), size);
        assert_eq!(decode::<i32, _>(&deserializer, &bytes).unwrap(), 5);
    }
    // What a format lends, it lends behind a pointer too.
    let text: Box<dyn Serializer<str>> = Box::new(Utf8);
    assert_eq!(text.as_bytes("abc"), Some(&b"abc"[..]));
}

/// Knows a schema after it was asked twice.
#[derive(Debug)]
struct Slow(AtomicBool);

impl Deserializer<i32> for Slow {
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
        Ready::when(async move {
            tokio::task::yield_now().await;
            if bytes.is_empty() {
                return Err(SerdeError::decode(&ctx, "no schema"));
            }
            self.0.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<i32, SerdeError> {
        assert!(self.0.load(Ordering::Relaxed), "read before it was ready");
        Int32.deserialize(ctx, bytes)
    }
}

#[tokio::test]
async fn a_format_that_waits_waits_behind_pointers_too() {
    let slow: Arc<Box<dyn Deserializer<i32>>> = Arc::new(Box::new(Slow(AtomicBool::new(false))));
    assert!(slow.may_wait());
    assert!(slow.ready(CTX.reading(), &Bytes::new()).await.is_err());
    let bytes = Bytes::from_static(&[0, 0, 0, 5]);
    slow.ready(CTX.reading(), &bytes).await.unwrap();
    assert_eq!(slow.deserialize(&CTX.reading(), &bytes).unwrap(), 5);
}

#[tokio::test]
async fn plain_formats_are_ready_at_once() {
    Serializer::<str>::ready(&Utf8, CTX).await.unwrap();
    Deserializer::<String>::ready(&Utf8, CTX.reading(), &Bytes::new()).await.unwrap();
    Serializer::<i32>::ready(&Arc::new(Int32), CTX).await.unwrap();
    Deserializer::<i32>::ready(&Arc::new(Int32), CTX.reading(), &Bytes::new()).await.unwrap();
}

proptest! {
    #[test]
    fn integers_return(small: i32, large: i64) {
        prop_assert_eq!(decode::<i32, _>(&Int32, &encode(&Int32, &small)).unwrap(), small);
        prop_assert_eq!(decode::<i64, _>(&Int64, &encode(&Int64, &large)).unwrap(), large);
    }

    #[test]
    fn floats_return_bit_for_bit(single in any::<u32>().prop_map(f32::from_bits), double in any::<u64>().prop_map(f64::from_bits)) {
        let read: f32 = decode(&Float32, &encode(&Float32, &single)).unwrap();
        prop_assert_eq!(read.to_bits(), single.to_bits());
        let read: f64 = decode(&Float64, &encode(&Float64, &double)).unwrap();
        prop_assert_eq!(read.to_bits(), double.to_bits());
    }

    #[test]
    fn text_and_bytes_return(text: String, bytes: Vec<u8>) {
        prop_assert_eq!(decode::<String, _>(&Utf8, &encode(&Utf8, &text)).unwrap(), text);
        prop_assert_eq!(decode::<Vec<u8>, _>(&Raw, &encode(&Raw, &bytes)).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        prop_assert_eq!(decode::<i32, _>(&Int32, &bytes).is_ok(), bytes.len() == 4);
        prop_assert_eq!(decode::<f64, _>(&Float64, &bytes).is_ok(), bytes.len() == 8);
        prop_assert_eq!(decode::<String, _>(&Utf8, &bytes).is_ok(), std::str::from_utf8(&bytes).is_ok());
    }
}
