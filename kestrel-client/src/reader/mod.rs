//! Reading records: from a fetched batch to keys and values of an application's types. Knows no consumer and no position.

mod copier;
mod decoders;

pub(crate) use self::copier::{PartBuffer, PartCopier};
pub(crate) use self::decoders::{Decode, Decoders};
