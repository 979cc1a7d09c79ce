//! One case: its values go into a topic for each form, or are read from there and held against what they should be.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use clap::ValueEnum;
use futures::TryStreamExt;
use kestrel_client::{Client, ConsumerRecord, Place};
use kestrel_schema::{Reference, Schema};
use kestrel_serde::registry::{Registered, Registry, SchemaFormat, WriteIn};
use kestrel_serde::{Deserializer, Raw, SerdeContext, Serializer, Unit};

use super::Result;

/// Where the schema of a record is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// By its id before the bytes.
    Id,
    /// By its GUID there.
    Guid,
    /// By its GUID in a header.
    Header,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Guid => "guid",
            Self::Header => "header",
        }
    }

    fn of<F: SchemaFormat>(self, format: Registered<F>) -> Registered<F> {
        match self {
            Self::Id => format,
            Self::Guid => format.guid_prefix(),
            Self::Header => format.header_form(),
        }
    }
}

/// What is done with all cases, and where.
pub(crate) struct Exchange {
    pub(crate) client: Client,
    pub(crate) registry: Registry,
    /// The beginning of the topics' names.
    pub(crate) prefix: String,
    pub(crate) writer: String,
    pub(crate) forms: Vec<Form>,
    /// Whether it writes, or reads what the writer has written.
    pub(crate) writes: bool,
}

/// What the bytes of a case are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytewise {
    /// Those that this side would have written.
    Same,
    /// Nothing: one value has many forms.
    Free,
}

impl Exchange {
    /// The case of this name, with a schema that the format registers itself.
    pub(crate) async fn run<F, T>(&self, case: &str, format: &F, values: &[T], bytewise: Bytewise) -> Result
    where
        F: SchemaFormat + Clone,
        Registered<F>: Serializer<T> + Deserializer<T>,
        T: Debug + PartialEq + Send + Sync + 'static,
    {
        for form in &self.forms {
            let topic = self.topic(case, *form);
            let registered = self.registry.format(format.clone());
            self.run_form(&topic, *form, registered, values, bytewise).await?;
        }
        Ok(())
    }

    /// The same with a schema that refers to others, which somebody else registers.
    pub(crate) async fn run_with_references<F, T>(
        &self,
        case: &str,
        format: &F,
        schema: &Schema,
        references: &[(&str, Schema)],
        values: &[T],
        bytewise: Bytewise,
    ) -> Result
    where
        F: SchemaFormat + Clone,
        Registered<F>: Serializer<T> + Deserializer<T>,
        T: Debug + PartialEq + Send + Sync + 'static,
    {
        for form in &self.forms {
            let topic = self.topic(case, *form);
            if self.writes {
                self.register(&format!("{topic}-value"), schema, references).await?;
            }
            let registered = self.registry.format(format.clone()).write_in(WriteIn::Latest);
            self.run_form(&topic, *form, registered, values, bytewise).await?;
        }
        Ok(())
    }

    fn topic(&self, case: &str, form: Form) -> String {
        format!("{}-{}-{case}-{}", self.prefix, self.writer, form.name())
    }

    async fn register(&self, subject: &str, schema: &Schema, references: &[(&str, Schema)]) -> Result {
        let (registry, mut found) = (self.registry.inner(), Vec::new());
        for (name, referred) in references {
            registry.register(name, referred, false).await?;
            let registered = registry.look_up(name, referred, false).await?;
            let version = registered.version.ok_or("the registry does not say a version")?;
            found.push(Reference { name: (*name).to_owned(), subject: (*name).to_owned(), version });
        }
        registry.register(subject, &schema.clone().with_references(found), false).await?;
        Ok(())
    }

    async fn run_form<F, T>(
        &self,
        topic: &str,
        form: Form,
        format: Registered<F>,
        values: &[T],
        bytewise: Bytewise,
    ) -> Result
    where
        F: SchemaFormat,
        Registered<F>: Serializer<T> + Deserializer<T>,
        T: Debug + PartialEq + Send + Sync + 'static,
    {
        if self.writes {
            return self.write(topic, form.of(format), values).await;
        }
        self.read(topic, format.clone(), values).await.map_err(|error| format!("{topic}: {error:#}"))?;
        if bytewise == Bytewise::Same {
            // In the schema that the writer has registered, whichever it is.
            self.compare_bytes(topic, &form.of(format.write_in(WriteIn::Latest)), values).await?;
        }
        Ok(())
    }

    async fn write<F, T>(&self, topic: &str, format: Registered<F>, values: &[T]) -> Result
    where
        F: SchemaFormat,
        Registered<F>: Serializer<T>,
        T: Send + Sync + 'static,
    {
        let producer = self.client.producer().build().await?;
        let topic = producer.topic::<(), T>(topic).key(Unit).value(format).open().await?;
        for value in values {
            topic.send_unkeyed(value).await?.await?;
        }
        Ok(())
    }

    async fn read<F, T>(&self, topic: &str, format: Registered<F>, values: &[T]) -> Result
    where
        F: SchemaFormat,
        Registered<F>: Deserializer<T>,
        T: Debug + PartialEq + Send + Sync + 'static,
    {
        let records = self
            .client
            .assigned_consumer::<(), T>()
            .assign_topics([topic])
            .key(Unit)
            .value(format)
            .between(Place::Beginning, Place::End)
            .build()
            .await?;
        let read: Vec<_> = records.map_ok(|record| record.value).try_collect().await?;
        for (number, (read, value)) in read.iter().zip(values).enumerate() {
            if read.as_ref() != Some(value) {
                return Err(format!("record {number} is {read:?}, and should be {value:?}").into());
            }
        }
        if read.len() != values.len() {
            return Err(format!("there are {} records, and should be {}", read.len(), values.len()).into());
        }
        Ok(())
    }

    /// Whether this side would have written the same bytes and the same header.
    async fn compare_bytes<F, T>(&self, topic: &str, format: &Registered<F>, values: &[T]) -> Result
    where
        F: SchemaFormat,
        Registered<F>: Serializer<T>,
        T: Debug + Sync,
    {
        let records = self
            .client
            .assigned_consumer::<Bytes, Bytes>()
            .assign_topics([topic])
            .key(Raw)
            .value(Raw)
            .between(Place::Beginning, Place::End)
            .build()
            .await?;
        let records: Vec<ConsumerRecord<Bytes, Bytes>> = records.try_collect().await?;
        let ctx = SerdeContext::value(topic);
        Serializer::<T>::ready(format, ctx).await?;
        for (record, value) in records.iter().zip(values) {
            let (mut bytes, mut writing) = (BytesMut::new(), ctx.writing());
            format.serialize(&mut writing, value, &mut bytes)?;
            let header = writing.header("__value_schema_id");
            if record.headers.last("__value_schema_id").flatten() != header {
                return Err(format!("{topic}: the header of {value:?} should be {header:x?}").into());
            }
            if record.value.as_deref() != Some(&bytes[..]) {
                let read = &record.value;
                return Err(format!(
                    "{topic}: the bytes of {value:?} are {read:x?}, and should be {bytes:x?}"
                )
                .into());
            }
        }
        Ok(())
    }
}

/// A file of `kestrel-serde/testdata/typed`.
pub(crate) fn read_text(file: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kestrel-serde/testdata/typed").join(file);
    Ok(fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}
