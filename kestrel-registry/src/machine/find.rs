//! Single schemas: by subject and version, by id, by guid, by metadata.

use kestrel_schema::{Guid, Reference};

use super::Machine;
use super::answer::{Answer, SchemaAnswer};
use super::request::{FindById, FindVersion, Shown, VersionNumber};
use super::version::Version;
use crate::error::Refusal;
use crate::subject::Subject;

impl Machine {
    /// A version. One of the default context that is not there is looked for under its name in the other contexts.
    ///
    /// # Errors
    /// When there is none: no subject, or no such version of it.
    pub(super) fn find(
        &self,
        subject: &Subject,
        number: VersionNumber,
        shown: Shown,
    ) -> Result<&Version, Refusal> {
        let in_subject = |subject: &Subject| self.versions(subject)?.find(number, shown);
        if let Some(version) = self.unless_unread(subject, number, in_subject(subject))? {
            return Ok(version);
        }
        let elsewhere = self.elsewhere(subject).find_map(|subject| in_subject(&subject));
        elsewhere.ok_or_else(|| match self.has_subjects(subject, shown) {
            true => Refusal::version_not_found(number),
            false => Refusal::subject_not_found(subject),
        })
    }

    /// The subjects of the same name in other contexts, for one of the default context.
    pub(super) fn elsewhere(&self, subject: &Subject) -> impl Iterator<Item = Subject> {
        let contexts = self.known_contexts.iter().filter(|_| subject.is_in_default_context());
        let subject = subject.clone();
        contexts.map(move |context| subject.in_context(context))
    }

    pub(super) fn find_version(&self, find: &FindVersion) -> Result<Answer, Refusal> {
        let version = self.find(&self.aliased(&find.subject), find.version, find.shown)?;
        let answer = self.shaped(version, &find.format, find.qualified_references)?;
        Ok(whole_or_text(answer, find.text_only))
    }

    /// The last version whose metadata have all of these properties.
    pub(super) fn find_with_metadata(
        &self,
        subject: &Subject,
        properties: &[(String, String)],
        shown: Shown,
        format: &str,
    ) -> Result<Answer, Refusal> {
        let versions = self.versions(subject).filter(|versions| versions.any(shown));
        let nothing = |refusal| self.nothing_under(subject, refusal);
        let versions = versions.ok_or_else(|| nothing(Refusal::subject_not_found(subject)))?;
        let has_all = |version: &&Version| {
            let metadata = version.content.metadata.as_ref();
            metadata.is_some_and(|metadata| {
                properties.iter().all(|(name, value)| metadata.properties.get(name) == Some(value))
            })
        };
        let found = versions.shown(shown).rev().find(has_all);
        let found = found.ok_or_else(|| nothing(Refusal::schema_not_found()))?;
        Ok(Answer::schema(self.shaped(found, format, false)?))
    }

    pub(super) fn find_by_id(&self, find: &FindById) -> Result<Answer, Refusal> {
        let subject = find.subject.as_ref().map(|subject| self.aliased(subject));
        let version = self.with_id(find.id, subject.as_ref());
        let version = version.ok_or_else(|| {
            self.nothing_with_id(find.id, subject.as_ref(), Refusal::schema_not_found_as(find.id))
        })?;
        let mut answer = self.shaped(version, &find.format, find.qualified_references)?;
        answer.id = None;
        if find.subject.is_none() {
            (answer.subject, answer.version) = (None, None);
        }
        if find.with_max_id {
            answer.max_id = Some(self.highest_given_id(&version.subject)?);
        }
        Ok(whole_or_text(answer, find.text_only))
    }

    /// A version with this id: in the context of `subject`, under it if it is a subject's. A subject of the default context may be
    /// of another one, where it has the id; then it is the id that counts.
    pub(super) fn with_id(&self, id: i32, subject: Option<&Subject>) -> Option<&Version> {
        let top = Subject::top();
        let subject = subject.unwrap_or(&top);
        let in_context =
            |subject: &Subject| self.context(subject).and_then(|context| context.with_id(id).next());
        if subject.is_context() {
            return in_context(subject);
        }
        let under = |subject: &Subject| {
            self.context(subject)?.with_id(id).filter(|version| version.subject == *subject).last()
        };
        let found = under(subject).or_else(|| self.elsewhere(subject).find_map(|subject| under(&subject)));
        found.or_else(|| in_context(subject).filter(|_| subject.is_in_default_context()))
    }

    pub(super) fn find_by_guid(&self, guid: &str, format: &str) -> Result<Answer, Refusal> {
        let not_found = || self.nothing_under(&Subject::everywhere(), Refusal::schema_not_found_as(guid));
        let identity: Guid = guid.parse().map_err(|_| not_found())?;
        let contexts = self.context_names().filter_map(|name| self.contexts.get(&name));
        let mut versions = contexts.flat_map(|context| {
            let with_id = context.id_of(identity).into_iter().flat_map(|id| context.with_id(id));
            with_id.filter(|version| version.guid == identity)
        });
        let mut answer = self.shaped(versions.next().ok_or_else(not_found)?, format, false)?;
        (answer.id, answer.subject, answer.version) = (None, None, None);
        Ok(Answer::schema(answer))
    }

    /// The answer for a version, its text in the format that was asked for.
    pub(super) fn shaped(
        &self,
        version: &Version,
        format: &str,
        qualified_references: bool,
    ) -> Result<SchemaAnswer, Refusal> {
        let mut answer = version.answer();
        if !format.is_empty() {
            answer.schema = Some(self.formatted_answer(&version.subject, &answer, format)?);
        }
        if qualified_references {
            let qualified = |reference: Reference| Reference {
                subject: version.subject.sibling(&reference.subject).to_string(),
                ..reference
            };
            answer.references = answer.references.into_iter().map(qualified).collect();
        }
        Ok(answer)
    }
}

fn whole_or_text(answer: SchemaAnswer, text_only: bool) -> Answer {
    if text_only { Answer::Text(answer.schema.unwrap_or_default()) } else { Answer::schema(answer) }
}
