//! Typed keys and values over the byte engines: serializers joined to a producer's topic.

mod producer;
mod scratch;
mod unset;

pub use producer::{NoKey, TypedProducer, TypedProducerBuilder, TypedRecord};
pub use unset::Unset;
