//! Records that cannot be read or worked on, and what becomes of them. Knows no consumer and no position.
//!
//! ```text
//!   DeserializeError ─┐                       ┌─ Fail ────────► the application gets the error
//!   a Failure of work ┴─► RejectedRecord ─► Remedy ─ Skip ────► passed
//!                             │               └─ DeadLetter ──► letter ─► LetterBox, or the open transaction ─► passed
//!                             └────────────────── observer ◄── whatever it was
//! ```
//!
//! The [`Settler`] decides and carries out; whoever reads calls it before it passes a record, so that nothing is passed, and
//! nothing committed, before its letter is stored.

mod letter;
mod letter_box;
mod or_raw;
mod policy;
mod record;
mod remedy;
mod settler;
mod settling;

pub(crate) use self::letter_box::{LetterBox, LetterPaper};
pub use self::or_raw::{OrRaw, Undecoded};
pub(crate) use self::policy::PoisonPolicy;
pub(crate) use self::record::{RejectedRecord, StoredParts};
pub use self::remedy::{Remedy, Stage};
pub(crate) use self::settler::{Settler, not_stored};
pub(crate) use self::settling::Settling;
