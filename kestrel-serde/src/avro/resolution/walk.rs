//! One pass over a datum that checks and rewrites it.
//!
//! `Resolution::resolve` calls it. Lengths are compared with the bytes that are left before anything is done with them;
//! it allocates only what it writes.

use super::super::cursor::{Cursor, CursorError, Varint};
use super::{Action, ActionId, Promotion, Step, Symbol};

/// Levels of records, arrays and maps in each other: what decodes them uses the stack.
pub(in super::super) const MAX_DEPTH: usize = 64;
pub(in super::super) const TOO_DEEP: &str = "more than 64 levels of records, arrays and maps";
/// Items of arrays that have no bytes (nulls, empty records): all else is bounded by the length of the datum.
const MAX_EMPTY_ITEMS: usize = 65_536;

/// Why bytes are not a datum of the writer's schema, or have no place in ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if path.is_empty() { String::new() } else { format!("field {path}: ") })]
pub(in super::super) struct Fault {
    /// The fields from the outside to the place, with dots between them.
    path: String,
    reason: Reason,
}

impl Fault {
    fn inside(mut self, field: &str) -> Self {
        self.path = if self.path.is_empty() { field.to_owned() } else { format!("{field}.{}", self.path) };
        self
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self { path: String::new(), reason }
    }
}

impl From<CursorError> for Fault {
    fn from(error: CursorError) -> Self {
        Reason::from(error).into()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Bytes(#[from] CursorError),
    #[error("{0} bytes left over after the datum: it was written with another schema or in another format")]
    LeftOver(usize),
    #[error("{0} is not an int")]
    NotAnInt(i64),
    #[error("{0} is not a boolean")]
    NotABoolean(u8),
    #[error("a length of {0}")]
    NegativeLength(i64),
    #[error("branch {index} of a union of {branches}")]
    NoSuchBranch { index: i64, branches: usize },
    #[error("symbol {index} of an enum of {symbols}")]
    NoSuchSymbol { index: i64, symbols: usize },
    #[error("{TOO_DEEP}")]
    TooDeep,
    #[error("more than {MAX_EMPTY_ITEMS} items without bytes")]
    TooManyEmptyItems,
    #[error("{0}")]
    Refused(Box<str>),
}

/// Walks over the whole of `datum` and puts what comes out into `out`.
pub(super) fn walk(
    actions: &[Action],
    root: ActionId,
    datum: &[u8],
    out: &mut impl Output,
) -> Result<(), Fault> {
    let mut walker = Walker { actions, rest: Cursor::new(datum), depth: 0, empty_items: 0 };
    walker.value(root, out)?;
    match walker.rest.rest().len() {
        0 => Ok(()),
        left => Err(Reason::LeftOver(left).into()),
    }
}

/// Where a walk puts what comes out.
pub(super) trait Output {
    fn put(&mut self, bytes: &[u8]);
}

impl Output for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Nowhere: for a datum that is only checked, and for fields that are skipped.
pub(super) struct Discard;

impl Output for Discard {
    fn put(&mut self, _: &[u8]) {}
}

struct Walker<'a, 'b> {
    actions: &'a [Action],
    rest: Cursor<'b>,
    depth: usize,
    empty_items: usize,
}

impl<'a, 'b> Walker<'a, 'b> {
    fn value(&mut self, id: ActionId, out: &mut impl Output) -> Result<(), Fault> {
        match self.action(id) {
            Action::Null => Ok(()),
            Action::Boolean => self.boolean(out),
            Action::Int => {
                out.put(Varint::of(self.int()?.into()).bytes());
                Ok(())
            }
            Action::Long => {
                out.put(Varint::of(self.rest.long()?).bytes());
                Ok(())
            }
            Action::Fixed(size) => {
                out.put(self.rest.take(*size as u64)?);
                Ok(())
            }
            Action::Bytes => self.bytes(out),
            Action::Promote(promotion) => self.promote(*promotion, out),
            Action::Array(item) => {
                self.nested(|walker| walker.blocks(out, |walker, out| walker.item(*item, out)))
            }
            Action::Map(value) => {
                self.nested(|walker| walker.blocks(out, |walker, out| walker.entry(*value, out)))
            }
            Action::Record(steps) => self.nested(|walker| walker.record(steps, out)),
            Action::Enum(symbols) => self.symbol(symbols, out),
            Action::Union(branches) => {
                let branch = self.branch(branches)?;
                self.value(branch, out)
            }
            Action::Branch(index, value) => {
                out.put(Varint::count(*index as u64).bytes());
                self.value(*value, out)
            }
            Action::Refuse(reason) => Err(Reason::Refused(reason.clone()).into()),
        }
    }

    fn action(&self, id: ActionId) -> &'a Action {
        self.actions.get(id.0).expect("the compiler fills each action that it gives an id")
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Reason::TooDeep.into());
        }
        self.depth += 1;
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn record(&mut self, steps: &'a [Step], out: &mut impl Output) -> Result<(), Fault> {
        let mut held = Vec::new();
        for step in steps {
            match step {
                Step::Take(field, value) => self.value(*value, out).map_err(|fault| fault.inside(field))?,
                Step::Skip(field, value) => {
                    self.value(*value, &mut Discard).map_err(|fault| fault.inside(field))?;
                }
                Step::Hold(field, value) => {
                    let mut bytes = Vec::new();
                    self.value(*value, &mut bytes).map_err(|fault| fault.inside(field))?;
                    held.push(bytes);
                }
                Step::Release(place) => out.put(held.get(*place).expect("held before it is released")),
                Step::Default(bytes) => out.put(bytes),
            }
        }
        Ok(())
    }

