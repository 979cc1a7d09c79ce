//! Which settings hold for a subject: its own, its context's, everyone's.

use std::collections::BTreeMap;

use super::Machine;
use super::answer::Answer;
use crate::error::Refusal;
use crate::record::Place;
use crate::settings::{Config, Mode};
use crate::subject::Subject;

impl Machine {
    /// The subject that a name stands for: itself, or what its configuration says it is an alias of.
    pub(super) fn aliased(&self, subject: &Subject) -> Subject {
        let alias = self.configs.get(subject).and_then(|config| config.alias.as_deref());
        alias
            .filter(|alias| !alias.is_empty())
            .map_or_else(|| subject.clone(), |alias| subject.sibling(alias))
    }

    /// The subjects that are aliases of others, under those.
    pub(super) fn aliases(&self) -> BTreeMap<Subject, Vec<String>> {
        let mut aliases: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (subject, config) in &self.configs {
            if let Some(alias) = &config.alias {
                aliases.entry(subject.sibling(alias)).or_default().push(subject.to_string());
            }
        }
        aliases
    }

    /// The configuration that holds for a subject.
    pub(super) fn config_in_scope(&self, subject: &Subject) -> Config {
        let above = self.inherited(&self.configs, subject).map(|config| (**config).clone());
        let above = above.unwrap_or_else(Config::initial).with_level();
        match self.configs.get(subject) {
            Some(own) => Config::clone(own).within(&above),
            None => Config { alias: None, ..above },
        }
    }

    /// The mode that holds for a subject. An override holds whatever is set below it.
    pub(super) fn mode_in_scope(&self, subject: &Subject) -> Mode {
        let above = self.inherited(&self.modes, subject).copied().unwrap_or_default();
        if above == Mode::ReadOnlyOverride {
            return above;
        }
        self.modes.get(subject).copied().unwrap_or(above)
    }

    /// What is set for the context of a subject, or else for all contexts.
    fn inherited<'a, V>(&self, settings: &'a BTreeMap<Subject, V>, subject: &Subject) -> Option<&'a V> {
        settings.get(&subject.whole_context()).or_else(|| settings.get(&Subject::everywhere()))
    }

    pub(super) fn config(&self, subject: &Subject, inherited: bool) -> Result<Answer, Refusal> {
        self.check_settings(subject, Place::Config)?;
        if inherited {
            return Ok(Answer::config(self.config_in_scope(subject)));
        }
        match self.own_config(subject) {
            Some(config) => Ok(Answer::config(config)),
            None => Err(Refusal::no_own_config(subject)),
        }
    }

    pub(super) fn mode(&self, subject: &Subject, inherited: bool) -> Result<Answer, Refusal> {
        self.check_settings(subject, Place::Mode)?;
        let mode = if inherited { Some(self.mode_in_scope(subject)) } else { self.own_mode(subject) };
        mode.map(|mode| Answer::mode(Some(mode))).ok_or_else(|| Refusal::no_own_mode(subject))
    }

    /// What is set for this very subject; for the default context, and for all, what a registry begins with.
    pub(super) fn own_config(&self, subject: &Subject) -> Option<Config> {
        let own = self.configs.get(subject).map(|config| Config::clone(config).with_level());
        own.or_else(|| begins_with_something(subject).then(Config::initial))
    }

    /// As [`Self::own_config`].
    pub(super) fn own_mode(&self, subject: &Subject) -> Option<Mode> {
        let own = self.modes.get(subject).copied();
        own.or_else(|| begins_with_something(subject).then(Mode::default))
    }
}

fn begins_with_something(subject: &Subject) -> bool {
    *subject == Subject::top() || subject.is_everywhere()
}
