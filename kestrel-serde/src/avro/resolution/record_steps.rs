//! The steps through one record.
//!
//! The compiler gives it the writer's fields in their order; it brings them into ours. It never looks into a field.

use std::collections::{HashMap, HashSet};

use apache_avro::schema::RecordField;

use super::super::node::Node;
use super::compile::Mismatch;
use super::default::encode_default;
use super::{ActionId, Step};

/// Steps under construction.
pub(super) struct RecordSteps<'s> {
    /// Our record.
    reader: Node<'s>,
    fields: &'s [RecordField],
    /// For each of our fields, the number of the writer's field that it comes from.
    sources: Vec<Option<usize>>,
    /// For each of the writer's fields that become ours, the number of our field.
    places: HashMap<usize, usize>,
    steps: Vec<Step>,
    /// Our fields that came too early, each with its place among those.
    held: HashMap<usize, usize>,
    /// Our first field that no step writes yet.
    next: usize,
}

impl<'s> RecordSteps<'s> {
    pub(super) fn new(
        theirs: &[RecordField],
        reader: Node<'s>,
        ours: &'s [RecordField],
    ) -> Result<Self, Mismatch> {
        let sources = sources(theirs, ours);
        let places = sources.iter().zip(0..).filter_map(|(source, place)| Some(((*source)?, place)));
        let places = places.collect();
        let (steps, held) = (Vec::new(), HashMap::new());
        let mut record = Self { reader, fields: ours, sources, places, steps, held, next: 0 };
        record.write_due()?;
        Ok(record)
    }

    /// Our field that comes from this one of the writer's, and its number.
    pub(super) fn ours(&self, theirs: usize) -> Option<(usize, &'s RecordField)> {
        let place = *self.places.get(&theirs)?;
        Some((place, self.fields.get(place)?))
    }

    /// The writer's next field is none of ours.
    pub(super) fn skip(&mut self, field: &RecordField, action: ActionId) {
        self.steps.push(Step::Skip(field.name.as_str().into(), action));
    }

    /// The writer's next field is ours with this number.
    pub(super) fn put(&mut self, place: usize, our: &RecordField, action: ActionId) -> Result<(), Mismatch> {
        let name = our.name.as_str().into();
        if place == self.next {
            self.next += 1;
            self.steps.push(Step::Take(name, action));
            self.write_due()
        } else {
            self.held.insert(place, self.held.len());
            self.steps.push(Step::Hold(name, action));
            Ok(())
        }
    }

    /// The steps, when all of the writer's fields have been given.
    pub(super) fn finish(self) -> Box<[Step]> {
        debug_assert_eq!(self.next, self.fields.len(), "each of our fields has a source or a default");
        self.steps.into()
    }

    /// Writes what needs nothing more of the writer's: our defaults, and fields that came too early.
    fn write_due(&mut self) -> Result<(), Mismatch> {
        while let (Some(source), Some(field)) = (self.sources.get(self.next), self.fields.get(self.next)) {
            let held = self.held.get(&self.next).copied();
            self.steps.push(match (source, held) {
                (Some(_), None) => break,
                (Some(_), Some(place)) => Step::Release(place),
                (None, _) => Step::Default(default_of(self.reader, field)?),
            });
            self.next += 1;
        }
        Ok(())
    }
}

/// For each of our fields, the number of the writer's field that it comes from: by name, else by alias.
fn sources(theirs: &[RecordField], ours: &[RecordField]) -> Vec<Option<usize>> {
    let numbers: HashMap<&String, usize> = theirs.iter().map(|their| &their.name).zip(0..).collect();
    let mut sources: Vec<_> = ours.iter().map(|our| numbers.get(&our.name).copied()).collect();
    let mut taken: HashSet<usize> = sources.iter().flatten().copied().collect();
    for (source, our) in sources.iter_mut().zip(ours).filter(|(source, _)| source.is_none()) {
        let renamed = our.aliases.iter().filter_map(|alias| numbers.get(alias).copied());
        *source = renamed.filter(|number| !taken.contains(number)).min();
        taken.extend(*source);
    }
    sources
}

fn default_of(record: Node<'_>, field: &RecordField) -> Result<Box<[u8]>, Mismatch> {
    let encoded = match &field.default {
        None => Err("the writer does not have it, and ours has no default".to_owned()),
        Some(default) => encode_default(record.child(&field.schema), default),
    };
    encoded.map(Into::into).map_err(|reason| Mismatch::new(reason).inside(&field.name))
}
