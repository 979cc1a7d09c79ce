//! Two schemas become actions.
//!
//! `Resolution::new` calls it, once for a pair of schemas. It never sees a datum.

use std::collections::HashMap;
use std::mem::discriminant;
use std::ptr;

use apache_avro::Schema;
use apache_avro::schema::{EnumSchema, NamesRef, RecordSchema};

use super::super::describe::{describe, meaning};
use super::super::node::{Form, Node};
use super::record_steps::RecordSteps;
use super::{Action, ActionId, MAX_DEPTH, Promotion, Resolution, Step, Symbol};

/// Why nothing that one schema writes can be read with another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if path.is_empty() { String::new() } else { format!("field {path}: ") })]
pub(in super::super) struct Mismatch {
    /// Our fields from the outside to the place, with dots between them.
    path: String,
    reason: String,
}

impl Mismatch {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    pub(super) fn inside(mut self, field: &str) -> Self {
        self.path = if self.path.is_empty() { field.to_owned() } else { format!("{field}.{}", self.path) };
        self
    }
}

/// How near a branch of our union is to what was written; the nearest that fits is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// The same type, and the same full name where types have names.
    Same,
    /// The same type, with a name that matches.
    Alike,
    /// Another type.
    Other,
}

impl Nearness {
    fn between(writer: Node<'_>, branch: Node<'_>) -> Self {
        let (theirs, ours) = (Form::of(writer), Form::of(branch));
        if discriminant(&theirs) != discriminant(&ours) || !fits(writer, branch) {
            return Self::Other;
        }
        if writer.full_name() == branch.full_name() && meaning(writer.schema()) == meaning(branch.schema()) {
            Self::Same
        } else {
            Self::Alike
        }
    }
}

/// Types that may be in each other where two schemas are compared: each level uses the stack. Data may be nested half as deep.
const MAX_LEVELS: usize = 2 * MAX_DEPTH;
/// Pairs of types that are looked at: every branch of one union with every one of another.
const MAX_PAIRS: usize = 1_000_000;

/// Turns pairs of schemas into actions, each pair of records once.
#[derive(Default)]
pub(super) struct Compiler {
    actions: Vec<Action>,
    /// Of the pair that is being looked at.
    levels: usize,
    pairs: usize,
    /// Why there is no end to it: then it is no matter of one branch of a union.
    gave_up: Option<Mismatch>,
    /// Pairs of records seen, by their places in memory: recursive schemas come back to them.
    records: HashMap<(*const Schema, *const Schema), Result<ActionId, Mismatch>>,
    rewrites: bool,
    default_bytes: usize,
}

