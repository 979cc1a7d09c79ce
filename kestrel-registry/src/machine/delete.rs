//! Versions, subjects and contexts are deleted: softly, so that their ids can still be read, and then for good.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::answer::Answer;
use super::request::{Shown, VersionNumber};
use super::resolve::LATEST;
use super::version::{Version, Versions};
use super::{Decision, Machine};
use crate::error::Refusal;
use crate::record::{ContextValue, Entry};
use crate::subject::Subject;

impl Machine {
    pub(super) fn soft_delete_version(
        &self,
        subject: &Subject,
        number: VersionNumber,
    ) -> Result<Decision, Refusal> {
        let version = self.version_to_delete(subject, number)?;
        if version.is_deleted {
            return Err(Refusal::version_soft_deleted(subject, number));
        }
        self.check_writable(subject)?;
        if self.has_referrers(subject, version.number, Shown::Live) {
            return Err(Refusal::referenced(subject, version.number));
        }
        let value = Some(Box::new(version.value(true)));
        let records = vec![Entry::Schema { subject: subject.clone(), version: version.number, value }];
        Ok(Decision { records, answer: Answer::Number(version.number) })
    }

    pub(super) fn erase_version(
        &self,
        subject: &Subject,
        number: VersionNumber,
    ) -> Result<Decision, Refusal> {
        let version = self.version_to_delete(subject, number)?;
        self.check_writable(subject)?;
        if self.has_referrers(subject, version.number, Shown::All) {
            return Err(Refusal::referenced(subject, version.number));
        }
        if !version.is_deleted {
            return Err(Refusal::version_not_soft_deleted(subject, version.number));
        }
        let mut records = self.erase(&[version]);
        if self.versions(subject).is_some_and(|versions| versions.iter().count() == 1) {
            records.extend(self.unset(subject));
        }
        Ok(Decision { records, answer: Answer::Number(version.number) })
    }

    fn version_to_delete(&self, subject: &Subject, number: VersionNumber) -> Result<&Version, Refusal> {
        let found = self.versions(subject).and_then(|versions| versions.find(number, Shown::All));
        self.unless_unread(subject, number, found)?.ok_or_else(|| match self.versions(subject) {
            Some(_) => Refusal::version_not_found(number),
            None => Refusal::subject_not_found(subject),
        })
    }

    pub(super) fn soft_delete_subject(&self, subject: &Subject) -> Result<Decision, Refusal> {
        let versions = self.subject_to_delete(subject)?;
        let live: Vec<_> = versions.shown(Shown::Live).collect();
        if live.is_empty() {
            return Err(Refusal::subject_soft_deleted(subject));
        }
        self.check_unreferenced(&live, Shown::Live)?;
        // Also those that an earlier record of the same key has deleted: compaction keeps the last one alone, and an import may have
        // brought back a lower version than they are.
        let up_to = versions.iter().map(|version| version.number).max();
        let records = vec![Entry::DeleteSubject { subject: subject.clone(), up_to }];
        Ok(Decision { records, answer: numbers(&live) })
    }

    pub(super) fn erase_subject(&self, subject: &Subject) -> Result<Decision, Refusal> {
        let versions = self.subject_to_delete(subject)?;
        let all: Vec<_> = versions.iter().collect();
        self.check_unreferenced(&all, Shown::All)?;
        if versions.any(Shown::Live) {
            return Err(Refusal::subject_not_soft_deleted(subject));
        }
        let mut records = self.erase(&all);
        records.extend(self.unset(subject));
        Ok(Decision { records, answer: numbers(&all) })
    }

    fn subject_to_delete(&self, subject: &Subject) -> Result<&Versions, Refusal> {
        self.check_writable(subject)?;
        if let Some(unread) = self.unread_versions(subject).next() {
            return Err(unread.refusal());
        }
        self.versions(subject).ok_or_else(|| Refusal::subject_not_found(subject))
    }

