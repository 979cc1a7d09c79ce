//! Others: what may be there beside what a schema lists, the items after a tuple and properties without a name in it.

use super::{Comparison, NodeId};
use crate::BudgetExceeded;
use crate::json_schema::model::{Rest, Shape};

/// The name of a keyword on others, and the kinds of change that make it stricter.
pub(super) struct Others {
    pub(super) keyword: &'static str,
    pub(super) removed: &'static str,
    pub(super) narrowed: &'static str,
    /// What they are called in a sentence.
    pub(super) words: &'static str,
}

impl Others {
    fn remove(&self, c: &mut Comparison<'_>) {
        c.breaks(self.removed, self.keyword, format!("{} are no longer allowed", self.words));
    }

    fn narrow(&self, c: &mut Comparison<'_>) {
        c.breaks(self.narrowed, self.keyword, format!("{} must now follow a schema", self.words));
    }
}

/// Compares `additionalItems` or `additionalProperties`.
pub(super) fn compare_additional(
    c: &mut Comparison<'_>,
    others: &Others,
    old: Rest,
    new: Rest,
) -> Result<(), BudgetExceeded> {
    match (old, new) {
        (Rest::Forbidden, _) | (_, Rest::Open | Rest::Allowed) => {}
        (_, Rest::Forbidden) => others.remove(c),
        (Rest::Open | Rest::Allowed, Rest::Follow(_)) => others.narrow(c),
        (Rest::Follow(old), Rest::Follow(new)) => {
            c.compare(old, new, || others.keyword.to_owned())?;
        }
    }
    Ok(())
}

/// Compares `unevaluatedItems` or `unevaluatedProperties`.
pub(super) fn compare_unevaluated(
    c: &mut Comparison<'_>,
    others: &Others,
    old: Option<NodeId>,
    new: Option<NodeId>,
) -> Result<(), BudgetExceeded> {
    let Some(new) = new else { return Ok(()) };
    let before = old.map(|old| &c.written(old).shape);
    match (before, &c.read(new).shape) {
        (Some(Shape::Nothing), _) | (Some(_), Shape::Any) => {}
        (_, Shape::Nothing) => others.remove(c),
        (None | Some(Shape::Any), _) => others.narrow(c),
        (Some(_), _) => {
            if let Some(old) = old {
                c.compare(old, new, || others.keyword.to_owned())?;
            }
        }
    }
    Ok(())
}
