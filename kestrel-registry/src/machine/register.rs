//! A schema is registered, or looked for.

use kestrel_schema::ParsedSchema;

use super::answer::{Answer, SchemaAnswer};
use super::request::{LookUp, Proposal, Register, Shown, VersionNumber};
use super::version::{Content, Version, Versions};
use super::{Decision, Machine};
use crate::error::Refusal;
use crate::record::{Entry, OtherFields, Place, SchemaValue};
use crate::settings::{Config, Mode};
use crate::subject::Subject;

/// A schema that has been read, and what it is kept as.
struct Candidate {
    content: Content,
    parsed: ParsedSchema,
}

/// What is found of a schema that is to be registered.
enum Finding<'a> {
    /// It is registered already.
    Registered(&'a Version),
    /// It would be the version with this number.
    New { terms: Box<Terms>, candidate: Box<Candidate>, number: i32 },
}

/// What holds for a subject while something is registered under it.
struct Terms {
    subject: Subject,
    config: Config,
    mode: Mode,
    normalize: bool,
}

impl Machine {
    pub(super) fn register(&self, request: &Register) -> Result<Decision, Refusal> {
        let Decision { records, answer } = self.register_as_it_is(request)?;
        Ok(Decision { records, answer: self.in_format(request, answer)? })
    }

    /// The answer to a registration that needs no record, since the schema is registered already.
    pub(super) fn registered_already(&self, request: &Register) -> Result<Option<Answer>, Refusal> {
        let Finding::Registered(version) = self.find_registered(request)? else { return Ok(None) };
        self.in_format(request, receipt(version.answer())).map(Some)
    }

    /// A receipt with the schema in the format that was asked for; it is kept in its own.
    fn in_format(&self, request: &Register, mut receipt: Answer) -> Result<Answer, Refusal> {
        if let (false, Answer::Schema(answer)) = (request.format.is_empty(), &mut receipt) {
            let subject = self.aliased(&request.subject);
            answer.schema = Some(self.formatted_answer(&subject, answer, &request.format)?);
        }
        Ok(receipt)
    }

