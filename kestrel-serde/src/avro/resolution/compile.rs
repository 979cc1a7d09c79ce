//! Two schemas become actions.
//!
//! `Resolution::new` calls it, once for a pair of schemas. It never sees a datum.

use std::collections::HashMap;
use std::mem::discriminant;
use std::ptr;

use apache_avro::Schema;
use apache_avro::schema::{EnumSchema, NamesRef, RecordField};

use super::super::describe::{describe, meaning};
use super::super::node::{Form, Node};
use super::default::encode_default;
use super::{Action, ActionId, Promotion, Resolution, Step, Symbol};

/// Why nothing that one schema writes can be read with another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if path.is_empty() { String::new() } else { format!("field {path}: ") })]
pub(in super::super) struct Mismatch {
    /// Our fields from the outside to the place, with dots between them.
    path: String,
    reason: String,
}

impl Mismatch {
    fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    fn inside(mut self, field: &str) -> Self {
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

/// Turns pairs of schemas into actions, each pair of records once.
#[derive(Default)]
pub(super) struct Compiler {
    actions: Vec<Action>,
    /// Pairs of records seen, by their places in memory: recursive schemas come back to them.
    records: HashMap<(*const Schema, *const Schema), Result<ActionId, Mismatch>>,
    rewrites: bool,
}

impl Compiler {
    pub(super) fn compile(
        (writer, writer_names): (&Schema, &NamesRef<'_>),
        (reader, reader_names): (&Schema, &NamesRef<'_>),
    ) -> Result<Resolution, Mismatch> {
        let mut compiler = Self::default();
        let root = compiler.pair(Node::root(writer, writer_names), Node::root(reader, reader_names))?;
        Ok(Resolution { actions: compiler.actions.into(), root, rewrites: compiler.rewrites })
    }

    fn pair(&mut self, writer: Node<'_>, reader: Node<'_>) -> Result<ActionId, Mismatch> {
        match (Form::of(writer), Form::of(reader)) {
            (Form::Union(branches), _) => self.union_to_any(writer, branches, reader),
            (_, Form::Union(branches)) => self.branch_to_union(writer, reader, branches, None),
            (Form::Record(_), Form::Record(_)) => self.records(writer, reader),
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

    fn records(&mut self, writer: Node<'_>, reader: Node<'_>) -> Result<ActionId, Mismatch> {
        let pair = (ptr::from_ref(writer.schema()), ptr::from_ref(reader.schema()));
        if let Some(known) = self.records.get(&pair) {
            return known.clone();
        }
        // Filled below; what refers to it from inside a record that turns out not to fit goes away with that record.
        let id = self.push(Action::Refuse(unlike(writer, reader).to_string().into()));
        self.records.insert(pair, Ok(id));
        match self.steps(writer, reader) {
            Ok(steps) => {
                if let Some(action) = self.actions.get_mut(id.0) {
                    *action = Action::Record(steps);
                }
                Ok(id)
            }
            Err(mismatch) => {
                self.records.insert(pair, Err(mismatch.clone()));
                Err(mismatch)
            }
        }
    }

    fn steps(&mut self, writer: Node<'_>, reader: Node<'_>) -> Result<Box<[Step]>, Mismatch> {
        let (Form::Record(theirs), Form::Record(ours)) = (Form::of(writer), Form::of(reader)) else {
            return Err(unlike(writer, reader));
        };
        if !names_match(writer, reader) {
            return Err(unlike(writer, reader));
        }
        let sources = sources(&theirs.fields, &ours.fields);
        let mut steps = Vec::with_capacity(theirs.fields.len());
        let mut held = Vec::new();
        let mut next = 0;
        due(&mut steps, &mut next, &held, &sources, reader, &ours.fields)?;
        for (index, field) in theirs.fields.iter().enumerate() {
            let child = writer.child(&field.schema);
            match sources.iter().position(|source| *source == Some(index)) {
                None => steps.push(Step::Skip(field.name.as_str().into(), self.pair(child, child)?)),
                Some(place) => {
                    let our = ours.fields.get(place).expect("a source for each of our fields");
                    let action = self
                        .pair(child, reader.child(&our.schema))
                        .map_err(|mismatch| mismatch.inside(&our.name))?;
                    if place == next {
                        next += 1;
                        steps.push(Step::Take(our.name.as_str().into(), action));
                    } else {
                        held.push(place);
                        steps.push(Step::Hold(our.name.as_str().into(), action));
                    }
                }
            }
            due(&mut steps, &mut next, &held, &sources, reader, &ours.fields)?;
        }
        self.rewrites |= !steps.iter().all(|step| matches!(step, Step::Take(..)));
        Ok(steps.into())
    }

    fn symbols(&mut self, theirs: &EnumSchema, ours: &EnumSchema) -> Result<Box<[Symbol]>, Mismatch> {
        let our_number = |symbol: &String| ours.symbols.iter().position(|our| our == symbol);
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

    fn push(&mut self, action: Action) -> ActionId {
        self.actions.push(action);
        ActionId(self.actions.len() - 1)
    }
}

/// For each of our fields, the number of the writer's field that it comes from: by name, else by alias.
fn sources(theirs: &[RecordField], ours: &[RecordField]) -> Vec<Option<usize>> {
    let mut sources: Vec<Option<usize>> =
        ours.iter().map(|our| theirs.iter().position(|their| their.name == our.name)).collect();
    for (place, our) in ours.iter().enumerate() {
        let renamed = theirs
            .iter()
            .enumerate()
            .position(|(index, their)| our.aliases.contains(&their.name) && !sources.contains(&Some(index)));
        if let Some(source @ None) = sources.get_mut(place) {
            *source = renamed;
        }
    }
    sources
}

/// Adds what comes before the writer's next field: our defaults, and fields that came too early.
fn due(
    steps: &mut Vec<Step>,
    next: &mut usize,
    held: &[usize],
    sources: &[Option<usize>],
    reader: Node<'_>,
    ours: &[RecordField],
) -> Result<(), Mismatch> {
    while let (Some(source), Some(field)) = (sources.get(*next), ours.get(*next)) {
        match (source, held.iter().position(|place| place == next)) {
            (Some(_), None) => break,
            (Some(_), Some(place)) => steps.push(Step::Release(place)),
            (None, _) => steps.push(Step::Default(default_of(reader, field)?)),
        }
        *next += 1;
    }
    Ok(())
}

fn default_of(record: Node<'_>, field: &RecordField) -> Result<Box<[u8]>, Mismatch> {
    let encoded = match &field.default {
        None => Err("the writer does not have it, and ours has no default".to_owned()),
        Some(default) => encode_default(record.child(&field.schema), default),
    };
    encoded.map(Into::into).map_err(|reason| Mismatch::new(reason).inside(&field.name))
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
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    };
    same_meaning && names_match(writer, reader)
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
