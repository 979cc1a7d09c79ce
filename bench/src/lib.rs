//! Orders as typed data: what `kestrel-bench` sends with serializers, and `kestrel-allocations` counts the allocations of.
//!
//! Whose serializers they are is a file each. Nothing here knows a broker.

#[cfg(feature = "converter")]
mod converter;
mod format;
mod order;

#[cfg(feature = "converter")]
pub use self::converter::{ConverterReader, ConverterWriter};
pub use self::format::{Format, OrderFormat};
pub use self::order::{Line, Order, made_up};

/// Whatever fails in a serializer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
