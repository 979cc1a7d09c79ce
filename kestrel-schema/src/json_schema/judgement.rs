//! Which pairs of schemas fit each other, found without recursion.
//!
//! Whether one pair fits depends on others: those of its properties, items, branches. A schema may refer to itself, so they can depend
//! on each other in circles. Every pair is taken to fit until a rule says that it does not; then the pairs that depend on it are
//! judged again. A pair breaks at most once, so there is an end, after a number of steps that grows with the number of pairs.
//!
//! ```text
//! queue --pair--> rules::compare --"does that other pair fit?"--> yes, and the other one is queued if it is new
//!                      | finds something broken
//!                      v
//!              broken, and all that asked about this pair are queued again
//! ```

use std::collections::{HashMap, HashSet, VecDeque};

use super::model::{Model, Node, NodeId};
use super::policy::Policy;
use super::rules;
use crate::{Budget, BudgetExceeded, Incompatibility};

/// What keeps the reader's schema from reading what the writer's allows, by the rules of this policy.
pub(super) fn incompatibilities(
    writer: &Model,
    reader: &Model,
    policy: Policy,
    budget: &mut Budget,
) -> Result<Vec<Incompatibility>, BudgetExceeded> {
    budget.spend(writer.preparation() + reader.preparation())?;
    let root = Pair {
        writer: writer.resolve(NodeId::ROOT),
        reader: reader.resolve(NodeId::ROOT),
        is_reversed: false,
    };
    let mut judge = Judge { writer, reader, policy, budget, verdicts: Verdicts::default() };
    judge.verdicts.await_judgement(root);
    judge.judge_all()?;
    judge.report(root)
}

/// A schema of the writer's and one of the reader's that is to take all that the first one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    writer: NodeId,
    reader: NodeId,
    /// Within a `not` they change places: then `writer` is a node of the reader's model.
    is_reversed: bool,
}

#[derive(Default)]
struct Verdicts {
    queue: VecDeque<Pair>,
    queued: HashSet<Pair>,
    /// Every pair that was ever queued.
    known: HashSet<Pair>,
    broken: HashSet<Pair>,
    /// Which pairs asked about a pair.
    askers: HashMap<Pair, HashSet<Pair>>,
}

impl Verdicts {
    fn await_judgement(&mut self, pair: Pair) {
        self.known.insert(pair);
        if self.queued.insert(pair) {
            self.queue.push_back(pair);
        }
    }

    fn next(&mut self) -> Option<Pair> {
        let pair = self.queue.pop_front()?;
        self.queued.remove(&pair);
        Some(pair)
    }

    fn is_broken(&mut self, pair: Pair) {
        self.broken.insert(pair);
        for asker in self.askers.remove(&pair).unwrap_or_default() {
            if !self.broken.contains(&asker) {
                self.await_judgement(asker);
            }
        }
    }
}

struct Judge<'a> {
    writer: &'a Model,
    reader: &'a Model,
    policy: Policy,
    budget: &'a mut Budget,
    verdicts: Verdicts,
}

impl Judge<'_> {
    fn judge_all(&mut self) -> Result<(), BudgetExceeded> {
        while let Some(pair) = self.verdicts.next() {
            if !self.findings(pair)?.is_empty() {
                self.verdicts.is_broken(pair);
            }
        }
        Ok(())
    }

    fn findings(&mut self, pair: Pair) -> Result<Vec<Finding>, BudgetExceeded> {
        self.budget.step()?;
        let (writer, reader) =
            if pair.is_reversed { (self.reader, self.writer) } else { (self.writer, self.reader) };
        let mut comparison = Comparison {
            writer,
            reader,
            policy: self.policy,
            budget: self.budget,
            verdicts: &mut self.verdicts,
            pair,
            findings: Vec::new(),
        };
        rules::compare(&mut comparison)?;
        Ok(comparison.findings)
    }

    /// What is broken, each once, at the first place that leads to it.
    fn report(&mut self, root: Pair) -> Result<Vec<Incompatibility>, BudgetExceeded> {
        let mut reported = HashSet::from([root]);
        let mut places = VecDeque::from([(root, String::from("#"))]);
        let mut incompatibilities = Vec::new();
        while let Some((pair, place)) = places.pop_front() {
            for Finding { at, what } in self.findings(pair)? {
                // Memory is what it costs: a chain of references makes long paths, and names may be long.
                self.budget.spend((place.len() + at.len()) as u64 / 64)?;
                let place = if at.is_empty() { place.clone() } else { format!("{place}/{at}") };
                match what {
                    What::Breaks { kind, problem } => {
                        let path = if place == "#" { "#/".to_owned() } else { place };
                        incompatibilities.push(Incompatibility { kind, path, problem });
                    }
                    What::Within(inner) if reported.insert(inner) => places.push_back((inner, place)),
                    What::Within(_) => {}
                }
            }
        }
        Ok(incompatibilities)
    }
}

