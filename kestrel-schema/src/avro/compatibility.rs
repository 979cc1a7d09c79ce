//! Whether one schema can read data of another: Java's `SchemaCompatibility.checkReaderWriterCompatibility`, with a budget.
//!
//! What is found has Java's kinds and paths, in Java's order. A pair of types that is compared while it is being compared is taken for
//! compatible; one that was compared before is not compared again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::location::{Location, Step};
use super::types::{Enum, Field, Fixed, Head, Record, Shape, TypeId, Types};
use crate::{Budget, BudgetExceeded, Incompatibility};

/// What keeps `reader` from reading data of `writer`, each given as its types and the place of its root.
///
/// # Errors
/// When there is no verdict within the budget.
pub(super) fn incompatibilities(
    (reader, reader_root): (&Types, TypeId),
    (writer, writer_root): (&Types, TypeId),
    budget: &mut Budget,
) -> Result<Vec<Incompatibility>, BudgetExceeded> {
    let (known, location, found) = (HashMap::new(), Location::default(), Vec::new());
    let mut comparison = Comparison { reader, writer, known, location, found, budget };
    match comparison.pair(reader_root, writer_root) {
        Ok(list) => Ok(list.iter().map(|index| comparison.found[*index].clone()).collect()),
        Err(Stop::Budget) => Err(BudgetExceeded),
        Err(Stop::Ambiguous(alone)) => Ok(vec![*alone]),
    }
}

/// Why a comparison ends before its end.
enum Stop {
    Budget,
    /// Java gives up with an exception, which registries take for incompatible.
    Ambiguous(Box<Incompatibility>),
}

impl From<BudgetExceeded> for Stop {
    fn from(_: BudgetExceeded) -> Self {
        Self::Budget
    }
}

/// Places in the list of all that was found.
type Found = Rc<[usize]>;

struct Comparison<'a> {
    reader: &'a Types,
    writer: &'a Types,
    /// The outcome of each pair of types; none while it is being compared.
    known: HashMap<(TypeId, TypeId), Option<Found>>,
    location: Location,
    found: Vec<Incompatibility>,
    budget: &'a mut Budget,
}

impl<'a> Comparison<'a> {
    fn part(&mut self, step: Step, reader: TypeId, writer: TypeId) -> Result<Found, Stop> {
        self.location.enter(step);
        let found = self.pair(reader, writer);
        self.location.leave();
        found
    }

    fn pair(&mut self, reader: TypeId, writer: TypeId) -> Result<Found, Stop> {
        let pair = (self.reader.resolve(reader), self.writer.resolve(writer));
        self.budget.descend()?;
        let found = self.look_up(pair);
        self.budget.ascend();
        found
    }

    fn look_up(&mut self, pair: (TypeId, TypeId)) -> Result<Found, Stop> {
        let found = match self.known.get(&pair) {
            Some(known) => known.clone().unwrap_or_default(),
            None => {
                self.known.insert(pair, None);
                let found: Found = self.compare(pair.0, pair.1)?.into();
                self.known.insert(pair, Some(Rc::clone(&found)));
                found
            }
        };
        // What a pair is found to lack is found again wherever it occurs: twice as much with each level.
        self.budget.spend(found.len() as u64)?;
        Ok(found)
    }

    fn compare(&mut self, reader_id: TypeId, writer_id: TypeId) -> Result<Vec<usize>, Stop> {
        let (readers, writers) = (self.reader, self.writer);
        match (&readers.get(reader_id).shape, &writers.get(writer_id).shape) {
            (Shape::Union(_), Shape::Union(branches)) => self.union_by_union(reader_id, branches),
            (_, Shape::Union(branches)) => {
                let mut found = Vec::new();
                for (index, branch) in branches.iter().enumerate() {
                    found.extend_from_slice(&self.part(Step::Branch(index), reader_id, *branch)?);
                }
                Ok(found)
            }
            (Shape::Union(branches), writer) => {
                for branch in branches {
                    if self.part(Step::Trial, *branch, writer_id)?.is_empty() {
                        return Ok(Vec::new());
                    }
                }
                self.missing_branch(writer)
            }
            (Shape::Primitive(reader), Shape::Primitive(writer)) if reader.reads(*writer) => Ok(Vec::new()),
            (Shape::Array(reader), Shape::Array(writer)) => {
                Ok(self.part(Step::Items, *reader, *writer)?.to_vec())
            }
            (Shape::Map(reader), Shape::Map(writer)) => {
                Ok(self.part(Step::Values, *reader, *writer)?.to_vec())
            }
            (Shape::Fixed(reader), Shape::Fixed(writer)) => self.fixed(reader, writer),
            (Shape::Enum(reader), Shape::Enum(writer)) => self.symbols(reader, writer),
            (Shape::Record(reader), Shape::Record(writer)) => {
                self.record(reader_id, reader, writer_id, writer)
            }
            (reader, writer) => {
                let problem = format!("{} cannot be read as {}", in_words(writer), in_words(reader));
                self.report("TYPE_MISMATCH", None, &problem)
            }
        }
    }