impl Compiler {
    pub(super) fn compile(
        (writer, writer_names): (&Schema, &NamesRef<'_>),
        (reader, reader_names): (&Schema, &NamesRef<'_>),
    ) -> Result<Resolution, Mismatch> {
        let mut compiler = Self::default();
        let root = compiler.pair(Node::root(writer, writer_names), Node::root(reader, reader_names));
        let root = compiler.gave_up.take().map_or(root, Err)?;
        let Self { actions, rewrites, default_bytes, .. } = compiler;
        Ok(Resolution { actions: actions.into(), root, rewrites, default_bytes })
    }

    fn pair(&mut self, writer: Node<'_>, reader: Node<'_>) -> Result<ActionId, Mismatch> {
        self.spend(1)?;
        if self.levels == MAX_LEVELS {
            return Err(self.give_up(&format!("types lie in each other more than {MAX_LEVELS} deep")));
        }
        self.levels += 1;
        let action = self.types(writer, reader);
        self.levels -= 1;
        action
    }

    fn types(&mut self, writer: Node<'_>, reader: Node<'_>) -> Result<ActionId, Mismatch> {
        match (Form::of(writer), Form::of(reader)) {
            (Form::Union(branches), _) => self.union_to_any(writer, branches, reader),
            (_, Form::Union(branches)) => self.branch_to_union(writer, reader, branches, None),
            (Form::Record(theirs), Form::Record(ours)) if names_match(writer, reader) => {
                self.records((writer, theirs), (reader, ours))
            }
            (Form::Array(theirs), Form::Array(ours)) => {
                let item = self.pair(writer.child(theirs), reader.child(ours))?;
                Ok(self.push(Action::Array(item)))
            }
            (Form::Map(theirs), Form::Map(ours)) => {
                let value = self.pair(writer.child(theirs), reader.child(ours))?;
                Ok(self.push(Action::Map(value)))
            }
            (Form::Enum(theirs), Form::Enum(ours)) if names_match(writer, reader) => {
                let symbols = self.symbols(theirs, ours)?;
                Ok(self.push(Action::Enum(symbols)))
            }
            (theirs, ours) => match plain(theirs, ours) {
                Some(action) if fits(writer, reader) => {
                    self.rewrites |= matches!(action, Action::Promote(_));
                    Ok(self.push(action))
                }
                _ => Err(unlike(writer, reader)),
            },
        }
    }

    /// Each branch of the writer's union on its own: one that does not fit matters only when it is met.
    fn union_to_any(
        &mut self,
        writer: Node<'_>,
        branches: &[Schema],
        reader: Node<'_>,
    ) -> Result<ActionId, Mismatch> {
        let ours = match Form::of(reader) {
            Form::Union(ours) => Some(ours),
            _ => None,
        };
        let mut fitting = 0;
        let mut actions = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let branch = writer.child(branch);
            let action = match ours {
                Some(ours) => self.branch_to_union(branch, reader, ours, Some(index)),
                None => self.pair(branch, reader),
            };
            actions.push(match action {
                Ok(action) => {
                    fitting += 1;
                    action
                }
                Err(mismatch) => self.push(Action::Refuse(mismatch.to_string().into())),
            });
        }
        if fitting == 0 {
            return Err(unlike(writer, reader));
        }
        self.rewrites |= ours.is_none();
        Ok(self.push(Action::Union(actions.into())))
    }

    /// The nearest branch of our union that fits; `index` is the branch of the writer's union that was written.
    fn branch_to_union(
        &mut self,
        writer: Node<'_>,
        reader: Node<'_>,
        branches: &[Schema],
        index: Option<usize>,
    ) -> Result<ActionId, Mismatch> {
        self.spend(branches.len())?;
        let mut candidates: Vec<_> = branches
            .iter()
            .enumerate()
            .map(|(ours, branch)| {
                (Nearness::between(writer, reader.child(branch)), index != Some(ours), ours, branch)
            })
            .collect();
        candidates.sort_by_key(|(nearness, moved, ours, _)| (*nearness, *moved, *ours));

        let mut mismatch = None;
        for (nearness, moved, ours, branch) in candidates {
            match self.pair(writer, reader.child(branch)) {
                Ok(value) => {
                    self.rewrites |= moved;
                    return Ok(self.push(Action::Branch(ours, value)));
                }
                Err(why) if nearness < Nearness::Other => mismatch = mismatch.or(Some(why)),
                Err(_) => {}
            }
        }
        Err(mismatch.unwrap_or_else(|| unlike(writer, reader)))
    }

    fn records(
        &mut self,
        (writer, theirs): (Node<'_>, &RecordSchema),
        (reader, ours): (Node<'_>, &RecordSchema),
    ) -> Result<ActionId, Mismatch> {
        let pair = (ptr::from_ref(writer.schema()), ptr::from_ref(reader.schema()));
        if let Some(known) = self.records.get(&pair) {
            return known.clone();
        }
        // Filled below; what refers to it from inside a record that turns out not to fit goes away with that record.
        let id = self.push(Action::Refuse(unlike(writer, reader).to_string().into()));
        self.records.insert(pair, Ok(id));
        let steps = self.steps((writer, theirs), (reader, ours));
        match &steps {
            Ok(steps) => {
                let action = self.actions.get_mut(id.0).expect("pushed above");
                *action = Action::Record(steps.clone());
            }
            Err(mismatch) => drop(self.records.insert(pair, Err(mismatch.clone()))),
        }
        steps.map(|_| id)
    }

    fn steps(
        &mut self,
        (writer, theirs): (Node<'_>, &RecordSchema),
        (reader, ours): (Node<'_>, &RecordSchema),
    ) -> Result<Box<[Step]>, Mismatch> {
        let mut record = RecordSteps::new(&theirs.fields, reader, &ours.fields)?;
        for (index, field) in theirs.fields.iter().enumerate() {
            let child = writer.child(&field.schema);
            match record.ours(index) {
                None => record.skip(field, self.pair(child, child)?),
                Some((place, our)) => {
                    let action = self.pair(child, reader.child(&our.schema));
                    record.put(place, our, action.map_err(|mismatch| mismatch.inside(&our.name))?)?;
                }
            }
        }
        let steps = record.finish();
        self.rewrites |= !steps.iter().all(|step| matches!(step, Step::Take(..)));
        self.default_bytes += steps.iter().map(Step::default_bytes).sum::<usize>();
        Ok(steps)
    }

    fn symbols(&mut self, theirs: &EnumSchema, ours: &EnumSchema) -> Result<Box<[Symbol]>, Mismatch> {
        let numbers: HashMap<&String, usize> = ours.symbols.iter().zip(0..).collect();
        let our_number = |symbol: &String| numbers.get(symbol).copied();
        let default = ours.default.as_ref().and_then(our_number);
        let mut symbols = Vec::with_capacity(theirs.symbols.len());
        for (index, symbol) in theirs.symbols.iter().enumerate() {
            symbols.push(match our_number(symbol).or(default) {
                Some(number) => {
                    self.rewrites |= number != index;
                    Symbol::Ours(number)
                }
                None => Symbol::Unknown(
                    format!("enum {} has no symbol {symbol} and no default", ours.name).into(),
                ),
            });
        }
        Ok(symbols.into())
    }

    fn spend(&mut self, pairs: usize) -> Result<(), Mismatch> {
        self.pairs += pairs;
        match &self.gave_up {
            Some(reason) => Err(reason.clone()),
            None if self.pairs > MAX_PAIRS => {
                Err(self.give_up(&format!("there are more than {MAX_PAIRS} pairs of types to compare")))
            }
            None => Ok(()),
        }
    }

    fn give_up(&mut self, reason: &str) -> Mismatch {
        self.gave_up.insert(Mismatch::new(format!("the schemas are too intricate: {reason}"))).clone()
    }

    fn push(&mut self, action: Action) -> ActionId {
        self.actions.push(action);
        ActionId(self.actions.len() - 1)
    }
}

/// The action for two types without parts.
fn plain(theirs: Form<'_>, ours: Form<'_>) -> Option<Action> {
    Some(match (theirs, ours) {
        (Form::Null, Form::Null) => Action::Null,
        (Form::Boolean, Form::Boolean) => Action::Boolean,
        (Form::Int, Form::Int | Form::Long) => Action::Int,
        (Form::Int, Form::Float) => Action::Promote(Promotion::IntToFloat),
        (Form::Int, Form::Double) => Action::Promote(Promotion::IntToDouble),
        (Form::Long, Form::Long) => Action::Long,
        (Form::Long, Form::Float) => Action::Promote(Promotion::LongToFloat),
        (Form::Long, Form::Double) => Action::Promote(Promotion::LongToDouble),
        (Form::Float, Form::Float) => Action::Fixed(size_of::<f32>()),
        (Form::Float, Form::Double) => Action::Promote(Promotion::FloatToDouble),
        (Form::Double, Form::Double) => Action::Fixed(size_of::<f64>()),
        (Form::Bytes | Form::String, Form::Bytes | Form::String) => Action::Bytes,
        (Form::Fixed(theirs), Form::Fixed(ours)) if theirs.size == ours.size => Action::Fixed(ours.size),
        _ => return None,
    })
}

/// Whether names and logical types allow what the bytes allow.
fn fits(writer: Node<'_>, reader: Node<'_>) -> bool {
    let same_meaning = match (meaning(writer.schema()), meaning(reader.schema())) {
        (Some(theirs), Some(ours)) => theirs == ours || has_room(writer.schema(), reader.schema()),
        _ => true,
    };
    same_meaning && names_match(writer, reader)
}

/// Whether ours is a decimal of the same scale with room for each of the writer's numbers: their bytes are the same. Apache
/// Avro for Java reads every precision into every other; here one that may be too small is refused.
fn has_room(writer: &Schema, reader: &Schema) -> bool {
    match (writer, reader) {
        (Schema::Decimal(theirs), Schema::Decimal(ours)) => {
            theirs.scale == ours.scale && theirs.precision <= ours.precision
        }
        _ => false,
    }
}

/// Whether the types have no names, or ours has the writer's name, without its namespace, as name or alias.
fn names_match(writer: Node<'_>, reader: Node<'_>) -> bool {
    match (Form::of(writer).name(), Form::of(reader).name()) {
        (Some((theirs, _)), Some((ours, aliases))) => {
            theirs.name() == ours.name()
                || aliases.iter().flatten().any(|alias| alias.name() == theirs.name())
        }
        _ => true,
    }
}

fn unlike(writer: Node<'_>, reader: Node<'_>) -> Mismatch {
    Mismatch::new(format!("{} cannot be read as {}", describe(writer.schema()), describe(reader.schema())))
}
