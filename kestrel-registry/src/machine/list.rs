//! Lists: of subjects, versions, schemas, contexts, and of who has an id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kestrel_schema::{Guid, RuleSet};

use super::Machine;
use super::answer::{Answer, ContextId, SubjectVersion};
use super::request::{FindSchemas, Page, Shown, VersionNumber};
use super::version::{Version, Versions};
use crate::error::Refusal;
use crate::subject::Subject;

/// What a prefix begins with that is looked for in all contexts.
const ANY_CONTEXT: &str = ":*:";

impl Machine {
    pub(super) fn list_subjects(&self, prefix: &str, shown: Shown, page: Page) -> Answer {
        // A subject of which a version is left is no deleted one.
        let is_meant = |versions: &Versions| match shown {
            Shown::Deleted => !versions.any(Shown::Live),
            shown => versions.any(shown),
        };
        let subjects = self.subjects_with_prefix(prefix).filter(|(_, versions)| is_meant(versions));
        let unread = self.unread_subjects(shown).filter(|subject| is_named(subject, prefix));
        let names = subjects.map(|(subject, _)| subject.to_string());
        let names: BTreeSet<_> = names.chain(unread.map(ToString::to_string)).collect();
        Answer::Names(page.of(names.into_iter()).collect())
    }

    /// The subjects whose text begins with a prefix: with `:*:`, in whichever context.
    fn subjects_with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (Subject, &'a Versions)> {
        self.contexts.iter().flat_map(move |(context, subjects)| {
            subjects.subjects().filter_map(move |(name, versions)| {
                let subject = Subject::new(Arc::clone(context), Arc::clone(name));
                is_named(&subject, prefix).then_some((subject, versions))
            })
        })
    }

    pub(super) fn list_versions(
        &self,
        subject: &Subject,
        shown: Shown,
        as_negative: bool,
        page: Page,
    ) -> Result<Answer, Refusal> {
        let any = if shown == Shown::Live { Shown::Live } else { Shown::All };
        let read = self.versions(subject).into_iter().flat_map(Versions::iter);
        let read = read.map(|version| (version.number, version.is_deleted));
        let unread = self.unread_versions(subject).map(|version| (version.number, version.is_deleted()));
        let all: BTreeMap<_, _> = read.chain(unread).collect();
        if !all.values().any(|is_deleted| any.includes(*is_deleted)) {
            return Err(Refusal::subject_not_found(subject));
        }
        let shown = if as_negative { Shown::All } else { shown };
        let listed = all.into_iter().filter(|(_, is_deleted)| shown.includes(*is_deleted));
        let number =
            |(number, is_deleted): (i32, bool)| if as_negative && is_deleted { -number } else { number };
        Ok(Answer::Numbers(page.of(listed.map(number)).collect()))
    }

    pub(super) fn list_schemas(&self, find: &FindSchemas) -> Answer {
        let aliases = if find.with_aliases { self.aliases() } else { Default::default() };
        let mut subjects: Vec<_> = self.subjects_with_prefix(&find.prefix).collect();
        subjects.sort_unstable_by_key(|(subject, _)| subject.to_string());
        let versions = subjects.into_iter().flat_map(|(_, versions)| {
            let count = if find.latest_only { 1 } else { usize::MAX };
            let mut chosen: Vec<_> = versions.shown(find.shown).rev().take(count).collect();
            chosen.reverse();
            chosen
        });
        let has_rule = |version: &&Version| find.rule_type.is_empty() || version.has_rule(&find.rule_type);
        let answer = |version: &Version| {
            let mut answer = version.answer();
            answer.aliases = aliases.get(&version.subject).cloned().unwrap_or_default();
            answer
        };
        Answer::Schemas(find.page.of(versions.filter(has_rule).map(answer)).collect())
    }

    pub(super) fn list_contexts(&self, prefix: &str, page: Page) -> Answer {
        let names = self.context_names().filter(|name| name.starts_with(prefix));
        Answer::Names(page.of(names.map(|name| name.to_string())).collect())
    }

    pub(super) fn list_referrers(
        &self,
        subject: &Subject,
        number: VersionNumber,
        shown: Shown,
        page: Page,
    ) -> Result<Answer, Refusal> {
        let version = self.find(subject, number, Shown::All)?;
        let referrers = self.referrers_of(&version.subject, version.number, shown);
        let ids: BTreeSet<_> = referrers.map(|referrer| (referrer.subject.context(), referrer.id)).collect();
        Ok(Answer::Numbers(page.of(ids.into_iter().map(|(_, id)| id)).collect()))
    }

    pub(super) fn list_subjects_of(
        &self,
        id: i32,
        subject: Option<&Subject>,
        shown: Shown,
        page: Page,
    ) -> Result<Answer, Refusal> {
        let uses = self.uses_of(id, subject)?;
        let shown = uses.filter(|version| shown.includes(version.is_deleted));
        let names: BTreeSet<_> = shown.map(|version| version.subject.to_string()).collect();
        Ok(Answer::Names(page.of(names.into_iter()).collect()))
    }

    pub(super) fn list_versions_of(
        &self,
        id: i32,
        subject: Option<&Subject>,
        shown: Shown,
        page: Page,
    ) -> Result<Answer, Refusal> {
        let uses = self.uses_of(id, subject)?;
        let shown = uses.filter(|version| shown.includes(version.is_deleted));
        let versions = shown
            .map(|version| SubjectVersion { subject: version.subject.to_string(), version: version.number });
        Ok(Answer::SubjectVersions(page.of(versions).collect()))
    }

    /// All versions with an id, in the context that the id is found in.
    fn uses_of(&self, id: i32, subject: Option<&Subject>) -> Result<impl Iterator<Item = &Version>, Refusal> {
        let nothing = || self.nothing_with_id(id, subject, Refusal::schema_not_found());
        let found = self.with_id(id, subject).ok_or_else(nothing)?;
        let context = self.context(&found.subject).ok_or_else(Refusal::schema_not_found)?;
        Ok(context.with_id(id))
    }

    pub(super) fn list_ids_of(&self, guid: &str) -> Answer {
        let Ok(guid) = guid.parse::<Guid>() else { return Answer::ContextIds(Vec::new()) };
        let id = |(context, within): (&Arc<str>, &Arc<super::Context>)| {
            let id = within.id_of(guid)?;
            Some(ContextId { context: context.to_string(), id })
        };
        Answer::ContextIds(self.contexts.iter().filter_map(id).collect())
    }
}

/// Whether the text of a subject begins with a prefix: with `:*:`, its name in whichever context.
fn is_named(subject: &Subject, prefix: &str) -> bool {
    match prefix.strip_prefix(ANY_CONTEXT) {
        Some(prefix) => subject.name().starts_with(prefix),
        None => subject.to_string().starts_with(prefix),
    }
}

impl Version {
    fn has_rule(&self, rule_type: &str) -> bool {
        let mut rules = self.content.rule_set.iter().flat_map(RuleSet::rules);
        rules.any(|rule| rule.rule_type.as_deref() == Some(rule_type))
    }
}
