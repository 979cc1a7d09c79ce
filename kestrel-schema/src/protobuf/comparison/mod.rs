//! What a new version of a schema breaks for data of an old one, by Confluent's rules.
//!
//! Messages are told by their names, their fields by their numbers. A type that both versions take from the same registered file
//! is the same; one that comes from elsewhere is compared in its turn. These pairs are worked off one after the other, each once,
//! so that no graph of types can make the comparison deep or long; what a broken pair means for the fields that use it is worked
//! out at the end.
//!
//! Compatible changes are not reported: fields added or removed (but for required ones and members of a oneof that stays), names of
//! fields and values, values of enums, the order of messages, whole messages and enums added, whole enums removed.

mod field;
mod message;

use std::collections::HashMap;

use super::file::{Message, ProtoFile};
use super::names::{Definition, Named, Names, joined};
use crate::{Budget, BudgetExceeded, Incompatibility};

/// A comparison under way: data of `writer`, read by `reader`.
pub(super) struct Comparison<'a> {
    writer: &'a Names<'a>,
    reader: &'a Names<'a>,
    budget: &'a mut Budget,
    found: Vec<Incompatibility>,
    /// The pairs of types of other files that were met, by their full names. The pair of the two files themselves is number 0.
    pairs: HashMap<(String, String), usize>,
    /// Those of them that are still to be compared.
    pending: Vec<Pair<'a>>,
    /// By pair: whether anything was found in it.
    is_broken: Vec<bool>,
    uses: Vec<Use>,
}

/// A message in both versions.
struct Pair<'a> {
    number: usize,
    writer: &'a Message,
    reader: &'a Message,
    place: Place,
}

/// A field of one pair whose type is another pair.
struct Use {
    by: usize,
    of: usize,
    path: String,
}

/// Where in the two versions a comparison is.
#[derive(Debug, Clone)]
struct Place {
    pair: usize,
    /// The path from the root, as it is reported.
    path: String,
    /// The full names that names are looked up in.
    writer_scope: String,
    reader_scope: String,
}

impl Place {
    /// In the message or enum of this name.
    fn named(&self, name: &str) -> Self {
        Self {
            pair: self.pair,
            path: joined_path(&self.path, name),
            writer_scope: joined(&self.writer_scope, name),
            reader_scope: joined(&self.reader_scope, name),
        }
    }

    /// At a member, which opens no scope.
    fn at(&self, member: &str) -> Self {
        Self { path: joined_path(&self.path, member), ..self.clone() }
    }
}

fn joined_path(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}/{step}") }
}

impl<'a> Comparison<'a> {
    /// A comparison of two files, whose names these are.
    pub(super) fn new(writer: &'a Names<'a>, reader: &'a Names<'a>, budget: &'a mut Budget) -> Self {
        Self {
            writer,
            reader,
            budget,
            found: Vec::new(),
            pairs: HashMap::new(),
            pending: Vec::new(),
            is_broken: vec![false],
            uses: Vec::new(),
        }
    }

    /// What keeps `reader` from reading data of `writer`.
    pub(super) fn files(
        mut self,
        writer: &'a ProtoFile,
        reader: &'a ProtoFile,
    ) -> Result<Vec<Incompatibility>, BudgetExceeded> {
        let place = Place {
            pair: 0,
            path: String::new(),
            writer_scope: writer.package().to_owned(),
            reader_scope: reader.package().to_owned(),
        };
        if writer.package != reader.package {
            let problem =
                format!("the package {} became {}", named(writer.package()), named(reader.package()));
            self.report(&place, "PACKAGE_CHANGED", problem)?;
        }
        self.messages(&writer.messages, &reader.messages, &place)?;
        while let Some(pair) = self.pending.pop() {
            self.message(pair.writer, pair.reader, &pair.place)?;
            debug_assert_eq!(pair.number, pair.place.pair);
        }
        self.report_uses_of_broken_pairs();
        Ok(self.found)
    }

    /// Compares messages of the same scope. They are told by their names.
    fn messages(
        &mut self,
        writer: &'a [Message],
        reader: &'a [Message],
        place: &Place,
    ) -> Result<(), BudgetExceeded> {
        let by_name: HashMap<&str, &'a Message> =
            reader.iter().map(|message| (&*message.name, message)).collect();
        for message in writer {
            self.spend_on(place)?;
            let place = place.named(&message.name);
            match by_name.get(&*message.name) {
                Some(reader) => self.message(message, reader, &place)?,
                // A map is none of the messages that somebody wrote.
                None if message.map_entry().is_some() => {}
                None => {
                    let problem = format!("the message {} was removed", message.name);
                    self.report(&place, "MESSAGE_REMOVED", problem)?;
                }
            }
        }
        Ok(())
    }

    /// The type of a field is a message of another file than before, or of another version of it: compares the two.
    fn follow(&mut self, place: &Place, writer: (String, &Named<'a>), reader: (String, &Named<'a>)) {
        let ((writer_name, writer), (reader_name, reader)) = (writer, reader);
        let (Definition::Message(writer_message), Definition::Message(reader_message)) =
            (writer.definition, reader.definition)
        else {
            return;
        };
        let local_name = writer.local_name(&writer_name).to_owned();
        let next = self.is_broken.len();
        let number = *self.pairs.entry((writer_name.clone(), reader_name.clone())).or_insert(next);
        if number == next {
            self.is_broken.push(false);
            let place = Place {
                pair: number,
                path: local_name.replace('.', "/"),
                writer_scope: writer_name,
                reader_scope: reader_name,
            };
            self.pending.push(Pair { number, writer: writer_message, reader: reader_message, place });
        }
        self.uses.push(Use { by: place.pair, of: number, path: place.path.clone() });
    }

    /// A step at this place, which costs as much as its names are long: they are copied.
    fn spend_on(&mut self, place: &Place) -> Result<(), BudgetExceeded> {
        let names = place.path.len() + place.writer_scope.len() + place.reader_scope.len();
        self.budget.spend(1 + names as u64 / 64)
    }

    fn report(&mut self, place: &Place, kind: &'static str, problem: String) -> Result<(), BudgetExceeded> {
        self.budget.spend((place.path.len() + problem.len()) as u64 / 64)?;
        if let Some(is_broken) = self.is_broken.get_mut(place.pair) {
            *is_broken = true;
        }
        self.found.push(Incompatibility { kind, path: format!("#/{}", place.path), problem });
        Ok(())
    }

    /// A field whose type is broken is broken itself, and so is the message that it is in.
    fn report_uses_of_broken_pairs(&mut self) {
        let mut users: HashMap<usize, Vec<Use>> = HashMap::new();
        // A type that uses itself is broken by what was found in it, not by the use.
        for used in std::mem::take(&mut self.uses).into_iter().filter(|used| used.by != used.of) {
            users.entry(used.of).or_default().push(used);
        }
        let mut broken: Vec<usize> = (0..self.is_broken.len()).filter(|&pair| self.is_broken[pair]).collect();
        while let Some(pair) = broken.pop() {
            for used in users.remove(&pair).unwrap_or_default() {
                if !std::mem::replace(&mut self.is_broken[used.by], true) {
                    broken.push(used.by);
                }
                self.found.push(Incompatibility {
                    kind: "FIELD_NAMED_TYPE_CHANGED",
                    path: format!("#/{}", used.path),
                    problem: "the type of the field is imported, and its new version cannot read the old one"
                        .to_owned(),
                });
            }
        }
    }
}

fn named(package: &str) -> &str {
    if package.is_empty() { "(none)" } else { package }
}
