//! A schema is compared with versions of a subject.

use kestrel_schema::json_schema::Policy;
use kestrel_schema::{Budget, BudgetExceeded, Incompatibility, Level, ParsedSchema, check_pair};

use super::Machine;
use super::answer::{Answer, Verdict};
use super::request::{CheckCompatibility, Shown, VersionNumber};
use super::version::{Content, Version};
use crate::error::Refusal;
use crate::record::Place;
use crate::settings::Config;
use crate::subject::Subject;

impl Machine {
    pub(super) fn check_compatibility(&self, request: &CheckCompatibility) -> Result<Answer, Refusal> {
        let subject = self.aliased(&request.subject);
        let previous = self.compared_with(&subject, request.version)?;
        let messages = match self.compare(&subject, request, &previous) {
            // Who wants to know all wants to know this too.
            Err(refusal) if request.verbose => Ok(vec![refusal.message().to_owned()]),
            other => other,
        }?;
        let is_compatible = messages.is_empty();
        Ok(Answer::Compatibility(Verdict { is_compatible, messages: request.verbose.then_some(messages) }))
    }

    fn compare(
        &self,
        subject: &Subject,
        request: &CheckCompatibility,
        previous: &[&Version],
    ) -> Result<Vec<String>, Refusal> {
        let content = request.proposal.content()?;
        let parsed = self.parse(subject, &self.pinned(subject, &content.schema))?;
        parsed.validate().map_err(Refusal::invalid_schema)?;
        self.check_settings(subject, Place::Config)?;
        let config = self.config_in_scope(subject);
        self.incompatibilities(&parsed, &content, previous.iter().copied(), &config)
    }

    /// The versions that are meant: the one that is named, or all. No last version is nothing to be incompatible with.
    fn compared_with(
        &self,
        subject: &Subject,
        number: Option<VersionNumber>,
    ) -> Result<Vec<&Version>, Refusal> {
        let versions = self.versions(subject);
        match number {
            None => {
                let live: Vec<_> =
                    versions.into_iter().flat_map(|versions| versions.shown(Shown::Live)).collect();
                self.check_all_read(subject, &live)?;
                Ok(live)
            }
            Some(number) => {
                let found = versions.and_then(|versions| versions.find(number, Shown::Live));
                match self.unless_unread(subject, number, found)? {
                    None if number != VersionNumber::Latest => Err(Refusal::version_not_found(number)),
                    found => Ok(found.into_iter().collect()),
                }
            }
        }
    }

    /// Whether every version was understood that the level of a subject has a new one compared with, of these.
    pub(super) fn check_all_read(&self, subject: &Subject, live: &[&Version]) -> Result<(), Refusal> {
        let count = self.config_in_scope(subject).level().versions_that_count();
        if count == 0 {
            return Ok(());
        }
        let oldest = live.len().checked_sub(count).and_then(|before| live.get(before));
        self.check_read(subject, oldest.map_or(0, |oldest| oldest.number))
    }

    /// What keeps a schema from being the next version after `previous`, which are in the order of their numbers: the first of
    /// them that it does not get along with, from the last one on.
    pub(super) fn incompatibilities<'a>(
        &self,
        schema: &ParsedSchema,
        content: &Content,
        previous: impl DoubleEndedIterator<Item = &'a Version>,
        config: &Config,
    ) -> Result<Vec<String>, Refusal> {
        let (level, policy) = (config.level(), config.policy());
        let group = config.compatibility_group.as_deref();
        let same_group = |version: &&Version| {
            group.is_none_or(|group| content.property(group) == version.content.property(group))
        };
        let mut budget = Budget::new(Budget::STEPS_OF_A_SUBJECT);
        for version in previous.rev().filter(same_group).take(level.versions_that_count()) {
            let older = self.parse_version(version)?;
            let reasons = check_pair(level, schema, &older, |reader, writer| {
                budget.share(Budget::STEPS_OF_A_PAIR, |share| {
                    incompatibilities_by(policy, reader, writer, share)
                })
            });
            let reasons = reasons.map_err(Refusal::invalid_schema)?;
            if !reasons.is_empty() {
                return Ok(messages(reasons.iter().map(|(_, problem)| problem), version, level));
            }
        }
        Ok(Vec::new())
    }
}

impl Content {
    fn property(&self, name: &str) -> Option<&String> {
        self.metadata.as_ref()?.properties.get(name)
    }
}

/// What keeps a reader from reading what a writer wrote; a policy is for JSON schemas alone.
fn incompatibilities_by(
    policy: Policy,
    reader: &ParsedSchema,
    writer: &ParsedSchema,
    budget: &mut Budget,
) -> Result<Vec<Incompatibility>, BudgetExceeded> {
    match (reader, writer) {
        (ParsedSchema::Json(reader), ParsedSchema::Json(writer)) => {
            reader.incompatibilities_by(policy, writer, budget)
        }
        _ => reader.incompatibilities(writer, budget),
    }
}

/// The texts of problems, in the form that tools around Confluent's registry take apart.
fn messages<'p>(
    problems: impl Iterator<Item = &'p Incompatibility>,
    version: &Version,
    level: Level,
) -> Vec<String> {
    let problem = |Incompatibility { kind, path, problem }: &Incompatibility| {
        format!("{{errorType:'{kind}', description:'{problem}', additionalInfo:'{path}'}}")
    };
    let mut messages: Vec<_> = problems.map(problem).collect();
    messages.push(format!("{{oldSchemaVersion: {}}}", version.number));
    messages.push(format!("{{oldSchema: '{}'}}", version.content.schema.text));
    messages.push(format!("{{compatibility: '{level}'}}"));
    messages
}