/// Something that keeps a pair from fitting, and where, from the pair's own place.
struct Finding {
    at: String,
    what: What,
}

enum What {
    Breaks {
        kind: &'static str,
        problem: String,
    },
    /// A pair within this one does not fit.
    Within(Pair),
}

/// One pair while the rules look at it.
pub(super) struct Comparison<'a> {
    writer: &'a Model,
    reader: &'a Model,
    policy: Policy,
    budget: &'a mut Budget,
    verdicts: &'a mut Verdicts,
    pair: Pair,
    findings: Vec<Finding>,
}

impl<'a> Comparison<'a> {
    /// The two that are compared, the writer's first. References have been followed.
    pub(super) fn nodes(&self) -> (&'a Node, &'a Node) {
        (self.writer.node(self.pair.writer), self.reader.node(self.pair.reader))
    }

    /// Their places in their models.
    pub(super) const fn ids(&self) -> (NodeId, NodeId) {
        (self.pair.writer, self.pair.reader)
    }

    /// A schema of the writer's, as it is written: a reference is one.
    pub(super) fn written(&self, id: NodeId) -> &'a Node {
        self.writer.node(id)
    }

    /// A schema of the reader's, as it is written.
    pub(super) fn read(&self, id: NodeId) -> &'a Node {
        self.reader.node(id)
    }

    pub(super) fn step(&mut self) -> Result<(), BudgetExceeded> {
        self.budget.step()
    }

    /// What is left to pay from for work beyond a step.
    pub(super) const fn budget(&mut self) -> &mut Budget {
        self.budget
    }

    /// Whether the reader's schema takes what this one of the writer's takes, as far as is known.
    pub(super) fn fits(&mut self, writer: NodeId, reader: NodeId) -> Result<bool, BudgetExceeded> {
        let pair = self.within(writer, reader);
        self.pair_fits(pair)
    }

    /// Whether the writer's schema takes what this one of the reader's takes.
    pub(super) fn fits_reversed(&mut self, reader: NodeId, writer: NodeId) -> Result<bool, BudgetExceeded> {
        let pair = Pair {
            writer: self.reader.resolve(reader),
            reader: self.writer.resolve(writer),
            is_reversed: !self.pair.is_reversed,
        };
        self.pair_fits(pair)
    }

    /// Compares two schemas that are at this place within the pair.
    pub(super) fn compare(
        &mut self,
        writer: NodeId,
        reader: NodeId,
        at: impl FnOnce() -> String,
    ) -> Result<bool, BudgetExceeded> {
        let pair = self.within(writer, reader);
        let fits = self.pair_fits(pair)?;
        if !fits {
            self.findings.push(Finding { at: at(), what: What::Within(pair) });
        }
        Ok(fits)
    }

    /// Notes a change that keeps old documents from being read, unless the policy forgives it.
    pub(super) fn breaks(&mut self, kind: &'static str, at: impl Into<String>, problem: impl Into<String>) {
        if !self.policy.forgives(kind) {
            self.findings
                .push(Finding { at: at.into(), what: What::Breaks { kind, problem: problem.into() } });
        }
    }

    fn within(&self, writer: NodeId, reader: NodeId) -> Pair {
        Pair {
            writer: self.writer.resolve(writer),
            reader: self.reader.resolve(reader),
            is_reversed: self.pair.is_reversed,
        }
    }

    fn pair_fits(&mut self, pair: Pair) -> Result<bool, BudgetExceeded> {
        self.budget.step()?;
        if self.verdicts.broken.contains(&pair) {
            return Ok(false);
        }
        self.verdicts.askers.entry(pair).or_default().insert(self.pair);
        if !self.verdicts.known.contains(&pair) {
            self.verdicts.await_judgement(pair);
        }
        Ok(true)
    }
}
