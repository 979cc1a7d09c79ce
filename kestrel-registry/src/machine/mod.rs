//! The machine of a registry: what it has, what it decides, and how records change it.
//!
//! ```text
//!   Request ──▶ decide(&self) ──▶ Decision { records, answer }      changes nothing
//!                                      │
//!                            the topic `_schemas`
//!                                      │
//!   Record  ──▶ apply(&mut self) ◀─────┘                            the only thing that changes it
//! ```
//!
//! Pure: it knows no topic, no HTTP and no clock. A copy of it shares everything with it until one of them changes, so a
//! decision that takes long is made on a copy, and holds nobody up.

mod answer;
mod compatibility;
mod context;
mod delete;
mod fill;
mod find;
mod format;
mod list;
mod register;
mod request;
mod resolve;
mod scope;
mod set;
mod spelling;
mod unread;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::context::Context;
use self::spelling::Spellings;
use self::unread::UnreadRecords;
use self::version::{Version, Versions};
use crate::error::Refusal;
use crate::record::{ContextValue, Entry, OtherFields, Place, SchemaValue, Unread};
use crate::settings::{Config, Mode};
use crate::subject::{DEFAULT_CONTEXT, Subject};

pub(crate) use answer::Answer;
pub(crate) use request::{
    Change, CheckCompatibility, ConfigChange, FindById, FindSchemas, FindVersion, LookUp, Page, Proposal,
    Register, Request, Shown, VersionNumber,
};

/// Everything that the records of `_schemas` say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// By name; the default one too, once it has something.
    contexts: BTreeMap<Arc<str>, Arc<Context>>,
    /// The contexts that are there, with schemas or without, but for the default one.
    known_contexts: BTreeSet<Arc<str>>,
    /// What only another registry knows of a context.
    context_fields: BTreeMap<Arc<str>, OtherFields>,
    configs: BTreeMap<Subject, Arc<Config>>,
    modes: BTreeMap<Subject, Mode>,
    /// Which versions refer to a version, by subject and number.
    referrers: BTreeMap<(Subject, i32), BTreeSet<(Subject, i32)>>,
    unread: UnreadRecords,
    spellings: Spellings,
}

/// What is to become of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// What to write, in this order, all or nothing. Nothing for what only asks, or is so already.
    pub(crate) records: Vec<Entry>,
    /// The answer, once the records are there.
    pub(crate) answer: Answer,
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        Self { records: Vec::new(), answer }
    }
}

/// Where a record is in the topic.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin {
    pub(crate) offset: i64,
    /// When it was written, in milliseconds since 1970.
    pub(crate) timestamp: i64,
}

impl Machine {
    /// What a request comes to now.
    ///
    /// # Errors
    /// With the refusal that is its answer.
    pub(crate) fn decide(&self, request: &Request) -> Result<Decision, Refusal> {
        let Decision { records, answer } = self.decide_in_own_spelling(request)?;
        Ok(Decision { records: self.spellings.of(records), answer })
    }

    fn decide_in_own_spelling(&self, request: &Request) -> Result<Decision, Refusal> {
        match request {
            Request::Register(register) => self.register(register),
            Request::DeleteVersion { subject, version, permanent } => {
                let subject = self.aliased(subject);
                if *permanent {
                    self.erase_version(&subject, *version)
                } else {
                    self.soft_delete_version(&subject, *version)
                }
            }
            Request::DeleteSubject { subject, permanent } => {
                let subject = self.aliased(subject);
                if *permanent { self.erase_subject(&subject) } else { self.soft_delete_subject(&subject) }
            }
            Request::DeleteContext { context } => self.delete_context(context),
            Request::SetConfig { subject, change } => self.set_config(subject, change),
            Request::DeleteConfig { subject } => self.delete_config(subject),
            Request::SetMode { subject, mode, force } => self.set_mode(subject, *mode, *force),
            Request::DeleteMode { subject, recursive } => self.delete_mode(subject, *recursive),
            question => self.answer(question).map(Decision::from),
        }
    }

    /// The answer to a request that would be a write, if it is so already.
    pub(crate) fn known(&self, request: &Request) -> Option<Answer> {
        match request {
            // What keeps it from being registered may not be so any more at the end of the topic.
            Request::Register(register) => self.registered_already(register).ok().flatten(),
            _ => None,
        }
    }

