//! What keys and values are, as `--key-format` and `--value-format` say it.

use clap::ValueEnum;

/// What the bytes of a key or value mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FieldFormat {
    /// By what they look like: Kafka's own topics, and what begins with a schema's id where there is a registry
    #[default]
    Auto,
    /// Nothing: they are bytes
    Bytes,
    /// A text in UTF-8
    String,
    /// A JSON document
    Json,
    /// Kafka's IntegerSerializer
    Int32,
    /// Kafka's LongSerializer
    Int64,
    /// Kafka's FloatSerializer
    Float32,
    /// Kafka's DoubleSerializer
    Float64,
    /// Avro with a schema registry
    Avro,
    /// Protobuf with a schema registry
    Protobuf,
    /// JSON with a schema registry
    JsonSchema,
}

impl FieldFormat {
    /// Whether it is nothing without a schema registry.
    pub(crate) const fn needs_registry(self) -> bool {
        matches!(self, Self::Avro | Self::Protobuf | Self::JsonSchema)
    }
}
