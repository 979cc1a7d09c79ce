//! The table of changes: what a change from the writer's schema to the reader's means for documents that were written.
//!
//! One file for each shape. Kinds of changes have the names that Confluent's registry has for them, and what it allows is not mentioned
//! at all: a change is reported when it keeps old documents from being read. Four verdicts are other ones than Confluent's, since what
//! its source says there is not what it means:
//!
//! - a lowered `exclusiveMaximum` is compared with the one before (and not with the new `maximum`, which may not be there);
//! - references are followed to their end (one that leads to another one is otherwise equal to any such);
//! - `additionalProperties: true` leaves an object open whatever `unevaluatedProperties` says, as it does for documents; the same for items;
//! - of two `multipleOf` all digits count (and not their whole parts alone, of which 0.5 has none to divide by); equal ones are equal,
//!   however they are written.

mod array;
mod combined;
mod limits;
mod object;
mod others;
mod scalars;

use super::judgement::Comparison;
use super::model::{Combined, Criterion, NodeId, Shape};
use crate::BudgetExceeded;

/// Notes all that keeps the reader's schema of this pair from taking what the writer's takes.
pub(super) fn compare(c: &mut Comparison<'_>) -> Result<(), BudgetExceeded> {
    let (old, new) = c.nodes();
    match (&old.shape, &new.shape) {
        (Shape::Combined(old), Shape::Combined(new)) => combined::compare(c, old, new),
        (_, Shape::Combined(new)) if fits_a_branch(c, new)? => Ok(()),
        (Shape::Combined(old), _) if a_branch_fits(c, old)? => Ok(()),
        (Shape::Text(old), Shape::Text(new)) => scalars::compare_texts(c, old, new),
        (Shape::Number(old), Shape::Number(new)) => scalars::compare_numbers(c, old, new),
        (Shape::Enumeration(old), Shape::Enumeration(new)) => scalars::compare_enumerations(c, old, new),
        (Shape::Constant(old), Shape::Constant(new)) => scalars::compare_constants(c, old, new),
        (Shape::Object(old), Shape::Object(new)) => object::compare(c, old, new),
        (Shape::Array(old), Shape::Array(new)) => array::compare(c, old, new),
        (&Shape::Not(old), &Shape::Not(new)) => compare_negations(c, old, new),
        (Shape::Nothing, _) | (_, Shape::Any) => Ok(()),
        (old_shape, new_shape) => {
            let is_same = std::mem::discriminant(old_shape) == std::mem::discriminant(new_shape);
            let are_bytes = old.is_connect_bytes && new.is_connect_bytes;
            if !is_same && !are_bytes {
                let problem = format!("it was {} and is now {}", old_shape.name(), new_shape.name());
                c.breaks("TYPE_CHANGED", "", problem);
            }
            Ok(())
        }
    }
}

/// Whether a plain schema fits a combination: the only branch, or any one of several of which one is enough.
fn fits_a_branch(c: &mut Comparison<'_>, new: &Combined) -> Result<bool, BudgetExceeded> {
    let (old, _) = c.ids();
    let is_enough = new.branches.len() == 1 || new.criterion != Criterion::All;
    any(if is_enough { &new.branches } else { &[] }, |&branch| c.fits(old, branch))
}

/// Whether a combination fits a plain schema: its only branch does, or one of several that all hold.
fn a_branch_fits(c: &mut Comparison<'_>, old: &Combined) -> Result<bool, BudgetExceeded> {
    let (_, new) = c.ids();
    let is_enough = old.branches.len() == 1 || old.criterion == Criterion::All;
    any(if is_enough { &old.branches } else { &[] }, |&branch| c.fits(branch, new))
}

/// Asks about all of them: what is not asked about now would be unknown later.
fn any(
    branches: &[NodeId],
    mut fits: impl FnMut(&NodeId) -> Result<bool, BudgetExceeded>,
) -> Result<bool, BudgetExceeded> {
    let mut any = false;
    for branch in branches {
        any |= fits(branch)?;
    }
    Ok(any)
}

/// What must not match now must have been forbidden before.
fn compare_negations(c: &mut Comparison<'_>, old: NodeId, new: NodeId) -> Result<(), BudgetExceeded> {
    if !c.fits_reversed(new, old)? {
        c.breaks("NOT_TYPE_EXTENDED", "not", "what must not match has grown");
    }
    Ok(())
}
