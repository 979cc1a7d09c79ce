//! A small language that chooses records, the same wherever records are looked at: `value.magnitude >= 4.5 and
//! headers.source in ["usgs", "emsc"] and timestamp > now() - 1h`.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use kestrel_filter::{Context, Filter, PlainRecord};
//!
//! let filter = Filter::parse(r#"value.magnitude >= 4.5 and not value.place contains "coast""#)?;
//! let record = PlainRecord::new("earthquakes", 0, 17).with_value(br#"{"magnitude": 4.7, "place": "Kyushu"}"#);
//! assert_eq!(filter.matches(&record, &Context::at(SystemTime::UNIX_EPOCH)), Ok(true));
//!
//! let other = PlainRecord::new("earthquakes", 0, 18).with_value(br#"{"place": "Kyushu"}"#);
//! let undecided = filter.matches(&other, &Context::at(SystemTime::UNIX_EPOCH)).unwrap_err();
//! assert_eq!(undecided.to_string(), "`value.magnitude` is missing");
//! # Ok::<(), kestrel_filter::FilterError>(())
//! ```
//!
//! A filter says yes, no, or that it is [undecided](Undecided): nothing is left out in silence because a field is misspelt or a number
//! is a text; a [`Tally`] counts them, with the reasons. It asks a [`Record`] only for the parts that it [needs](Filter::needs), the
//! decoded ones last, and tells a reader in advance which [partitions, offsets and timestamps](Filter::bounds) can be passed over.
//!
//! It always ends: there are no loops but over the elements of a list, the steps for each record are [counted](Context::with_max_steps),
//! regular expressions take linear time, and texts, nesting and patterns have limits. Pure: no clock, no socket, no file.

mod bounds;
mod context;
mod error;
mod evaluation;
mod expression;
mod filter;
mod parser;
mod record;
mod span;
mod tally;
mod undecided;
mod value;

#[cfg(test)]
mod tests;

pub use bounds::Bounds;
pub use bounds::ranges::Ranges;
pub use context::Context;
pub use error::FilterError;
pub use expression::function::functions;
pub use filter::Filter;
pub use record::part::Part;
pub use record::plain_record::{Header, PlainRecord};
pub use record::{Decoded, Record, Undecodable};
pub use tally::Tally;
pub use undecided::Undecided;
