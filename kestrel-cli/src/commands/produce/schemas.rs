//! How keys and values are written, and in which schemas.

use std::path::{Path, PathBuf};

use clap::Args;
use kestrel_client::registry::{
    AvroJson, ProtobufJson, Registered, Registry, SchemaFormat, SubjectStrategy, WriteIn,
};
use kestrel_client::serde::{JsonSchema, SerdeError, Serializer};
use serde_json::Value;

use crate::failure::Failure;
use crate::records::encode::Encoder;
use crate::records::field_format::FieldFormat;
use crate::session::Session;

/// How keys and values are written. Without a schema it is the latest version of the subject.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Formats")]
pub(super) struct SchemaArguments {
    /// What keys are written as
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    key_format: FieldFormat,

    /// What values are written as
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    value_format: FieldFormat,

    /// The schema of values, which is registered if it is not [default: the latest version of the subject]
    #[arg(long, value_name = "FILE", conflicts_with = "schema_id")]
    schema: Option<PathBuf>,

    /// The schema of values by its id
    #[arg(long, value_name = "ID")]
    schema_id: Option<i32>,

    /// The subject of the schema of values [default: TOPIC-value]
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,

    /// In Protobuf, the full name of the values' message [default: the schema's first]
    #[arg(long, value_name = "NAME")]
    message: Option<String>,

    /// The schema of keys, which is registered if it is not [default: the latest version of the subject]
    #[arg(long, value_name = "FILE")]
    key_schema: Option<PathBuf>,

    /// The subject of the schema of keys [default: TOPIC-key]
    #[arg(long, value_name = "SUBJECT")]
    key_subject: Option<String>,
}

/// Which schema of a subject.
#[derive(Debug, Default)]
struct Choice<'a> {
    file: Option<&'a Path>,
    id: Option<i32>,
    subject: Option<&'a str>,
    message: Option<&'a str>,
}

impl SchemaArguments {
    /// What writes keys and values.
    pub(super) fn encoders(&self, session: &Session) -> Result<(Encoder, Encoder), Failure> {
        let key = Choice {
            file: self.key_schema.as_deref(),
            subject: self.key_subject.as_deref(),
            ..Choice::default()
        };
        let value = Choice {
            file: self.schema.as_deref(),
            id: self.schema_id,
            subject: self.subject.as_deref(),
            message: self.message.as_deref(),
        };
        let registry = match self.key_format.needs_registry() || self.value_format.needs_registry() {
            true => Some(Registry::from(session.registry()?)),
            false => None,
        };
        let key = key.encoder(self.key_format, registry.as_ref(), "--key-schema and --key-subject")?;
        let value = value.encoder(
            self.value_format,
            registry.as_ref(),
            "--schema, --schema-id, --subject and --message",
        )?;
        Ok((key, value))
    }
}

impl Choice<'_> {
    fn encoder(
        &self,
        format: FieldFormat,
        registry: Option<&Registry>,
        options: &str,
    ) -> Result<Encoder, Failure> {
        let is_chosen =
            self.file.is_some() || self.id.is_some() || self.subject.is_some() || self.message.is_some();
        let registry = match registry.filter(|_| format.needs_registry()) {
            Some(registry) => registry,
            None if is_chosen => {
                return Err(Failure::usage(format!(
                    "{options} are for the formats avro, protobuf and json-schema"
                )));
            }
            None if matches!(format, FieldFormat::Auto | FieldFormat::Bytes) => {
                return Ok(Encoder::AsTheyAre);
            }
            None => return Ok(Encoder::Plain(format)),
        };
        let text = self.file.map(read).transpose()?;
        let text = text.as_deref();
        let serializer = match format {
            FieldFormat::Avro => {
                let format = text.map_or_else(|| Ok(AvroJson::any()), AvroJson::parse);
                self.serializer(registry, format.map_err(|error| self.unusable(&error))?)
            }
            FieldFormat::Protobuf => self.serializer(registry, self.protobuf(text)?),
            _ => {
                let format = JsonSchema::parse(text.unwrap_or("true"));
                self.serializer(registry, format.map_err(|error| self.unusable(&error))?)
            }
        };
        Ok(Encoder::Registered(serializer))
    }

    fn protobuf(&self, text: Option<&str>) -> Result<ProtobufJson, Failure> {
        match (text, self.message) {
            (None, None) => Ok(ProtobufJson::any()),
            (None, Some(message)) => Ok(ProtobufJson::any().message(message)),
            (Some(text), Some(message)) => {
                ProtobufJson::from_proto(text, message).map_err(|error| self.unusable(&error))
            }
            (Some(_), None) => Err(Failure::usage(
                "--schema of Protobuf needs --message: which of its messages the values are",
            )),
        }
    }

    fn unusable(&self, error: &SerdeError) -> Failure {
        let file = self.file.unwrap_or_else(|| Path::new("--schema")).display();
        Failure::new(format!("{file}: {error:#}"))
    }

    fn serializer<F>(&self, registry: &Registry, format: F) -> Box<dyn Serializer<Value>>
    where
        F: SchemaFormat,
        F::Writer: Serializer<Value>,
        Registered<F>: Serializer<Value>,
    {
        let schema = match (self.file, self.id) {
            (Some(_), _) => WriteIn::Own,
            (None, Some(id)) => WriteIn::Id(id),
            (None, None) => WriteIn::Latest,
        };
        let mut registered = registry.format(format).write_in(schema);
        if let Some(subject) = self.subject {
            let subject = subject.to_owned();
            registered = registered.subject_strategy(SubjectStrategy::custom(move |_, _| subject.clone()));
        }
        Box::new(registered)
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
