//! Settings are changed.

use std::collections::BTreeMap;

use super::answer::Answer;
use super::request::{ConfigChange, Shown};
use super::{Decision, Machine};
use crate::error::Refusal;
use crate::record::{Entry, Place};
use crate::settings::{Config, Mode};
use crate::subject::Subject;

impl Machine {
    pub(super) fn set_config(&self, subject: &Subject, change: &ConfigChange) -> Result<Decision, Refusal> {
        self.check_settable(subject)?;
        self.check_writable(subject)?;
        self.check_settings(subject, Place::Config)?;
        let before = self.configs.get(subject).map(|config| Config::clone(config)).unwrap_or_default();
        let config = change.clone().apply(before);
        let rule_sets = [&config.default_rule_set, &config.override_rule_set];
        for rule_set in rule_sets.into_iter().flatten() {
            rule_set.check().map_err(|problem| Refusal::invalid_rule_set(&problem))?;
        }
        let answer = Answer::config_set(&config);
        let records = vec![Entry::Config { subject: subject.clone(), value: Some(Box::new(config)) }];
        Ok(Decision { records, answer })
    }

    pub(super) fn delete_config(&self, subject: &Subject) -> Result<Decision, Refusal> {
        let is_unread = self.is_unread(&Place::Config(subject.clone()));
        let config = self.own_config(subject).or_else(|| is_unread.then(Config::default));
        let config = config.ok_or_else(|| Refusal::subject_not_found(subject))?;
        self.check_writable(subject)?;
        let is_set = self.configs.contains_key(subject) || is_unread;
        let tombstone = is_set.then(|| Entry::Config { subject: subject.clone(), value: None });
        Ok(Decision { records: tombstone.into_iter().collect(), answer: Answer::config(config) })
    }

    pub(super) fn set_mode(
        &self,
        subject: &Subject,
        mode: Option<Mode>,
        force: bool,
    ) -> Result<Decision, Refusal> {
        self.check_settable(subject)?;
        if mode == Some(Mode::Forward) && !subject.is_everywhere() {
            return Err(Refusal::forward_is_global());
        }
        let begins_import = mode == Some(Mode::Import) && self.mode_in_scope(subject) != Mode::Import;
        let mut records = if begins_import && !force { self.clear_for_import(subject)? } else { Vec::new() };
        records.push(Entry::Mode { subject: subject.clone(), value: mode });
        Ok(Decision { records, answer: Answer::mode(mode) })
    }

    /// Imported schemas bring their ids: there must be none that they could meet.
    fn clear_for_import(&self, subject: &Subject) -> Result<Vec<Entry>, Refusal> {
        if self.has_subjects(subject, Shown::Live) {
            return Err(Refusal::not_permitted("Cannot import since found existing subjects"));
        }
        let mut deleted: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for version in self.all_versions().filter(|version| subject.covers(&version.subject)) {
            if self.has_referrers(&version.subject, version.number, Shown::All) {
                return Err(Refusal::referenced(&version.subject, version.number));
            }
            deleted.entry(version.subject.context()).or_default().push(version);
        }
        let mut records: Vec<_> = deleted.values().flat_map(|versions| self.erase(versions)).collect();
        records.push(Entry::ClearSubject { subject: subject.clone() });
        Ok(records)
    }

    pub(super) fn delete_mode(&self, subject: &Subject, recursive: bool) -> Result<Decision, Refusal> {
        let mode = self.own_mode(subject);
        let is_unread = self.is_unread(&Place::Mode(subject.clone()));
        if mode.is_none() && !is_unread && !recursive {
            return Err(Refusal::subject_not_found(subject));
        }
        let is_meant =
            |set: &&Subject| *set == subject || (recursive && subject.is_context() && subject.covers(set));
        let meant = self.modes.keys().filter(is_meant).chain(is_unread.then_some(subject));
        let records = meant.map(|subject| Entry::Mode { subject: subject.clone(), value: None }).collect();
        Ok(Decision { records, answer: Answer::mode(mode) })
    }

    fn check_settable(&self, subject: &Subject) -> Result<(), Refusal> {
        if subject.may_have_settings() { Ok(()) } else { Err(Refusal::invalid_subject(&subject.to_string())) }
    }

    /// Whether the mode lets something of a subject change.
    pub(super) fn check_writable(&self, subject: &Subject) -> Result<(), Refusal> {
        self.check_settings(subject, Place::Mode)?;
        if self.mode_in_scope(subject).is_read_only() {
            return Err(Refusal::mode_forbids(subject, "in read-only mode"));
        }
        Ok(())
    }
}
