//! Arrays: their items, all alike or each of its own, and those after them.

use super::limits::{self, Limit};
use super::others::{self, Others};
use super::{Comparison, NodeId};
use crate::BudgetExceeded;
use crate::json_schema::model::{Array, Rest, Shape};

const ADDITIONAL: Others = Others {
    keyword: "additionalItems",
    removed: "ADDITIONAL_ITEMS_REMOVED",
    narrowed: "ADDITIONAL_ITEMS_NARROWED",
    words: "further items",
};
const UNEVALUATED: Others = Others {
    keyword: "unevaluatedItems",
    removed: "UNEVALUATED_ITEMS_REMOVED",
    narrowed: "UNEVALUATED_ITEMS_NARROWED",
    words: "unevaluated items",
};

pub(super) fn compare(c: &mut Comparison<'_>, old: &Array, new: &Array) -> Result<(), BudgetExceeded> {
    match (old.items, new.items) {
        (Some(old), Some(new)) => {
            c.compare(old, new, || "items".to_owned())?;
        }
        (None, Some(_)) => c.breaks("SCHEMA_ADDED", "items", "items must now follow a schema"),
        (_, None) => {}
    }
    compare_tuples(c, old, new)?;
    others::compare_additional(c, &ADDITIONAL, old.additional, new.additional)?;
    others::compare_unevaluated(c, &UNEVALUATED, old.unevaluated, new.unevaluated)?;
    compare_sizes(c, old, new);
    if new.is_unique && !old.is_unique {
        c.breaks("UNIQUE_ITEMS_ADDED", "uniqueItems", "items must now be unique");
    }
    Ok(())
}

fn place(index: usize) -> String {
    format!("items/{index}")
}

fn compare_tuples(c: &mut Comparison<'_>, old: &Array, new: &Array) -> Result<(), BudgetExceeded> {
    for (index, (&before, &now)) in old.tuple.iter().zip(&new.tuple).enumerate() {
        c.compare(before, now, || place(index))?;
    }
    let unevaluated = new.unevaluated.map(|id| &c.read(id).shape);
    for (index, &item) in old.tuple.iter().enumerate().skip(new.tuple.len()) {
        removed(c, content(new, unevaluated), index, item)?;
    }
    let unevaluated = old.unevaluated.map(|id| &c.written(id).shape);
    for (index, &item) in new.tuple.iter().enumerate().skip(old.tuple.len()) {
        added(c, content(old, unevaluated), index, item)?;
    }
    Ok(())
}

/// What an array may hold after the items that its schema lists.
#[derive(Clone, Copy)]
enum Content {
    /// Anything.
    Open,
    /// What follows this schema: the array is partially open.
    Follows(NodeId),
    /// Nothing.
    Closed,
}

fn content(array: &Array, unevaluated: Option<&Shape>) -> Content {
    match (array.additional, unevaluated, array.unevaluated) {
        (Rest::Forbidden, ..) | (Rest::Open, Some(Shape::Nothing), _) => Content::Closed,
        (Rest::Follow(id), ..) => Content::Follows(id),
        (Rest::Open, Some(shape), Some(id)) if !matches!(shape, Shape::Any) => Content::Follows(id),
        _ => Content::Open,
    }
}

/// The new schema does not list the item.
fn removed(
    c: &mut Comparison<'_>,
    content: Content,
    index: usize,
    item: NodeId,
) -> Result<(), BudgetExceeded> {
    match content {
        Content::Open => {}
        Content::Follows(id) => {
            if !c.compare(item, id, || place(index))? {
                let problem = format!(
                    "item {index} is no longer listed, and the schema of further items does not take it"
                );
                c.breaks("ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", place(index), problem);
            }
        }
        Content::Closed if matches!(c.written(item).shape, Shape::Nothing) => {}
        Content::Closed => {
            let problem = format!("item {index} is no longer listed, and no further ones are allowed");
            c.breaks("ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", place(index), problem);
        }
    }
    Ok(())
}

/// The old schema did not list the item.
fn added(c: &mut Comparison<'_>, content: Content, index: usize, item: NodeId) -> Result<(), BudgetExceeded> {
    match content {
        Content::Closed => {}
        Content::Follows(id) => {
            if !c.compare(id, item, || place(index))? {
                let problem = format!(
                    "item {index} is newly listed, and does not take what the old schema's further items may be"
                );
                c.breaks("ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", place(index), problem);
            }
        }
        Content::Open if matches!(c.read(item).shape, Shape::Any) => {}
        Content::Open => {
            let problem = format!(
                "item {index} is newly listed, and old documents may hold anything there: the old schema allows additional items"
            );
            c.breaks("ITEM_ADDED_TO_OPEN_CONTENT_MODEL", place(index), problem);
        }
    }
    Ok(())
}

fn compare_sizes(c: &mut Comparison<'_>, old: &Array, new: &Array) {
    let limit = Limit { keyword: "maxItems", added: "MAX_ITEMS_ADDED", tightened: "MAX_ITEMS_DECREASED" };
    limits::upper(c, &limit, old.max_items, new.max_items);
    let limit = Limit { keyword: "minItems", added: "MIN_ITEMS_ADDED", tightened: "MIN_ITEMS_INCREASED" };
    limits::lower(c, &limit, old.min_items, new.min_items);
    let limit =
        Limit { keyword: "maxContains", added: "MAX_CONTAINS_ADDED", tightened: "MAX_CONTAINS_DECREASED" };
    limits::upper(c, &limit, old.max_contains, new.max_contains);
    let limit =
        Limit { keyword: "minContains", added: "MIN_CONTAINS_ADDED", tightened: "MIN_CONTAINS_INCREASED" };
    limits::lower(c, &limit, old.min_contains, new.min_contains);
}
