//! Limits: a number that something may not exceed, or not fall below.

use std::cmp::Ordering;

use super::Comparison;
use crate::json_schema::decimal::Decimal;

/// The name of a limit, and the kinds of change that make it stricter.
pub(super) struct Limit {
    pub(super) keyword: &'static str,
    pub(super) added: &'static str,
    /// Lowered, if it is an upper limit; raised, if it is a lower one.
    pub(super) tightened: &'static str,
}

/// Compares a limit from above.
pub(super) fn upper(c: &mut Comparison<'_>, limit: &Limit, old: Option<Decimal>, new: Option<Decimal>) {
    compare(c, limit, old, new, (Ordering::Greater, "lowered"));
}

/// Compares a limit from below.
pub(super) fn lower(c: &mut Comparison<'_>, limit: &Limit, old: Option<Decimal>, new: Option<Decimal>) {
    compare(c, limit, old, new, (Ordering::Less, "raised"));
}

fn compare(
    c: &mut Comparison<'_>,
    limit: &Limit,
    old: Option<Decimal>,
    new: Option<Decimal>,
    (tighter, word): (Ordering, &str),
) {
    let keyword = limit.keyword;
    match (old, new) {
        (None, Some(_)) => c.breaks(limit.added, keyword, format!("{keyword} was added")),
        (Some(old), Some(new)) if old.compare(new) == tighter => {
            c.breaks(limit.tightened, keyword, format!("{keyword} was {word}"));
        }
        _ => {}
    }
}
