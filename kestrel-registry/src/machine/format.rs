//! The text of a schema in the formats that clients may ask for.

use kestrel_schema::{ParsedSchema, Schema};

/// The text in this format; the stored one for those that a schema of its type does not have, as Confluent's registry does it.
pub(super) fn formatted(parsed: &ParsedSchema, stored: &Schema, format: &str) -> String {
    match parsed {
        ParsedSchema::Protobuf(schema) if is_of_protobuf(format) => {
            schema.formatted(&format.to_ascii_lowercase())
        }
        _ => stored.text.clone(),
    }
}

fn is_of_protobuf(format: &str) -> bool {
    ["serialized", "ignore_extensions"].iter().any(|known| known.eq_ignore_ascii_case(format))
}
