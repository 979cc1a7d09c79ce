//! The expressions of `patternProperties`, and whether one is found in a name, at a cost that has an end.
//!
//! An expression is compiled when the first name is held against it, and by an engine that never goes back where that can be: look-around and
//! references back need one that does, which is given few steps. Both cost budget: a stranger's expression may be large, or go back for ever.

use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Value, json};

use crate::{Budget, BudgetExceeded};

/// How large a compiled expression may be, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// What compiling one costs, paid by each judgement whether it comes to that or not: so that the same question has the same answer.
pub(super) const COMPILING: u64 = 250;
/// How often the engine that goes back may do so for one name.
const MAX_STEPS_BACK: usize = 2_000;
/// What that costs.
const GOING_BACK: u64 = 200;

/// The expression of `patternProperties`.
#[derive(Debug)]
pub(in crate::json_schema) struct Pattern {
    expression: String,
    /// None inside when it is too large to be compiled.
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    matcher: Validator,
    goes_back: bool,
}

impl Pattern {
    /// None if it is no expression.
    pub(super) fn new(expression: &str) -> Option<Self> {
        let is_one = jsonschema::draft7::meta::is_valid(&json!({"pattern": expression}));
        is_one.then(|| Self { expression: expression.to_owned(), compiled: OnceLock::new() })
    }

    /// Whether it is found in this name.
    ///
    /// # Errors
    /// When the budget ends, or the expression is one that nobody can answer for: too large, or one that goes back too often.
    pub(in crate::json_schema) fn is_in(
        &self,
        name: &str,
        budget: &mut Budget,
    ) -> Result<bool, BudgetExceeded> {
        budget.spend(1 + (self.expression.len() as u64 * name.len() as u64) / 256)?;
        let compiled = self.compiled.get_or_init(|| Compiled::of(&self.expression));
        let Compiled { matcher, goes_back } = compiled.as_ref().ok_or(BudgetExceeded)?;
        if *goes_back {
            budget.spend(GOING_BACK)?;
        }
        match matcher.validate(&Value::from(name)) {
            Ok(()) => Ok(true),
            Err(error) => match error.kind() {
                ValidationErrorKind::BacktrackLimitExceeded { .. } => Err(BudgetExceeded),
                _ => Ok(false),
            },
        }
    }
}

impl Compiled {
    fn of(expression: &str) -> Option<Self> {
        let schema = json!({"pattern": expression});
        let options = || jsonschema::options().with_draft(Draft::Draft7);
        let straight = PatternOptions::regex().size_limit(MAX_SIZE);
        if let Ok(matcher) = options().with_pattern_options(straight).build(&schema) {
            return Some(Self { matcher, goes_back: false });
        }
        let back = PatternOptions::fancy_regex().size_limit(MAX_SIZE).backtrack_limit(MAX_STEPS_BACK);
        let matcher = options().with_pattern_options(back).build(&schema).ok()?;
        Some(Self { matcher, goes_back: true })
    }
}