    /// Versions of a subject may refer to each other: they go together.
    fn check_unreferenced(&self, versions: &[&Version], shown: Shown) -> Result<(), Refusal> {
        for version in versions {
            let mut referrers = self.referrers_of(&version.subject, version.number, shown);
            if referrers.any(|referrer| referrer.subject != version.subject) {
                return Err(Refusal::referenced(&version.subject, version.number));
            }
        }
        Ok(())
    }

    /// Tombstones of versions of one context, the last one first, and a note of the highest id if it goes with them: when compaction has removed the
    /// tombstones too, nothing else would say that it was given.
    pub(super) fn erase(&self, versions: &[&Version]) -> Vec<Entry> {
        let mut records: Vec<_> = self.highest_id_going(versions).into_iter().collect();
        records.extend(versions.iter().rev().map(|version| Entry::Schema {
            subject: version.subject.clone(),
            version: version.number,
            value: None,
        }));
        records
    }

    fn highest_id_going(&self, versions: &[&Version]) -> Option<Entry> {
        let subject = &versions.first()?.subject;
        let context = self.context(subject)?;
        let highest_id = context.highest_id();
        let mut uses = context.with_id(highest_id).peekable();
        uses.peek()?;
        let going: BTreeSet<_> = versions.iter().map(|version| (&version.subject, version.number)).collect();
        if uses.any(|version| !going.contains(&(&version.subject, version.number))) {
            return None;
        }
        let other = self.context_fields.get(subject.context()).cloned().unwrap_or_default();
        let value = Some(ContextValue { highest_id: Some(highest_id), other });
        Some(Entry::Context { context: subject.context().to_string(), value })
    }

    /// Takes a subject's own settings away, which nothing is left for.
    fn unset(&self, subject: &Subject) -> Vec<Entry> {
        let mode = self.modes.contains_key(subject);
        let config = self.configs.contains_key(subject);
        let mode = mode.then(|| Entry::Mode { subject: subject.clone(), value: None });
        let config = config.then(|| Entry::Config { subject: subject.clone(), value: None });
        mode.into_iter().chain(config).collect()
    }

    pub(super) fn delete_context(&self, context: &Subject) -> Result<Decision, Refusal> {
        if self.has_subjects(context, Shown::All) {
            return Err(Refusal::context_not_empty(context));
        }
        let is_known = self.known_contexts.contains(context.context());
        let tombstone =
            is_known.then(|| Entry::Context { context: context.context().to_string(), value: None });
        Ok(Decision { records: tombstone.into_iter().collect(), answer: Answer::Done })
    }

    /// The versions that refer to a version.
    pub(super) fn referrers_of(
        &self,
        subject: &Subject,
        number: i32,
        shown: Shown,
    ) -> impl Iterator<Item = &Version> {
        // Other registries may have stored that the last version is meant, whichever that is.
        let latest = self.versions(subject).and_then(Versions::latest).map(|latest| latest.number);
        let numbers = std::iter::once(number).chain((latest == Some(number)).then_some(LATEST));
        let subject = subject.clone();
        let referrers =
            numbers.filter_map(move |number| self.referrers.get(&(subject.clone(), number))).flatten();
        let versions = referrers.filter_map(|(subject, number)| self.version(subject, *number));
        versions.filter(move |version| shown.includes(version.is_deleted))
    }

    pub(super) fn has_referrers(&self, subject: &Subject, number: i32, shown: Shown) -> bool {
        self.referrers_of(subject, number, shown).next().is_some()
    }

    /// A note that a context is there, if it is not known yet.
    pub(super) fn context_record(&self, subject: &Subject) -> Option<Entry> {
        let context: &Arc<str> = subject.context();
        let is_new = !subject.is_in_default_context() && !self.known_contexts.contains(context);
        is_new.then(|| Entry::Context { context: context.to_string(), value: Some(ContextValue::default()) })
    }
}

fn numbers(versions: &[&Version]) -> Answer {
    Answer::Numbers(versions.iter().map(|version| version.number).collect())
}
