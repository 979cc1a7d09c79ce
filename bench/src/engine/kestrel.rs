//! Kestrel.
use crate::args::{Consume, EndToEnd, Produce};
use crate::report::Report;
pub(super) fn produce(_: &Produce) -> Result<Report, String> { Err(String::new()) }
pub(super) fn consume(_: &Consume) -> Result<Report, String> { Err(String::new()) }
pub(super) fn e2e(_: &EndToEnd) -> Result<Report, String> { Err(String::new()) }
