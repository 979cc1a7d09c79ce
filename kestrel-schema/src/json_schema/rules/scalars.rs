//! Strings, numbers, and lists of values.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value;

use super::Comparison;
use super::limits::{self, Limit};
use crate::BudgetExceeded;
use crate::json_schema::decimal::Decimal;
use crate::json_schema::equality;
use crate::json_schema::model::{Number, Text};
use crate::json_schema::text::shown;

pub(super) fn compare_texts(c: &mut Comparison<'_>, old: &Text, new: &Text) -> Result<(), BudgetExceeded> {
    let limit = Limit { keyword: "maxLength", added: "MAX_LENGTH_ADDED", tightened: "MAX_LENGTH_DECREASED" };
    limits::upper(c, &limit, old.max_length, new.max_length);
    let limit = Limit { keyword: "minLength", added: "MIN_LENGTH_ADDED", tightened: "MIN_LENGTH_INCREASED" };
    limits::lower(c, &limit, old.min_length, new.min_length);
    match (&old.pattern, &new.pattern) {
        (None, Some(_)) => c.breaks("PATTERN_ADDED", "pattern", "pattern was added"),
        (Some(old), Some(new)) if old != new => {
            c.breaks("PATTERN_CHANGED", "pattern", format!("pattern was {old} and is now {new}"));
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn compare_numbers(
    c: &mut Comparison<'_>,
    old: &Number,
    new: &Number,
) -> Result<(), BudgetExceeded> {
    let limit = Limit { keyword: "maximum", added: "MAXIMUM_ADDED", tightened: "MAXIMUM_DECREASED" };
    limits::upper(c, &limit, old.maximum, new.maximum);
    let limit = Limit { keyword: "minimum", added: "MINIMUM_ADDED", tightened: "MINIMUM_INCREASED" };
    limits::lower(c, &limit, old.minimum, new.minimum);
    let limit = Limit {
        keyword: "exclusiveMaximum",
        added: "EXCLUSIVE_MAXIMUM_ADDED",
        tightened: "EXCLUSIVE_MAXIMUM_DECREASED",
    };
    limits::upper(c, &limit, old.exclusive_maximum, new.exclusive_maximum);
    let limit = Limit {
        keyword: "exclusiveMinimum",
        added: "EXCLUSIVE_MINIMUM_ADDED",
        tightened: "EXCLUSIVE_MINIMUM_INCREASED",
    };
    limits::lower(c, &limit, old.exclusive_minimum, new.exclusive_minimum);
    compare_divisors(c, old.multiple_of, new.multiple_of);
    if new.is_integer && !old.is_integer {
        c.breaks("TYPE_NARROWED", "", "it was a number and is now an integer");
    }
    Ok(())
}

fn compare_divisors(c: &mut Comparison<'_>, old: Option<Decimal>, new: Option<Decimal>) {
    let (kind, problem) = match (old, new) {
        (None, Some(_)) => ("MULTIPLE_OF_ADDED", "multipleOf was added"),
        (Some(old), Some(new)) if old.compare(new) == Ordering::Equal || old.is_multiple_of(new) => return,
        (Some(old), Some(new)) if new.is_multiple_of(old) => {
            ("MULTIPLE_OF_EXPANDED", "multipleOf is now a multiple of what it was")
        }
        (Some(_), Some(_)) => ("MULTIPLE_OF_CHANGED", "multipleOf was changed"),
        (_, None) => return,
    };
    c.breaks(kind, "multipleOf", problem);
}

pub(super) fn compare_enumerations(
    c: &mut Comparison<'_>,
    old: &[Value],
    new: &[Value],
) -> Result<(), BudgetExceeded> {
    let (old_keys, new_keys) = (keys(c, old)?, keys(c, new)?);
    let known: HashSet<&String> = new_keys.iter().collect();
    let Some(lost) = old_keys.iter().position(|key| !known.contains(key)) else { return Ok(()) };
    let known: HashSet<&String> = old_keys.iter().collect();
    let is_smaller = new_keys.iter().all(|key| known.contains(key));
    let kind = if is_smaller { "ENUM_ARRAY_NARROWED" } else { "ENUM_ARRAY_CHANGED" };
    c.breaks(kind, "enum", format!("the value {} is gone", shown(&old[lost])));
    Ok(())
}

fn keys(c: &mut Comparison<'_>, values: &[Value]) -> Result<Vec<String>, BudgetExceeded> {
    let keys: Vec<String> = values.iter().map(equality::key).collect();
    let size: usize = keys.iter().map(String::len).sum();
    c.budget().spend((keys.len() + size / 64) as u64)?;
    Ok(keys)
}

pub(super) fn compare_constants(
    c: &mut Comparison<'_>,
    old: &Value,
    new: &Value,
) -> Result<(), BudgetExceeded> {
    let keys = keys(c, &[old.clone(), new.clone()])?;
    if keys[0] != keys[1] {
        let problem = format!("the value was {} and is now {}", shown(old), shown(new));
        c.breaks("ENUM_ARRAY_CHANGED", "const", problem);
    }
    Ok(())
}