    /// Blocks of an array or map: a count of items, then the items; an empty block ends it.
    fn blocks<O: Output>(
        &mut self,
        out: &mut O,
        item: impl Fn(&mut Self, &mut O) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        loop {
            let count = self.rest.block()?;
            // What comes out has no sizes: they would be wrong after a rewrite.
            out.put(Varint::count(count).bytes());
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                item(self, out)?;
            }
        }
    }

    fn item(&mut self, item: ActionId, out: &mut impl Output) -> Result<(), Fault> {
        let before = self.rest.rest().len();
        self.value(item, out)?;
        if self.rest.rest().len() == before {
            self.empty_items += 1;
            if self.empty_items > MAX_EMPTY_ITEMS {
                return Err(Reason::TooManyEmptyItems.into());
            }
        }
        Ok(())
    }

    fn entry(&mut self, value: ActionId, out: &mut impl Output) -> Result<(), Fault> {
        self.bytes(out)?;
        self.value(value, out)
    }

    fn symbol(&mut self, symbols: &[Symbol], out: &mut impl Output) -> Result<(), Fault> {
        let index = self.rest.long()?;
        match usize::try_from(index).ok().and_then(|index| symbols.get(index)) {
            Some(Symbol::Ours(index)) => out.put(Varint::count(*index as u64).bytes()),
            Some(Symbol::Unknown(reason)) => return Err(Reason::Refused(reason.clone()).into()),
            None => return Err(Reason::NoSuchSymbol { index, symbols: symbols.len() }.into()),
        }
        Ok(())
    }

    fn branch(&mut self, branches: &[ActionId]) -> Result<ActionId, Fault> {
        let index = self.rest.long()?;
        let branch = usize::try_from(index).ok().and_then(|index| branches.get(index));
        branch.copied().ok_or_else(|| Reason::NoSuchBranch { index, branches: branches.len() }.into())
    }

    fn boolean(&mut self, out: &mut impl Output) -> Result<(), Fault> {
        match self.rest.array()? {
            [byte @ (0 | 1)] => out.put(&[byte]),
            [other] => return Err(Reason::NotABoolean(other).into()),
        }
        Ok(())
    }

    fn bytes(&mut self, out: &mut impl Output) -> Result<(), Fault> {
        let length = self.rest.long()?;
        let size = u64::try_from(length).map_err(|_| Reason::NegativeLength(length))?;
        let bytes = self.rest.take(size)?;
        out.put(Varint::count(size).bytes());
        out.put(bytes);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "Avro's promotions to float and double round")]
    fn promote(&mut self, promotion: Promotion, out: &mut impl Output) -> Result<(), Fault> {
        match promotion {
            Promotion::IntToFloat => out.put(&(self.int()? as f32).to_le_bytes()),
            Promotion::IntToDouble => out.put(&f64::from(self.int()?).to_le_bytes()),
            Promotion::LongToFloat => out.put(&(self.rest.long()? as f32).to_le_bytes()),
            Promotion::LongToDouble => out.put(&(self.rest.long()? as f64).to_le_bytes()),
            Promotion::FloatToDouble => {
                let float = f32::from_le_bytes(self.rest.array()?);
                out.put(&f64::from(float).to_le_bytes());
            }
        }
        Ok(())
    }

    fn int(&mut self) -> Result<i32, Fault> {
        let long = self.rest.long()?;
        i32::try_from(long).map_err(|_| Reason::NotAnInt(long).into())
    }
}
