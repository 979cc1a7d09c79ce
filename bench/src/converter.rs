//! The serializers of the crate `schema_registry_converter`, used as its documentation says.

use apache_avro::from_value;
use prost::Message;
use schema_registry_converter::async_impl::avro::{AvroDecoder, AvroEncoder};
use schema_registry_converter::async_impl::json::{JsonDecoder, JsonEncoder};
use schema_registry_converter::async_impl::proto_raw::{ProtoRawDecoder, ProtoRawEncoder};
use schema_registry_converter::async_impl::schema_registry::SrSettings;
use schema_registry_converter::schema_registry_common::{SchemaType, SubjectNameStrategy, SuppliedSchema};

use crate::{BoxError, Format, Order};

const NAME: &str = "bench.Order";

/// Writes orders under the subject of a topic.
#[derive(Debug)]
pub struct ConverterWriter {
    encoder: Encoder,
    subject: SubjectNameStrategy,
}

#[derive(Debug)]
enum Encoder {
    Avro(AvroEncoder),
    Protobuf(ProtoRawEncoder),
    Json(JsonEncoder),
}

impl ConverterWriter {
    /// Registers the schema; from then on it is known.
    ///
    /// # Errors
    /// What the registry says.
    pub async fn open(format: Format, registry_url: &str, topic: &str) -> Result<Self, BoxError> {
        let settings = settings(registry_url)?;
        let (encoder, schema_type) = match format {
            Format::Avro => (Encoder::Avro(AvroEncoder::new(settings)), SchemaType::Avro),
            Format::Protobuf => (Encoder::Protobuf(ProtoRawEncoder::new(settings)), SchemaType::Protobuf),
            Format::Json => (Encoder::Json(JsonEncoder::new(settings)), SchemaType::Json),
        };
        let schema = SuppliedSchema::new(Some(NAME.into()), schema_type, format.schema().into());
        let registering = SubjectNameStrategy::TopicNameStrategyWithSchema(topic.into(), false, schema);
        let first = crate::made_up().swap_remove(0);
        encoder.encode(&first, &registering).await?;
        // Its cache has the subject's name for its key: now it asks no more, and the schema need not be copied for each record.
        Ok(Self { encoder, subject: SubjectNameStrategy::TopicNameStrategy(topic.into(), false) })
    }

    /// The bytes of a record.
    ///
    /// # Errors
    /// When it has no form in the schema.
    pub async fn write(&self, order: &Order) -> Result<Vec<u8>, BoxError> {
        self.encoder.encode(order, &self.subject).await
    }
}

impl Encoder {
    async fn encode(&self, order: &Order, subject: &SubjectNameStrategy) -> Result<Vec<u8>, BoxError> {
        Ok(match self {
            Self::Avro(encoder) => encoder.encode_struct(order, subject).await?,
            Self::Protobuf(encoder) => encoder.encode(&order.encode_to_vec(), NAME, subject.clone()).await?,
            Self::Json(encoder) => encoder.encode(&serde_json::to_value(order)?, subject.clone()).await?,
        })
    }
}

/// Reads orders.
#[derive(Debug)]
pub struct ConverterReader(Decoder);

#[derive(Debug)]
enum Decoder {
    Avro(AvroDecoder),
    Protobuf(ProtoRawDecoder),
    Json(JsonDecoder),
}

impl ConverterReader {
    /// Knows no schema yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(format: Format, registry_url: &str) -> Result<Self, BoxError> {
        let settings = settings(registry_url)?;
        Ok(Self(match format {
            Format::Avro => Decoder::Avro(AvroDecoder::new(settings)),
            Format::Protobuf => Decoder::Protobuf(ProtoRawDecoder::new(settings)),
            Format::Json => Decoder::Json(JsonDecoder::new(settings)),
        }))
    }

    /// The order that a record's bytes are. Asks the registry for a schema that is not known.
    ///
    /// # Errors
    /// When they are none.
    pub async fn read(&self, bytes: &[u8]) -> Result<Order, BoxError> {
        match &self.0 {
            Decoder::Avro(decoder) => Ok(from_value(&decoder.decode(Some(bytes)).await?.value)?),
            Decoder::Protobuf(decoder) => {
                let message = decoder.decode(Some(bytes)).await?.ok_or("a null")?;
                Ok(Order::decode(message.bytes.as_slice())?)
            }
            Decoder::Json(decoder) => {
                let document = decoder.decode(Some(bytes)).await?.ok_or("a null")?;
                decoder.validate(&document.schema, &document.value)?;
                Ok(serde_json::from_value(document.value)?)
            }
        }
    }
}

fn settings(registry_url: &str) -> Result<SrSettings, BoxError> {
    Ok(SrSettings::new_builder(registry_url.into()).no_proxy().build()?)
}
