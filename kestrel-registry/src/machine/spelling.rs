//! Keys that another registry has written in other bytes than this one: in another order, with more fields, or of an older format.
//! Compaction does not know that they mean the same, so whatever is written under one is written under all.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::Entry;

/// The spellings of keys that have several, by this registry's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spellings(BTreeMap<String, Spelled>);

/// The spellings of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spelled {
    /// Those that the topic has values of.
    with_values: BTreeSet<String>,
    /// The tombstone that another registry has written under one of its spellings alone: when compaction has removed it, the values that
    /// are left would count again.
    tombstone: Option<Entry>,
}

impl Spellings {
    /// A record was read, under another spelling of its key or under this registry's own. `is_there` says whether there was something
    /// under the key already.
    pub(super) fn note(&mut self, entry: &Entry, other: Option<&str>, is_there: bool) {
        // Nearly every topic has one spelling of each key, and is read without a look at it.
        if other.is_none() && self.0.is_empty() {
            return;
        }
        let own = entry.key();
        if other.is_none() && !self.0.contains_key(&own) {
            return;
        }
        let spelled = self.0.entry(own.clone()).or_insert_with(|| Spelled {
            with_values: is_there.then(|| own.clone()).into_iter().collect(),
            tombstone: None,
        });
        spelled.note(entry, other.unwrap_or(&own));
        if spelled.with_values.is_empty()
            || (spelled.tombstone.is_none() && spelled.others(&own).next().is_none())
        {
            self.0.remove(&own);
        }
    }

    /// The records to write, under every spelling of their keys; before them, the tombstones that are missing.
    pub(super) fn of(&self, records: Vec<Entry>) -> Vec<Entry> {
        if self.0.is_empty() || records.is_empty() {
            return records;
        }
        let with_others = |entry: Entry| {
            let own = entry.key();
            let spelled = self.0.get(&own).into_iter();
            let others: Vec<_> =
                spelled.flat_map(|spelled| spelled.others(&own)).map(|key| respelled(&entry, key)).collect();
            std::iter::once(entry).chain(others)
        };
        let missing = self.0.values().flat_map(Spelled::missing);
        missing.chain(records.into_iter().flat_map(with_others)).collect()
    }
}

impl Spelled {
    fn note(&mut self, entry: &Entry, spelling: &str) {
        if entry.is_tombstone() {
            self.with_values.remove(spelling);
            self.tombstone = Some(entry.clone());
        } else {
            self.with_values.insert(spelling.to_owned());
            self.tombstone = None;
        }
    }

    fn others(&self, own: &str) -> impl Iterator<Item = &String> {
        self.with_values.iter().filter(move |spelling| *spelling != own)
    }

    fn missing(&self) -> impl Iterator<Item = Entry> {
        let tombstones = self.tombstone.iter();
        tombstones.flat_map(|tombstone| self.with_values.iter().map(|key| respelled(tombstone, key)))
    }
}

fn respelled(entry: &Entry, key: &str) -> Entry {
    Entry::Respelled { key: key.to_owned(), entry: Box::new(entry.clone()) }
}
