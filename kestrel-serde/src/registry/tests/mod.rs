//! Formats with a registry that is a table, and a clock that is set by hand.

#[cfg(all(feature = "avro", feature = "protobuf", feature = "json-schema"))]
mod allocations;
#[cfg(feature = "avro")]
mod avro;
#[cfg(feature = "generic")]
mod generic;
#[cfg(all(feature = "avro", feature = "protobuf", feature = "json-schema"))]
mod golden;
#[cfg(feature = "json-schema")]
mod json_schema;
#[cfg(feature = "protobuf")]
mod protobuf;
mod reading;
mod saved;
mod table;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use futures::executor::block_on;
use kestrel_schema::Schema;

use super::{CompleteSchema, Import, Registered, SchemaFormat};
use crate::{AddedHeaders, Deserializer, SerdeContext, SerdeError, Serializer, Utf8};

/// Words as they are, in a schema of any text. Counts the plans that are made.
#[derive(Debug, Clone)]
struct Words {
    schema: Schema,
    plans: Arc<AtomicUsize>,
}

fn words(schema: &str) -> Words {
    Words { schema: Schema::avro(schema), plans: Arc::default() }
}

impl SchemaFormat for Words {
    type Writer = Utf8;
    type Reader = Utf8;

    fn schema(&self) -> Schema {
        self.schema.clone()
    }

    fn record_name(&self) -> Option<String> {
        Some("acme.Word".into())
    }

    fn own_writer(&self) -> Result<Utf8, SerdeError> {
        Ok(Utf8)
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(Utf8, Vec<i32>), SerdeError> {
        self.reader(target, &[]).map(|writer| (writer, Vec::new()))
    }

    fn reader(&self, writer: &CompleteSchema, _: &[i32]) -> Result<Utf8, SerdeError> {
        self.plans.fetch_add(1, Ordering::Relaxed);
        if writer.schema().text == "another" { Err(SerdeError::schema("another format")) } else { Ok(Utf8) }
    }
}

/// The second message of a file that imports two others, one of which imports the other.
#[derive(Debug)]
struct Messages;

impl SchemaFormat for Messages {
    type Writer = Utf8;
    type Reader = Utf8;
    const HAS_MESSAGE_INDEXES: bool = true;

    fn schema(&self) -> Schema {
        Schema::protobuf("main")
    }

    fn imports(&self) -> Vec<Import> {
        let import = |name: &str, uses: &[&str]| Import {
            name: name.into(),
            schema: Schema::protobuf(name),
            uses: uses.iter().map(|name| (*name).to_owned()).collect(),
        };
        vec![import("b.proto", &[]), import("a.proto", &["b.proto"])]
    }

    fn uses(&self) -> Vec<String> {
        vec!["a.proto".into()]
    }

    fn record_name(&self) -> Option<String> {
        None
    }

    fn message_indexes(&self) -> Vec<i32> {
        vec![1]
    }

    fn own_writer(&self) -> Result<Utf8, SerdeError> {
        Ok(Utf8)
    }

    fn writer(&self, _: &CompleteSchema) -> Result<(Utf8, Vec<i32>), SerdeError> {
        Ok((Utf8, vec![2, 1]))
    }

    fn reader(&self, _: &CompleteSchema, message: &[i32]) -> Result<Utf8, SerdeError> {
        if message == [1] { Ok(Utf8) } else { Err(SerdeError::schema(format!("message {message:?}"))) }
    }
}

const VALUE: SerdeContext<'static> = SerdeContext::value("t");

/// A record's value and what was added to its headers.
type Written = (Bytes, AddedHeaders);

fn open<F: SchemaFormat<Writer = Utf8>>(
    format: &Registered<F>,
    ctx: SerdeContext<'_>,
) -> Result<(), SerdeError> {
    block_on(Serializer::<str>::ready(format, ctx))
}

fn write<F: SchemaFormat<Writer = Utf8>>(format: &Registered<F>, word: &str) -> Result<Written, SerdeError> {
    open(format, VALUE)?;
    write_without_waiting(format, word)
}

fn write_without_waiting<F: SchemaFormat<Writer = Utf8>>(
    format: &Registered<F>,
    word: &str,
) -> Result<Written, SerdeError> {
    let (mut ctx, mut out) = (VALUE.writing(), BytesMut::new());
    format.serialize(&mut ctx, word, &mut out)?;
    Ok((out.freeze(), ctx.into_added()))
}

/// Reads as a consumer does: asks whether it is ready, waits, reads.
fn read<D: Deserializer<String>>(format: &D, (bytes, headers): &Written) -> Result<String, SerdeError> {
    let ctx = VALUE.reading().with_headers(headers);
    block_on(format.ready(ctx, bytes))?;
    format.deserialize(&ctx, bytes)
}

fn with_id(id: i32, payload: &str) -> Written {
    ([&[0][..], &id.to_be_bytes(), payload.as_bytes()].concat().into(), AddedHeaders::new())
}

fn in_one_line(error: &SerdeError) -> String {
    format!("{error:#}")
}
