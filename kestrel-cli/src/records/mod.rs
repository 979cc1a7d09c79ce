//! Records: how they are shown, read from lines, decoded, encoded, and which of them are read at all. Pure, but for waiting for schemas.
//!
//! ```text
//!   consume:   place ──► plan ──► (a consumer) ──► decode ──► chosen ──► view ──► format ──► (standard output)
//!   produce:   (lines) ──► input ──► encode ──► (a producer)
//! ```
//!
//! The commands are the shells around it.

pub(crate) mod chosen;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod field_format;
pub(crate) mod format;
pub(crate) mod input;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod view;