    fn union_by_union(&mut self, reader: TypeId, branches: &[TypeId]) -> Result<Vec<usize>, Stop> {
        let mut found = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            self.location.enter(Step::Branch(index));
            if !self.part(Step::Trial, reader, *branch)?.is_empty() {
                let writers = self.writer;
                found.extend(self.missing_branch(&writers.get(*branch).shape)?);
            }
            self.location.leave();
        }
        Ok(found)
    }

    fn missing_branch(&mut self, writer: &Shape) -> Result<Vec<usize>, Stop> {
        self.report(
            "MISSING_UNION_BRANCH",
            None,
            &format!("no branch of the union reads {}", in_words(writer)),
        )
    }

    fn names(&mut self, reader: &Head, writer: &Head) -> Result<Vec<usize>, Stop> {
        if reader.answers_to(&writer.name) {
            return Ok(Vec::new());
        }
        let problem = format!("{} is not {}, and has no alias that is", reader.name, writer.name);
        self.report("NAME_MISMATCH", Some("name"), &problem)
    }

    fn fixed(&mut self, reader: &Fixed, writer: &Fixed) -> Result<Vec<usize>, Stop> {
        let mut found = self.names(&reader.head, &writer.head)?;
        if reader.size != writer.size {
            let name = &reader.head.name;
            let problem =
                format!("fixed {name} has {} bytes where {} were written", reader.size, writer.size);
            found.extend(self.report("FIXED_SIZE_MISMATCH", Some("size"), &problem)?);
        }
        Ok(found)
    }

    fn symbols(&mut self, reader: &Enum, writer: &Enum) -> Result<Vec<usize>, Stop> {
        self.budget.spend((reader.symbols.len() + writer.symbols.len()) as u64)?;
        let mut found = self.names(&reader.head, &writer.head)?;
        let known: HashSet<&str> = reader.symbols.iter().map(String::as_str).collect();
        let missing: BTreeSet<&str> =
            writer.symbols.iter().map(String::as_str).filter(|symbol| !known.contains(symbol)).collect();
        if reader.default.is_none() && !missing.is_empty() {
            let missing: Vec<_> = missing.into_iter().collect();
            let name = &reader.head.name;
            let problem =
                format!("enum {name} has neither a default nor the symbols [{}]", missing.join(", "));
            found.extend(self.report("MISSING_ENUM_SYMBOLS", Some("symbols"), &problem)?);
        }
        Ok(found)
    }

    fn record(
        &mut self,
        reader_id: TypeId,
        reader: &'a Record,
        writer_id: TypeId,
        writer: &'a Record,
    ) -> Result<Vec<usize>, Stop> {
        let mut found = self.names(&reader.head, &writer.head)?;
        for (index, field) in reader.fields.iter().enumerate() {
            self.location.enter(Step::Field(reader_id, index));
            match self.writer_field(field, reader, writer)? {
                Some(written) => {
                    let step = Step::Attribute("type");
                    found.extend_from_slice(&self.part(step, field.type_id, written.type_id)?);
                }
                None if field.default.is_some() => {}
                None => found.extend(self.missing_field(field, writer_id)?),
            }
            self.location.leave();
        }
        Ok(found)
    }

    /// The field of the writer's that becomes this one: of its name, or of one of its aliases.
    fn writer_field(
        &mut self,
        field: &Field,
        reader: &Record,
        writer: &'a Record,
    ) -> Result<Option<&'a Field>, Stop> {
        self.budget.spend(1 + field.aliases.len() as u64)?;
        let mut hits = [&field.name].into_iter().chain(&field.aliases).filter_map(|name| writer.field(name));
        match (hits.next(), hits.next()) {
            (Some(one), Some(other)) => Err(Stop::Ambiguous(Box::new(Incompatibility {
                kind: "READER_FIELD_MATCHES_SEVERAL",
                path: self.location.path(),
                problem: format!(
                    "field {} of {} answers by its aliases to {} and {} of the writer",
                    field.name, reader.head.name, one.name, other.name
                ),
            }))),
            (hit, _) => Ok(hit),
        }
    }

    fn missing_field(&mut self, field: &Field, writer: TypeId) -> Result<Vec<usize>, Stop> {
        let readers = self.reader;
        // Java compares an enum that has a default symbol with the writer's whole record, and so finds the wrong reason.
        let is_enum =
            matches!(&readers.get(field.type_id).shape, Shape::Enum(symbols) if symbols.default.is_some());
        if is_enum {
            return Ok(self.part(Step::Attribute("type"), field.type_id, writer)?.to_vec());
        }
        self.report("READER_FIELD_MISSING_DEFAULT_VALUE", None, "it was not written, and has no default")
    }

    fn report(
        &mut self,
        kind: &'static str,
        attribute: Option<&'static str>,
        problem: &str,
    ) -> Result<Vec<usize>, Stop> {
        attribute.into_iter().for_each(|name| self.location.enter(Step::Attribute(name)));
        let path = self.location.path();
        attribute.into_iter().for_each(|_| self.location.leave());
        let problem = format!("{}{problem}", self.location.field(self.reader));
        // Memory is what it costs: names may be long, and a short schema may repeat them often.
        self.budget.spend(4 + problem.len() as u64 / 64)?;
        self.found.push(Incompatibility { kind, path, problem });
        Ok(vec![self.found.len() - 1])
    }
}

/// `int`, `record shop.Order`.
fn in_words(shape: &Shape) -> String {
    shape.head().map_or_else(|| shape.word().to_owned(), |head| format!("{} {}", shape.word(), head.name))
}
