//! Tables of settings with Apache Kafka's keys, for kestrel-client and kestrel-broker.
//!
//! A table is a struct: [`settings!`] makes a typed field, a default and a [`Key`] of each row. Settings come as text
//! ([`RawSettings`]: from a program, a properties file or the environment), are checked against their keys, and become fields;
//! from there on nobody looks a setting up by its name.
//!
//! ```
//! use std::time::Duration;
//!
//! use kestrel_settings::{RawSettings, settings};
//!
//! settings! {
//!     /// The settings of a producer.
//!     pub(crate) struct ProducerConfig, keys PRODUCER: ProducerKeys;
//!
//!     /// How long a record waits for others to share a batch with.
//!     linger: Duration, "linger.ms" | "queue.buffering.max.ms", Long, "5", [0..];
//!     /// How many bytes a batch has at most.
//!     batch_size: usize, "batch.size", Int, "16384", [0..=1_073_741_824];
//! }
//!
//! # fn main() -> Result<(), kestrel_settings::InvalidSetting> {
//! let mut raw = RawSettings::default();
//! raw.set("linger.ms", "20");
//! let mut config = ProducerConfig::default();
//! raw.apply(ProducerConfig::ROWS, &mut config)?;
//! assert_eq!((config.linger, config.batch_size), (Duration::from_millis(20), 16_384));
//!
//! raw.set(PRODUCER.batch_size.name, "-1");
//! let error = raw.apply(ProducerConfig::ROWS, &mut config).unwrap_err();
//! assert_eq!(error.to_string(), "batch.size=-1: expected a whole number from 0 to 1073741824");
//! # Ok(())
//! # }
//! ```
//!
//! Pure: it reads no file, no clock and no environment.

mod iso_duration;
mod key;
pub mod properties;
mod raw;
mod reference;
mod secret;
mod suggestion;
mod table;
mod value;
mod value_type;

pub use iso_duration::parse_iso_duration;
pub use key::{Key, Scope, Synonym};
pub use raw::{InvalidSetting, Origin, RawSettings, RawValue};
pub use reference::reference;
pub use secret::Secret;
pub use suggestion::closest;
pub use table::Row;
pub use value::{Chosen, Minutes, Value};
pub use value_type::{Allowed, Expected, ValueType, check, list};