    fn answer(&self, question: &Request) -> Result<Answer, Refusal> {
        match question {
            Request::Subjects { prefix, shown, page } => Ok(self.list_subjects(prefix, *shown, *page)),
            Request::Versions { subject, shown, as_negative, page } => {
                self.list_versions(&self.aliased(subject), *shown, *as_negative, *page)
            }
            Request::Schemas(find) => Ok(self.list_schemas(find)),
            Request::Contexts { prefix, page } => Ok(self.list_contexts(prefix, *page)),
            Request::Version(find) => self.find_version(find),
            Request::LatestWithMetadata { subject, properties, shown, format } => {
                self.find_with_metadata(&self.aliased(subject), properties, *shown, format)
            }
            Request::ReferencedBy { subject, version, shown, page } => {
                self.list_referrers(&self.aliased(subject), *version, *shown, *page)
            }
            Request::ById(find) => self.find_by_id(find),
            Request::SubjectsOfId { id, subject, shown, page } => {
                self.list_subjects_of(*id, subject.as_ref(), *shown, *page)
            }
            Request::VersionsOfId { id, subject, shown, page } => {
                self.list_versions_of(*id, subject.as_ref(), *shown, *page)
            }
            Request::ByGuid { guid, format } => self.find_by_guid(guid, format),
            Request::IdsOfGuid { guid } => Ok(self.list_ids_of(guid)),
            Request::LookUp(look_up) => self.look_up(look_up),
            Request::Compatibility(check) => self.check_compatibility(check),
            Request::Config { subject, inherited } => self.config(subject, *inherited),
            Request::Mode { subject, inherited } => self.mode(subject, *inherited),
            write => unreachable!("{write:?} is decided above"),
        }
    }

    /// Lets a record take effect. Records of the same key and what they replace may have gone by compaction.
    ///
    /// # Errors
    /// When it cannot be understood: with what is answered to who asks for what it is of.
    pub(crate) fn apply(&mut self, entry: Entry, origin: Origin) -> Result<(), Refusal> {
        match entry {
            Entry::Respelled { key, entry } => {
                let is_there = self.has(&entry);
                self.spellings.note(&entry, Some(&key), is_there);
                self.take_in(*entry, origin)
            }
            entry => {
                self.spellings.note(&entry, None, true);
                self.take_in(entry, origin)
            }
        }
    }

    /// Whether there is something under the key of a record.
    fn has(&self, entry: &Entry) -> bool {
        let has = |place: &Place| {
            self.unread.has(place)
                || match place {
                    Place::Version(subject, number) => self.version(subject, *number).is_some(),
                    Place::Config(subject) => self.configs.contains_key(subject),
                    Place::Mode(subject) => self.modes.contains_key(subject),
                }
        };
        match entry {
            Entry::Schema { subject, version, .. } => has(&Place::Version(subject.clone(), *version)),
            Entry::Config { subject, .. } => has(&Place::Config(subject.clone())),
            Entry::Mode { subject, .. } => has(&Place::Mode(subject.clone())),
            Entry::Unread { place, .. } => has(place),
            Entry::Context { context, .. } => self.known_contexts.contains(&**context),
            _ => false,
        }
    }

    fn take_in(&mut self, entry: Entry, origin: Origin) -> Result<(), Refusal> {
        match entry {
            Entry::Schema { subject, version, value: Some(value) } => {
                return self.insert(&subject, version, *value, origin);
            }
            Entry::Schema { subject, version, value: None } => self.remove(&subject, version),
            Entry::Config { subject, value } => {
                self.unread.remove(&Place::Config(subject.clone()));
                replace(&mut self.configs, subject, value.map(|config| Arc::new(*config)));
            }
            Entry::Mode { subject, value } => {
                self.unread.remove(&Place::Mode(subject.clone()));
                replace(&mut self.modes, subject, value);
            }
            Entry::DeleteSubject { subject, up_to: Some(up_to) } => {
                if let Some(context) = self.contexts.get_mut(subject.context()) {
                    Arc::make_mut(context).soft_delete(subject.name(), up_to);
                }
                self.unread.soft_delete(&subject, up_to);
            }
            Entry::ClearSubject { subject } => self.clear(&subject),
            Entry::Context { context, value: Some(value) } => self.add_context(&Arc::from(context), value),
            Entry::Context { context, value: None } => self.remove_context(&context),
            Entry::DeleteSubject { up_to: None, .. } | Entry::Noop => {}
            Entry::Unread { place, unread } => return Err(self.put_unread(place, unread, origin)),
            Entry::Respelled { entry, .. } => return self.take_in(*entry, origin),
        }
        Ok(())
    }

    /// Keeps what a record that cannot be understood is of; what an earlier one said of it is not so any more.
    fn put_unread(&mut self, place: Place, unread: Unread, origin: Origin) -> Refusal {
        let refusal = Refusal::unread(&place, &unread, origin.offset);
        match &place {
            Place::Version(subject, number) => self.remove(subject, *number),
            Place::Config(subject) => drop(self.configs.remove(subject)),
            Place::Mode(subject) => drop(self.modes.remove(subject)),
        }
        self.unread.insert(place, unread, origin.offset);
        refusal
    }

