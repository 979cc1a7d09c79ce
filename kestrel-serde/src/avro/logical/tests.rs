//! Bytes that confluent-kafka's serializer has written (fastavro 1.13, Python 3), and what no decimal can be.

use apache_avro::AvroSchema;
use bytes::{Bytes, BytesMut};

use super::*;
use crate::{Avro, Deserializer, SerdeContext, Serializer};

#[derive(Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
struct Payment {
    amount: Decimal<9, 2>,
    refund: Option<Decimal<9, 2>>,
    day: Date,
    time: TimeMillis,
    at: TimestampMillis,
    exactly: TimestampMicros,
    id: UuidText,
    parent: Option<UuidText>,
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A payment, and how it was written there.
fn vectors() -> Vec<(Payment, Vec<u8>)> {
    let uuid = |number| UuidText(Uuid::from_u128(number));
    vec![
        (
            Payment {
                amount: "-12.34".parse().unwrap(),
                refund: None,
                day: Date(20_787),
                time: TimeMillis(86_399_999),
                at: TimestampMillis(1_796_014_800_123),
                exactly: TimestampMicros(-1),
                id: uuid(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8),
                parent: None,
            },
            bytes(
                "04fb2e00e6c402feefb252f6f397adc568014836376535353034342d313062312d343236662d393234372d62623638306535666530633800",
            ),
        ),
        (
            Payment {
                amount: "1234567.89".parse().unwrap(),
                refund: Some(Decimal::new(0)),
                day: Date(-1),
                time: TimeMillis(0),
                at: TimestampMillis(0),
                exactly: TimestampMicros(0),
                id: uuid(0),
                parent: Some(uuid(u128::MAX)),
            },
            bytes(
                "08075bcd15020200010000004830303030303030302d303030302d303030302d303030302d303030303030303030303030024866666666666666662d666666662d666666662d666666662d666666666666666666666666",
            ),
        ),
    ]
}

#[test]
fn what_other_people_wrote_is_read_and_written_alike() {
    let avro = Avro::of::<Payment>().unwrap();
    let ctx = SerdeContext::value("payments");
    for (payment, theirs) in vectors() {
        let mut ours = BytesMut::new();
        avro.serialize(&mut ctx.writing(), &payment, &mut ours).unwrap();
        assert_eq!(ours, theirs);
        let read: Payment = avro.deserialize(&ctx.reading(), &ours.freeze()).unwrap();
        assert_eq!(read, payment);
    }
}

#[test]
fn the_schema_is_as_other_people_write_it() {
    let field = |name: &str, of_type: &str| format!(r#"{{"name":"{name}","type":{of_type}}}"#);
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#;
    let theirs = format!(
        r#"{{"type":"record","name":"Payment","fields":[{},{{"name":"refund","type":["null",{decimal}],"default":null}},{},{},{},{},{},{{"name":"parent","type":["null",{{"type":"string","logicalType":"uuid"}}],"default":null}}]}}"#,
        field("amount", decimal),
        field("day", r#"{"type":"int","logicalType":"date"}"#),
        field("time", r#"{"type":"int","logicalType":"time-millis"}"#),
        field("at", r#"{"type":"long","logicalType":"timestamp-millis"}"#),
        field("exactly", r#"{"type":"long","logicalType":"timestamp-micros"}"#),
        field("id", r#"{"type":"string","logicalType":"uuid"}"#),
    );
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&Avro::of::<Payment>().unwrap().schema_text()), value(&theirs));
}

/// The bytes of a decimal of 9 digits, as Avro writes it alone.
fn written(decimal: Decimal<9, 2>) -> Result<Bytes, String> {
    let mut out = BytesMut::new();
    let avro = Avro::of::<Decimal<9, 2>>().unwrap();
    let written = avro.serialize(&mut SerdeContext::value("t").writing(), &decimal, &mut out);
    written.map(|()| out.freeze()).map_err(|error| format!("{error:#}"))
}

fn read(bytes: &[u8]) -> Result<i128, String> {
    let avro = Avro::of::<Decimal<9, 2>>().unwrap();
    let mut datum = vec![u8::try_from(bytes.len() * 2).unwrap()];
    datum.extend_from_slice(bytes);
    let read = avro.deserialize(&SerdeContext::value("t").reading(), &datum.into());
    read.map(Decimal::<9, 2>::unscaled).map_err(|error| format!("{error:#}"))
}

#[test]
fn decimals_take_as_few_bytes_as_javas() {
    for (unscaled, bytes) in [
        (0, &[0][..]),
        (127, &[0x7f]),
        (128, &[0, 0x80]),
        (-128, &[0x80]),
        (-129, &[0xff, 0x7f]),
        (999_999_999, &[0x3b, 0x9a, 0xc9, 0xff]),
        (-999_999_999, &[0xc4, 0x65, 0x36, 1]),
    ] {
        assert_eq!(written(Decimal::new(unscaled)).unwrap()[1..], *bytes, "{unscaled}");
        assert_eq!(read(bytes), Ok(unscaled));
    }
}

#[test]
fn decimals_are_read_with_as_many_bytes_as_others_take() {
    assert_eq!(read(&[0xff, 0x80]), Ok(-128), "as fastavro writes it");
    assert_eq!(read(&[]), Ok(0));
    assert_eq!(read(&[[0xff; 20].as_slice(), &[0x80]].concat()), Ok(-128));
    assert_eq!(read(&[[0; 20].as_slice(), &[0x80]].concat()), Ok(128));
    assert_eq!(read(&i128::MIN.to_be_bytes()), Ok(i128::MIN));
    for too_large in [[&[1][..], &[0; 16]].concat(), [&[0xff][..], &[0x7f; 16]].concat()] {
        assert!(read(&too_large).unwrap_err().contains("more than 128 bits"));
    }
}

#[test]
fn what_no_decimal_of_its_digits_is_is_refused() {
    for text in ["", ".", "-", "1.234", "10000000.00", "1,5", "1.-5", "1e3", "- 1", "1. 5", "0x1"] {
        assert!(text.parse::<Decimal<9, 2>>().is_err(), "{text}");
    }
    for (text, unscaled) in
        [("1", 100), ("+1.5", 150), ("-0.05", -5), (".5", 50), ("9999999.99", 999_999_999), ("-.01", -1)]
    {
        assert_eq!(text.parse(), Ok(Decimal::<9, 2>::new(unscaled)), "{text}");
    }
    assert_eq!(Decimal::<9, 2>::new(-5).to_string(), "-0.05");
    assert_eq!(Decimal::<3, 0>::new(7).to_string(), "7");
    let error = written(Decimal::new(1_000_000_000)).unwrap_err();
    assert!(
        error.contains("10000000.00 is no decimal number of 9 digits, 2 of them behind the point"),
        "{error}"
    );
    assert!(Decimal::<38, 0>::new(i128::MAX).unscaled() > 0);
}
