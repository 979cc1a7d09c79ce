//! A context of a registry: its subjects, and which schemas have which ids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kestrel_schema::Guid;

use super::request::{Shown, VersionNumber};
use super::version::{Version, Versions};

/// A context. What is in it is shared with copies of it, until it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Context {
    subjects: BTreeMap<Arc<str>, Arc<Versions>>,
    ids: BTreeMap<i32, Uses>,
    guids: BTreeMap<Guid, BTreeSet<i32>>,
    /// The highest id that was ever given.
    highest_id: i32,
}

/// The versions that have an id: the subject's name, and the number.
type Uses = BTreeSet<(Arc<str>, i32)>;

impl Context {
    /// Puts a version in its place, whatever was there before.
    ///
    /// Gives the one that was there; the version itself if its id is that of another schema, which it cannot have too.
    pub(super) fn insert(&mut self, version: Version) -> Result<Option<Version>, Version> {
        let other = self.with_id(version.id).next();
        if other.is_some_and(|other| other.content.schema.text != version.content.schema.text) {
            return Err(version);
        }
        let before = self.remove(version.subject.name(), version.number);
        let name = Arc::clone(version.subject.name());
        self.highest_id = self.highest_id.max(version.id);
        self.ids.entry(version.id).or_default().insert((Arc::clone(&name), version.number));
        self.guids.entry(version.guid).or_default().insert(version.id);
        Arc::make_mut(self.subjects.entry(name).or_default()).insert(version);
        Ok(before)
    }

    /// Takes a version out.
    pub(super) fn remove(&mut self, name: &Arc<str>, number: i32) -> Option<Version> {
        let versions = self.subjects.get_mut(name)?;
        let removed = Arc::make_mut(versions).remove(number)?;
        if versions.is_empty() {
            self.subjects.remove(name);
        }
        self.forget(&removed);
        Some(removed)
    }

    fn forget(&mut self, removed: &Version) {
        let Some(uses) = self.ids.get_mut(&removed.id) else { return };
        uses.remove(&(Arc::clone(removed.subject.name()), removed.number));
        if uses.is_empty() {
            self.ids.remove(&removed.id);
        }
        // Another version of the id may have the same text and other metadata: the guid goes with its last one.
        if self.with_id(removed.id).any(|other| other.guid == removed.guid) {
            return;
        }
        let Some(ids) = self.guids.get_mut(&removed.guid) else { return };
        ids.remove(&removed.id);
        if ids.is_empty() {
            self.guids.remove(&removed.guid);
        }
    }

    /// Soft-deletes the versions of a subject up to this one.
    pub(super) fn soft_delete(&mut self, name: &Arc<str>, up_to: i32) {
        if let Some(versions) = self.subjects.get_mut(name) {
            let deleted = Arc::make_mut(versions).iter_mut().filter(|version| version.number <= up_to);
            deleted.for_each(|version| version.is_deleted = true);
        }
    }

    /// Sees to it that no id up to this one is given again.
    pub(super) fn reserve_ids(&mut self, up_to: i32) {
        self.highest_id = self.highest_id.max(up_to);
    }

    /// Forgets which ids were given: the next one follows those that are in use.
    pub(super) fn release_ids(&mut self) {
        self.highest_id = self.ids.keys().next_back().copied().unwrap_or(0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    pub(super) const fn highest_id(&self) -> i32 {
        self.highest_id
    }

    pub(super) fn versions(&self, name: &str) -> Option<&Versions> {
        self.subjects.get(name).map(|versions| &**versions)
    }

    /// All subjects, in the order of their names.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (&Arc<str>, &Versions)> {
        self.subjects.iter().map(|(name, versions)| (name, &**versions))
    }

    /// The versions that have this id, soft-deleted ones too.
    pub(super) fn with_id(&self, id: i32) -> impl Iterator<Item = &Version> {
        let uses = self.ids.get(&id).into_iter().flatten();
        uses.filter_map(|(name, number)| {
            self.versions(name)?.find(VersionNumber::Number(*number), Shown::All)
        })
    }

    /// The id of the schema with this identity; the lowest, if an import gave it several.
    pub(super) fn id_of(&self, guid: Guid) -> Option<i32> {
        self.guids.get(&guid)?.first().copied()
    }
}