    fn add_context(&mut self, name: &Arc<str>, value: ContextValue) {
        if let Some(highest_id) = value.highest_id {
            let context = self.contexts.entry(Arc::clone(name)).or_default();
            Arc::make_mut(context).reserve_ids(highest_id);
        }
        if &**name != DEFAULT_CONTEXT {
            self.known_contexts.insert(Arc::clone(name));
        }
        let other = Some(value.other).filter(|other| !other.is_empty());
        replace(&mut self.context_fields, Arc::clone(name), other);
    }

    /// A context goes with its ids: when compaction has removed all that was in it, nothing tells them.
    fn remove_context(&mut self, name: &str) {
        self.known_contexts.remove(name);
        self.context_fields.remove(name);
        if let Some(context) = self.contexts.get_mut(name) {
            Arc::make_mut(context).release_ids();
            if context.is_empty() {
                self.contexts.remove(name);
            }
        }
    }

    fn insert(
        &mut self,
        subject: &Subject,
        number: i32,
        value: SchemaValue,
        origin: Origin,
    ) -> Result<(), Refusal> {
        let version = Version::new(subject.clone(), number, value, origin.timestamp);
        let references: Vec<_> = version.references().collect();
        let place = Place::Version(subject.clone(), number);
        let context = self.contexts.entry(Arc::clone(subject.context())).or_default();
        let before = match Arc::make_mut(context).insert(version) {
            Ok(before) => before,
            // No registry should have written it. Its number is taken all the same.
            Err(refused) => {
                let problem = format!("the id {} is that of another schema", refused.id);
                let unread = Unread { id: Some(refused.id), is_deleted: refused.is_deleted, problem };
                return Err(self.put_unread(place, unread, origin));
            }
        };
        self.unread.remove(&place);
        self.unlink(before);
        for reference in references {
            self.referrers.entry(reference).or_default().insert((subject.clone(), number));
        }
        Ok(())
    }

    fn remove(&mut self, subject: &Subject, number: i32) {
        self.unread.remove(&Place::Version(subject.clone(), number));
        let context = self.contexts.get_mut(subject.context());
        let removed = context.and_then(|context| Arc::make_mut(context).remove(subject.name(), number));
        self.unlink(removed);
    }

    /// Takes a version out of the index of who refers to whom.
    fn unlink(&mut self, removed: Option<Version>) {
        let Some(removed) = removed else { return };
        let referrer = (removed.subject.clone(), removed.number);
        for reference in removed.references() {
            if let Some(referrers) = self.referrers.get_mut(&reference) {
                referrers.remove(&referrer);
                if referrers.is_empty() {
                    self.referrers.remove(&reference);
                }
            }
        }
    }

    /// Removes what is soft-deleted in a subject or context. Its tombstones are in the topic too.
    fn clear(&mut self, cleared: &Subject) {
        let deleted: Vec<_> = self
            .all_versions()
            .filter(|version| version.is_deleted && cleared.covers(&version.subject))
            .map(|version| (version.subject.clone(), version.number))
            .collect();
        deleted.into_iter().for_each(|(subject, number)| self.remove(&subject, number));
        self.unread.clear(cleared);
    }

    fn context(&self, subject: &Subject) -> Option<&Context> {
        self.contexts.get(subject.context()).map(|context| &**context)
    }

    fn versions(&self, subject: &Subject) -> Option<&Versions> {
        self.context(subject)?.versions(subject.name())
    }

    /// All versions of all subjects, soft-deleted ones too.
    fn all_versions(&self) -> impl Iterator<Item = &Version> {
        let contexts = self.contexts.values();
        contexts.flat_map(|context| context.subjects().flat_map(|(_, versions)| versions.iter()))
    }

    /// The version that a reference or a key means, soft-deleted or not.
    fn version(&self, subject: &Subject, number: i32) -> Option<&Version> {
        self.versions(subject)?.find(VersionNumber::Number(number), Shown::All)
    }

    /// The number that the next version of a subject gets.
    fn next_number(&self, subject: &Subject) -> i32 {
        let read = self.versions(subject).map_or(1, Versions::next_number);
        let unread = self.unread_versions(subject).map(|version| version.number.saturating_add(1)).max();
        read.max(unread.unwrap_or(read))
    }

    /// Whether a subject, or a subject of a context, has a version that counts.
    fn has_subjects(&self, subject: &Subject, shown: Shown) -> bool {
        if self.unread_versions(subject).any(|version| shown.includes(version.is_deleted())) {
            return true;
        }
        if subject.is_context() {
            let mut covered = self.all_versions().filter(|version| subject.covers(&version.subject));
            return covered.any(|version| shown.includes(version.is_deleted));
        }
        self.versions(subject).is_some_and(|versions| versions.any(shown))
    }

    /// The context names, the default one first.
    fn context_names(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        std::iter::once(Arc::from(DEFAULT_CONTEXT)).chain(self.known_contexts.iter().cloned())
    }
}

fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
