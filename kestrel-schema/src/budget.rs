//! How much work a judgement of schemas may be.

/// Steps that may still be made, and levels that they may go down: a schema from a stranger can ask for exponentially many, or for more
/// than the stack has room for.
///
/// ```
/// use kestrel_schema::Budget;
///
/// let mut budget = Budget::new(2);
/// assert!(budget.step().is_ok() && budget.step().is_ok());
/// assert!(budget.step().is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Budget {
    steps: u64,
    levels: u32,
}

/// The error of a judgement that has used up its [`Budget`].
///
/// ```
/// use kestrel_schema::{Budget, BudgetExceeded};
///
/// assert_eq!(Budget::new(0).step(), Err(BudgetExceeded));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the schemas are too intricate to be judged: no verdict within the allowed number of steps and levels"
)]
pub struct BudgetExceeded;

impl Budget {
    /// How deep a judgement may go, whatever the number of steps: less than the smallest stacks have room for.
    pub const MAX_LEVELS: u32 = 400;

    /// What the judgement of one pair of schemas may cost: far more than schemas that people write need, and less than a second.
    pub const STEPS_OF_A_PAIR: u64 = 1_000_000;

    /// What all judgements of one subject may cost together: each of its first thousand versions may cost a pair's whole share. Real
    /// subjects are a thousand times cheaper.
    pub const STEPS_OF_A_SUBJECT: u64 = 1_000 * Self::STEPS_OF_A_PAIR;

    /// A budget of so many steps, and of [`MAX_LEVELS`](Self::MAX_LEVELS) levels.
    #[must_use]
    pub const fn new(steps: u64) -> Self {
        Self { steps, levels: Self::MAX_LEVELS }
    }

    /// Uses one step.
    ///
    /// # Errors
    /// When none is left.
    pub fn step(&mut self) -> Result<(), BudgetExceeded> {
        self.spend(1)
    }

    /// Uses so many steps at once, for what is not a step but costs as much: each symbol or byte that is compared or copied.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn spend(&mut self, steps: u64) -> Result<(), BudgetExceeded> {
        self.steps = self.steps.checked_sub(steps).ok_or(BudgetExceeded)?;
        Ok(())
    }

    /// Uses one step and goes a level down, which [`ascend`](Self::ascend) takes back.
    ///
    /// # Errors
    /// When no step or no level is left.
    ///
    /// ```
    /// use kestrel_schema::{Budget, BudgetExceeded};
    ///
    /// fn depth(list: &[u8], budget: &mut Budget) -> Result<usize, BudgetExceeded> {
    ///     let Some((_, rest)) = list.split_first() else { return Ok(0) };
    ///     budget.descend()?;
    ///     let depth = 1 + depth(rest, budget)?;
    ///     budget.ascend();
    ///     Ok(depth)
    /// }
    ///
    /// assert_eq!(depth(&[0; 100], &mut Budget::default()), Ok(100));
    /// assert_eq!(depth(&[0; 1000], &mut Budget::default()), Err(BudgetExceeded));
    /// ```
    pub fn descend(&mut self) -> Result<(), BudgetExceeded> {
        self.step()?;
        self.levels = self.levels.checked_sub(1).ok_or(BudgetExceeded)?;
        Ok(())
    }

    /// Does one of several pieces of work, which gets at most so many of the steps that are left here, and all levels.
    ///
    /// ```
    /// use kestrel_schema::Budget;
    ///
    /// let mut whole = Budget::new(5);
    /// let two_steps = |share: &mut Budget| share.spend(2);
    /// assert!(whole.share(2, two_steps).is_ok());
    /// assert!(whole.share(1, two_steps).is_err(), "more than its share");
    /// assert!(whole.share(2, two_steps).is_ok());
    /// assert!(whole.share(2, two_steps).is_err(), "only one step is left of the whole");
    /// ```
    pub fn share<T>(&mut self, steps: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        let mut share = Self::new(steps.min(self.steps));
        let given = share.steps;
        let done = work(&mut share);
        self.steps -= given - share.steps;
        done
    }

    /// Goes a level up again.
    pub fn ascend(&mut self) {
        self.levels += 1;
    }
}

impl Default for Budget {
    /// That of [one pair](Self::STEPS_OF_A_PAIR).
    fn default() -> Self {
        Self::new(Self::STEPS_OF_A_PAIR)
    }
}
