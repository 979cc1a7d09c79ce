//! Bytes of confluent-kafka's ProtobufSerializer: `testdata/make_protobuf_vectors.py`.

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use super::{Discount, Line, Order};
use crate::{Deserializer, Protobuf, SerdeContext, Serializer};

const CTX: SerdeContext<'static> = SerdeContext::value("orders");

#[derive(Deserialize)]
struct Vector {
    name: String,
    message: String,
    #[cfg_attr(not(feature = "registry"), expect(dead_code))]
    indexes_and_payload: String,
    payload: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../testdata/protobuf_vectors.json")).expect("the vectors")
}

fn unhex(hex: &str) -> Bytes {
    let digit =
        |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).expect("a hex digit");
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn read_and_written<T: prost::Message + Default + 'static>(bytes: &Bytes) -> Bytes {
    let value: T = Protobuf.deserialize(&CTX.reading(), bytes).expect("a message");
    let mut out = BytesMut::new();
    Protobuf.serialize(&mut CTX.writing(), &value, &mut out).expect("a message");
    out.freeze()
}

#[test]
fn what_python_wrote_is_read_and_written_the_same() {
    let mut typed = 0;
    for Vector { name, message, payload, .. } in vectors() {
        let bytes = unhex(&payload);
        let again = match &*message {
            "shop.Order" => read_and_written::<Order>(&bytes),
            "shop.Order.Line" => read_and_written::<Line>(&bytes),
            "shop.Order.Line.Discount" => read_and_written::<Discount>(&bytes),
            _ => continue,
        };
        assert_eq!(again, bytes, "{name}");
        typed += 1;
    }
    assert_eq!(typed, 5);
}

#[cfg(feature = "registry")]
mod with_a_registry {
    use super::{Bytes, BytesMut, CTX, Vector, unhex, vectors};
    use crate::registry::{CompleteSchema, RegisteredSchema, SchemaFormat};
    use crate::{Deserializer, ProtobufValue, Serializer};

    const TEXT: &str = include_str!("../../../testdata/protobuf_cases.proto");

    #[test]
    fn indexes_and_payloads_are_those_of_python() {
        for Vector { name, message, indexes_and_payload, payload } in vectors() {
            let format = ProtobufValue::from_proto(TEXT, &message).expect("a message of the file");
            let bytes = unhex(&payload);
            let value = format.deserialize(&CTX.reading(), &bytes).expect("a message");
            let mut out = BytesMut::from(&head(&format.message_indexes())[..]);
            format.serialize(&mut CTX.writing(), &value, &mut out).expect("a message");
            assert_eq!(out.freeze(), unhex(&indexes_and_payload), "{name}");
        }
    }

    /// Python names the message by its place among protoc's descriptors, where a map has a place too.
    #[test]
    fn messages_are_found_at_the_places_of_a_descriptor() {
        let pool = ProtobufValue::from_proto(TEXT, "shop.Order.Line").expect("a message of the file");
        let schema = CompleteSchema::new(RegisteredSchema::new(pool.schema()), Vec::new());
        assert!(pool.reader(&schema, &pool.message_indexes()).is_ok());
        assert!(pool.reader(&schema, &[1]).is_err());
    }

    fn head(indexes: &[i32]) -> Bytes {
        if indexes == [0] {
            return Bytes::from_static(&[0]);
        }
        let numbers = std::iter::once(indexes.len())
            .chain(indexes.iter().map(|&index| usize::try_from(index).expect("an index")));
        numbers.map(|number| u8::try_from(number << 1).expect("a small number")).collect()
    }
}
