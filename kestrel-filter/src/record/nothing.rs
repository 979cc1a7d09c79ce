//! A record without anything in it, for parts of a filter that ask for nothing. Pure.

use crate::record::{Decoded, Record, Undecodable};

/// What constants are evaluated on.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Record for Nothing {
    fn topic(&self) -> &str {
        ""
    }

    fn partition(&self) -> i32 {
        0
    }

    fn offset(&self) -> i64 {
        0
    }

    fn timestamp_millis(&self) -> i64 {
        0
    }

    fn raw_key(&self) -> Option<&[u8]> {
        None
    }

    fn raw_value(&self) -> Option<&[u8]> {
        None
    }

    fn header(&self, _name: &str) -> Option<Option<&[u8]>> {
        None
    }

    fn key(&self) -> Result<Decoded<'_>, Undecodable> {
        Ok(Decoded::Null)
    }

    fn value(&self) -> Result<Decoded<'_>, Undecodable> {
        Ok(Decoded::Null)
    }
}
