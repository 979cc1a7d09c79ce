//! One message in two versions: its fields by number, and which oneof each of them is in.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::super::file::{Field, Label, Message, OneOf};
use super::{Comparison, Place};
use crate::BudgetExceeded;

/// The fields of a message by number, each with the oneof that it is a member of.
type Fields<'a> = BTreeMap<i32, (&'a Field, Option<&'a OneOf>)>;

fn fields(message: &Message) -> Fields<'_> {
    let members =
        message.oneofs.iter().flat_map(|oneof| oneof.fields.iter().map(move |field| (field, Some(oneof))));
    let all = message.fields.iter().map(|field| (field, None)).chain(members);
    all.map(|(field, oneof)| (field.number, (field, oneof))).collect()
}

impl<'a> Comparison<'a> {
    /// Compares a message with its new version.
    pub(super) fn message(
        &mut self,
        writer: &'a Message,
        reader: &'a Message,
        place: &Place,
    ) -> Result<(), BudgetExceeded> {
        self.spend_on(place)?;
        let (writer_fields, reader_fields) = (fields(writer), fields(reader));
        for oneof in &reader.oneofs {
            self.joined_fields(oneof, &writer_fields, place)?;
        }
        let dropped = dropped_oneofs(writer, reader, &reader_fields);
        let numbers: BTreeSet<i32> = writer_fields.keys().chain(reader_fields.keys()).copied().collect();
        for number in numbers {
            self.spend_on(place)?;
            match (writer_fields.get(&number), reader_fields.get(&number)) {
                (Some((before, _)), Some((after, oneof))) => {
                    self.field(before, after, &field_place(place, *oneof, number))?;
                }
                (Some((before, oneof)), None) => {
                    self.removed(before, oneof.filter(|oneof| !dropped.contains(&*oneof.name)), place)?;
                }
                (None, Some((after, None))) if after.label == Some(Label::Required) => {
                    let problem = format!("the required field {} was added: no old data has it", after.name);
                    self.report(&place.at(&number.to_string()), "REQUIRED_FIELD_ADDED", problem)?;
                }
                _ => {}
            }
        }
        self.messages(&writer.messages, &reader.messages, place)
    }

    /// Fields that could be set together may not exclude each other now.
    fn joined_fields(
        &mut self,
        oneof: &OneOf,
        writer_fields: &Fields<'a>,
        place: &Place,
    ) -> Result<(), BudgetExceeded> {
        let mut alone = 0;
        let mut earlier_oneofs = HashSet::new();
        for member in &oneof.fields {
            self.budget.step()?;
            match writer_fields.get(&member.number) {
                Some((_, Some(earlier))) => {
                    earlier_oneofs.insert(&*earlier.name);
                }
                Some((_, None)) => alone += 1,
                None => {}
            }
        }
        if alone + earlier_oneofs.len() > 1 {
            let (kind, what) = if alone > 1 {
                ("MULTIPLE_FIELDS_MOVED_TO_ONEOF", "several fields that could be set together")
            } else {
                ("FIELD_MOVED_TO_EXISTING_ONEOF", "a field that could be set beside the others")
            };
            let problem = format!("{what} moved into the oneof {}", oneof.name);
            self.report(&place.at(&oneof.name), kind, problem)?;
        }
        Ok(())
    }

    /// `oneof` is the one that lost the field, unless all of it went.
    fn removed(&mut self, field: &Field, oneof: Option<&OneOf>, place: &Place) -> Result<(), BudgetExceeded> {
        let number = field.number.to_string();
        if let Some(oneof) = oneof {
            let problem = format!("the member {} of the oneof {} was removed", field.name, oneof.name);
            return self.report(&place.at(&oneof.name).at(&number), "ONEOF_FIELD_REMOVED", problem);
        }
        if field.label == Some(Label::Required) {
            let problem = format!("the required field {} was removed", field.name);
            self.report(&place.at(&number), "REQUIRED_FIELD_REMOVED", problem)?;
        }
        Ok(())
    }
}

/// The oneofs that are gone with all their members.
fn dropped_oneofs<'a>(writer: &'a Message, reader: &Message, reader_fields: &Fields<'_>) -> HashSet<&'a str> {
    let kept: HashSet<&str> = reader.oneofs.iter().map(|oneof| &*oneof.name).collect();
    let is_gone = |oneof: &&OneOf| {
        !kept.contains(&*oneof.name)
            && !oneof.fields.iter().any(|field| reader_fields.contains_key(&field.number))
    };
    writer.oneofs.iter().filter(is_gone).map(|oneof| &*oneof.name).collect()
}

fn field_place(place: &Place, oneof: Option<&OneOf>, number: i32) -> Place {
    let place = oneof.map_or_else(|| place.clone(), |oneof| place.at(&oneof.name));
    place.at(&number.to_string())
}