    /// Looks for the schema of a registration in its subject: as it is proposed, and with what would be filled in.
    fn find_registered(&self, request: &Register) -> Result<Finding<'_>, Refusal> {
        let proposal = &request.proposal;
        if let Some(rule_set) = &proposal.rule_set {
            rule_set.check().map_err(|problem| Refusal::invalid_rule_set(&problem))?;
        }
        let terms = self.terms(&request.subject, request.normalize)?;
        // What is registered already is told whatever the mode is.
        if let Some(version) = self.registered_as_proposed(&terms, proposal)? {
            return Ok(Finding::Registered(version));
        }
        terms.check_mode(proposal)?;
        let number = self.next_number(&terms.subject);
        let candidate = self.candidate_after_previous(&terms, proposal, number)?;
        Ok(match self.registered(&terms, proposal, &candidate) {
            Some(version) => Finding::Registered(version),
            None => Finding::New { terms: Box::new(terms), candidate: Box::new(candidate), number },
        })
    }

    fn register_as_it_is(&self, request: &Register) -> Result<Decision, Refusal> {
        let proposal = &request.proposal;
        let (terms, candidate, number) = match self.find_registered(request)? {
            Finding::Registered(version) => return Ok(receipt(version.answer()).into()),
            Finding::New { terms, candidate, number } => (terms, *candidate, number),
        };
        if proposal.id.is_none() {
            candidate.parsed.validate().map_err(Refusal::invalid_schema)?;
        }
        if !terms.mode.takes_ids() && !request.force {
            let versions = self.versions(&terms.subject).into_iter();
            let live: Vec<_> = versions.flat_map(|versions| versions.shown(Shown::Live)).collect();
            self.check_all_read(&terms.subject, &live)?;
            let messages = self.incompatibilities(
                &candidate.parsed,
                &candidate.content,
                live.into_iter(),
                &terms.config,
            )?;
            if !messages.is_empty() {
                return Err(Refusal::incompatible(&terms.subject, &messages));
            }
        }
        self.newly_registered(&terms, proposal, candidate, number)
    }

    fn terms(&self, subject: &Subject, normalize: bool) -> Result<Terms, Refusal> {
        let subject = self.aliased(subject);
        if !subject.may_have_schemas() {
            return Err(Refusal::invalid_subject(&subject.to_string()));
        }
        self.check_settings(&subject, Place::Config)?;
        self.check_settings(&subject, Place::Mode)?;
        let config = self.config_in_scope(&subject);
        let mode = self.mode_in_scope(&subject);
        let normalize = normalize || config.normalize == Some(true);
        Ok(Terms { subject, config, mode, normalize })
    }

    /// The version that has just what is proposed, before anything is filled in.
    fn registered_as_proposed(
        &self,
        terms: &Terms,
        proposal: &Proposal,
    ) -> Result<Option<&Version>, Refusal> {
        if proposal.schema.is_none() || terms.config.fills_schemas() {
            return Ok(None);
        }
        let candidate = self.candidate(terms, proposal.content()?)?;
        let versions = self.versions(&terms.subject);
        let found = versions.and_then(|versions| same_schema(versions, &candidate.content, Shown::Live));
        let has_id = |version: &&Version| proposal.id.is_none_or(|id| id == version.id);
        Ok(match proposal.version {
            None | Some(0 | -1) => found.filter(has_id),
            // The same schema may have been imported as several versions.
            Some(number) => {
                let named =
                    versions.and_then(|versions| versions.find(VersionNumber::Number(number), Shown::Live));
                named.filter(|named| {
                    proposal.id == Some(named.id) && found.is_some_and(|found| found.guid == named.guid)
                })
            }
        })
    }

    /// Reads a schema and gives it the text that it is kept with.
    fn candidate(&self, terms: &Terms, content: Content) -> Result<Candidate, Refusal> {
        let schema = self.pinned(&terms.subject, &content.schema);
        let parsed = self.parse(&terms.subject, &schema)?;
        let text =
            if terms.normalize && !terms.mode.takes_ids() { parsed.normalized() } else { parsed.canonical() };
        let schema = kestrel_schema::Schema { text, ..schema };
        Ok(Candidate { content: Content { schema, ..content }, parsed })
    }

    fn candidate_after_previous(
        &self,
        terms: &Terms,
        proposal: &Proposal,
        number: i32,
    ) -> Result<Candidate, Refusal> {
        if terms.mode.takes_ids() {
            return self.candidate(terms, proposal.content()?);
        }
        let previous = self.versions(&terms.subject).and_then(Versions::latest);
        self.candidate(terms, proposal.filled(previous, &terms.config, number)?)
    }

    /// The version that has the candidate already, now that everything is filled in.
    fn registered(&self, terms: &Terms, proposal: &Proposal, candidate: &Candidate) -> Option<&Version> {
        if proposal.version.is_some_and(|version| version != 0) {
            return None;
        }
        let found = same_schema(self.versions(&terms.subject)?, &candidate.content, Shown::Live)?;
        proposal.id.is_none_or(|id| id == found.id).then_some(found)
    }

    fn newly_registered(
        &self,
        terms: &Terms,
        proposal: &Proposal,
        candidate: Candidate,
        next: i32,
    ) -> Result<Decision, Refusal> {
        let Candidate { content, .. } = candidate;
        let number = self.number_for(terms, proposal, &content, next)?;
        let id = self.id_for(terms, proposal, &content)?;
        let Content { schema, metadata, rule_set } = content;
        let other = OtherFields::new();
        let value = SchemaValue { id, schema, metadata, rule_set, is_deleted: false, other };
        let version = Version::new(terms.subject.clone(), number, value.clone(), 0);
        let mut records: Vec<_> = self.context_record(&terms.subject).into_iter().collect();
        records.extend(self.superseded(&version));
        let subject = terms.subject.clone();
        records.push(Entry::Schema { subject, version: number, value: Some(Box::new(value)) });
        let answer = SchemaAnswer { ts: None, ..version.answer() };
        Ok(Decision { records, answer: receipt(answer) })
    }

    fn number_for(
        &self,
        terms: &Terms,
        proposal: &Proposal,
        content: &Content,
        next: i32,
    ) -> Result<i32, Refusal> {
        let number = match proposal.version {
            Some(number) if number > 0 => number,
            _ => return Ok(next),
        };
        if number != next && !terms.mode.takes_ids() {
            return Err(Refusal::invalid_schema("Version is not one more than previous version"));
        }
        // An import that said otherwise would take a schema away from those that have its id.
        let there = self.version(&terms.subject, number);
        match self.unless_unread(&terms.subject, VersionNumber::Number(number), there)? {
            Some(other) if *other.content != *content => Err(Refusal::not_permitted(format!(
                "Subject {} has another schema as version {number}",
                terms.subject
            ))),
            _ => Ok(number),
        }
    }

    /// The id of the same schema under another subject, or the one that an import gives, or a new one.
    fn id_for(&self, terms: &Terms, proposal: &Proposal, content: &Content) -> Result<i32, Refusal> {
        let context = self.context(&terms.subject);
        let same = context.and_then(|context| context.id_of(content.guid()));
        let Some(id) = proposal.id.or(same) else {
            let highest = self.highest_given_id(&terms.subject)?;
            let none_left = || Refusal::store("all ids of the context have been given");
            return highest.checked_add(1).ok_or_else(none_left);
        };
        match context.and_then(|context| context.with_id(id).next()) {
            Some(other) if *other.content != *content => Err(Refusal::not_permitted(format!(
                "Overwrite new schema with id {id} in context {} is not permitted.",
                terms.subject.context_text()
            ))),
            Some(_) => Ok(id),
            None => self.check_id_unused(id, &terms.subject).map(|()| id),
        }
    }

    /// Tombstones for soft-deleted versions of the same schema, which the new one takes the place of; but not for those that
    /// something refers to by their number.
    fn superseded<'a>(&'a self, new: &'a Version) -> impl Iterator<Item = Entry> + 'a {
        let versions =
            self.versions(&new.subject).into_iter().flat_map(|versions| versions.shown(Shown::Deleted));
        let superseded = versions.filter(|version| version.id == new.id && version.number < new.number);
        let unreferenced =
            superseded.filter(|version| !self.has_referrers(&version.subject, version.number, Shown::All));
        unreferenced.map(|version| Entry::Schema {
            subject: version.subject.clone(),
            version: version.number,
            value: None,
        })
    }

    pub(super) fn look_up(&self, request: &LookUp) -> Result<Answer, Refusal> {
        let subject = self.aliased(&request.subject);
        let here = self.look_up_in(&subject, request)?;
        let found = match here {
            Some(version) => Some(version),
            // Elsewhere the references may not be there.
            None => {
                self.elsewhere(&subject).find_map(|subject| self.look_up_in(&subject, request).ok().flatten())
            }
        };
        match found {
            Some(version) => Ok(Answer::schema(self.shaped(version, &request.format, false)?)),
            None if self.has_subjects(&subject, request.shown) => {
                Err(self.nothing_under(&subject, Refusal::schema_not_found()))
            }
            None => Err(Refusal::subject_not_found(&subject)),
        }
    }

    fn look_up_in(&self, subject: &Subject, request: &LookUp) -> Result<Option<&Version>, Refusal> {
        let Some(versions) = self.versions(subject).filter(|versions| versions.any(request.shown)) else {
            return Ok(None);
        };
        if request.proposal.schema.is_none() {
            return Ok(None);
        }
        let terms = self.terms(subject, request.normalize)?;
        let mut candidate = self.candidate(&terms, request.proposal.content()?)?;
        let found = same_schema(versions, &candidate.content, request.shown);
        let filled = || {
            // What registering would have filled in.
            candidate.content.fill_from(versions.latest(), &terms.config);
            same_schema(versions, &candidate.content, request.shown)
        };
        Ok(found.or_else(filled))
    }
}

