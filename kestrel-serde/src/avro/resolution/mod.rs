//! Avro's schema resolution, from bytes to bytes.
//!
//! ```text
//! writer's schema + ours  --compile, once-->  actions
//! actions + the writer's bytes  --walk, per datum-->  the same datum as our schema writes it, or a Fault
//! ```
//!
//! `Datum` makes one per pair of schemas. Both steps are pure: the walk sees every byte that the decoder behind it will
//! see, and hands on nothing that is cut short, left over, too deep or claims what is not there. It never decodes text
//! or numbers further than that: the decoder does.

mod compile;
mod default;
mod record_steps;
mod walk;

use std::borrow::Cow;

use apache_avro::Schema;
use apache_avro::schema::NamesRef;

use self::compile::Compiler;
pub(super) use self::compile::Mismatch;
use self::walk::{Discard, walk};
pub(super) use self::walk::{Fault, MAX_DEPTH, TOO_DEEP};

/// How to turn what one schema wrote into what another one would have written.
#[derive(Debug, Clone)]
pub(super) struct Resolution {
    actions: Box<[Action]>,
    root: ActionId,
    /// Whether any datum comes out other than it went in.
    rewrites: bool,
    /// Of the defaults that come in, once for each record type.
    default_bytes: usize,
}

impl Resolution {
    /// From the first schema to the second, each with the names that it defines.
    pub(super) fn new(
        writer: (&Schema, &NamesRef<'_>),
        reader: (&Schema, &NamesRef<'_>),
    ) -> Result<Self, Mismatch> {
        Compiler::compile(writer, reader)
    }

    /// From a schema to itself: datums are checked and stay as they are. A schema fits itself unless it is too deep.
    pub(super) fn check(schema: &Schema, names: &NamesRef<'_>) -> Result<Self, Mismatch> {
        Self::new((schema, names), (schema, names))
    }

    /// The datum as the reader's schema writes it.
    pub(super) fn resolve<'b>(&self, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, Fault> {
        if self.rewrites {
            let mut out = Vec::with_capacity(bytes.len() + self.default_bytes);
            walk(&self.actions, self.root, bytes, &mut out)?;
            Ok(out.into())
        } else {
            walk(&self.actions, self.root, bytes, &mut Discard)?;
            Ok(bytes.into())
        }
    }
}

/// The place of an action among the actions of its resolution; recursive schemas are loops of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ActionId(usize);

/// What to do with the next part of a datum.
#[derive(Debug, Clone)]
enum Action {
    /// Nothing is there, and nothing comes out.
    Null,
    /// One byte, 0 or 1.
    Boolean,
    /// A number of 32 bits. Also where ours is a `long`: both are written alike.
    Int,
    /// A number of 64 bits.
    Long,
    /// So many bytes: `float`, `double`, `fixed`.
    Fixed(usize),
    /// A length and so many bytes: `bytes`, `string`.
    Bytes,
    /// A number that becomes a wider one.
    Promote(Promotion),
    /// Items until an empty block.
    Array(ActionId),
    /// Keys and values until an empty block.
    Map(ActionId),
    /// The writer's fields, and what comes between them.
    Record(Box<[Step]>),
    /// The writer's number of a symbol becomes ours.
    Enum(Box<[Symbol]>),
    /// The writer's number of a branch decides what comes next.
    Union(Box<[ActionId]>),
    /// Our number of a branch comes out, then the value.
    Branch(usize, ActionId),
    /// Our schema has no place for this: the datum is a poison pill.
    Refuse(Box<str>),
}

/// A number that becomes a wider one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promotion {
    IntToFloat,
    IntToDouble,
    LongToFloat,
    LongToDouble,
    FloatToDouble,
}

/// One step through a record.
#[derive(Debug, Clone)]
enum Step {
    /// The writer's next field is our next one.
    Take(Box<str>, ActionId),
    /// The writer's next field is none of ours.
    Skip(Box<str>, ActionId),
    /// The writer's next field comes later in ours: it goes to the next free place.
    Hold(Box<str>, ActionId),
    /// Our next field is in this place.
    Release(usize),
    /// Our next field is none of the writer's: the bytes of its default.
    Default(Box<[u8]>),
}

impl Step {
    fn default_bytes(&self) -> usize {
        if let Self::Default(bytes) = self { bytes.len() } else { 0 }
    }
}

/// What one of the writer's symbols is among ours.
#[derive(Debug, Clone)]
enum Symbol {
    /// Our number of it, or of our default.
    Ours(usize),
    /// We have neither it nor a default.
    Unknown(Box<str>),
}

#[cfg(test)]
mod tests;
