//! Formats for plain values, equal byte for byte to Apache Kafka's own serializers.
//!
//! Topic handles and consumers take them by name; each is a value without size. None of them looks at the topic, waits
//! or keeps anything.
//!
//! | here | Kafka's class | bytes |
//! |---|---|---|
//! | [`Raw`] | `ByteArraySerializer`, `ByteBufferSerializer` | as they are |
//! | [`Utf8`] | `StringSerializer` | UTF-8, no length |
//! | [`Int32`], [`Int64`] | `IntegerSerializer`, `LongSerializer` | 4 or 8, big endian |
//! | [`Float32`], [`Float64`] | `FloatSerializer`, `DoubleSerializer` | IEEE 754, 4 or 8, big endian |
//! | `Uuid` | `UUIDSerializer` | 36 characters |
//! | [`Unit`] | - | none |

mod number;
mod raw;
mod unit;
mod utf8;
#[cfg(feature = "uuid")]
mod uuid;

pub use number::{Float32, Float64, Int32, Int64};
pub use raw::Raw;
pub use unit::Unit;
pub use utf8::Utf8;
#[cfg(feature = "uuid")]
pub use uuid::Uuid;

/// The bytes of a value of fixed size are too few or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} bytes, found {found}")]
struct WrongLength {
    expected: usize,
    found: usize,
}

#[cfg(test)]
mod tests;