impl Terms {
    fn check_mode(&self, proposal: &Proposal) -> Result<(), Refusal> {
        let forbids = |problem| Err(Refusal::mode_forbids(&self.subject, problem));
        if self.mode.is_read_only() {
            return forbids("in read-only mode");
        }
        match proposal.id {
            Some(_) if !self.mode.takes_ids() => forbids("not in import mode"),
            None if self.mode != Mode::ReadWrite => forbids("not in read-write mode"),
            _ => Ok(()),
        }
    }
}

/// The last version of the same schema: with the same identity, or with the same but for the number of its version.
fn same_schema<'a>(versions: &'a Versions, content: &Content, shown: Shown) -> Option<&'a Version> {
    let guid = content.guid();
    let same = versions.shown(shown).rev().find(|version| version.guid == guid);
    same.or_else(|| {
        versions.shown(shown).rev().find(|version| content.is_same_but_for_version(&version.content))
    })
}

fn receipt(answer: SchemaAnswer) -> Answer {
    let SchemaAnswer { id, version, guid, schema_type, references, metadata, rule_set, schema, ts, .. } =
        answer;
    Answer::schema(SchemaAnswer {
        id,
        version,
        guid,
        schema_type,
        references,
        metadata,
        rule_set,
        schema,
        ts,
        is_receipt: true,
        ..SchemaAnswer::default()
    })
}
