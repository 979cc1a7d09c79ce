//! Protobuf schemas: texts, normal forms, verdicts, and what strangers send.

mod compatibility;
mod compatibility_of_imports;
mod descriptors;
mod hostile;
mod texts;

use super::ProtobufSchema;
use crate::{Dependency, Reference};

fn parse(text: &str) -> ProtobufSchema {
    ProtobufSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A file of this path in version `version` of the subject of the same name.
fn dependency(path: &str, version: i32, text: &str) -> Dependency {
    let reference = Reference { name: path.to_owned(), subject: path.to_owned(), version };
    Dependency { reference, text: text.to_owned() }
}
