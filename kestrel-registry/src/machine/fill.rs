//! What a proposed schema leaves out is filled in: from the version before it, and from the configuration.

use kestrel_schema::{Metadata, RuleSet};

use super::request::Proposal;
use super::version::{Content, Version};
use crate::error::Refusal;
use crate::settings::Config;

/// The property of metadata that has the number of the version, for schemas that are to have one.
const VERSION_PROPERTY: &str = "confluent:version";

impl Proposal {
    /// What is proposed, as it stands.
    ///
    /// # Errors
    /// When it has no schema.
    pub(super) fn content(&self) -> Result<Content, Refusal> {
        let schema = self.schema.clone().ok_or_else(|| Refusal::invalid_schema("Empty schema"))?;
        Ok(Content { schema, metadata: self.metadata.clone(), rule_set: self.rule_set.clone() })
    }

    /// What is to be registered as the version with this number, after `previous`.
    ///
    /// # Errors
    /// When neither of the two has a schema.
    pub(super) fn filled(
        &self,
        previous: Option<&Version>,
        config: &Config,
        number: i32,
    ) -> Result<Content, Refusal> {
        let schema = self.schema.clone().or_else(|| previous.map(|version| version.content.schema.clone()));
        let proposal = Self { schema, ..self.clone() };
        let mut content = proposal.content()?;
        content.fill_from(previous, config);
        if self.version.is_some_and(|version| version != 0) || content.version_property().is_some() {
            let metadata = content.metadata.take().unwrap_or_default();
            content.metadata = Some(metadata.property(VERSION_PROPERTY, number.to_string()));
        }
        Ok(content)
    }
}

impl Content {
    /// Metadata and rules: the configuration's defaults, then its own or else those of the version before, then what the
    /// configuration overrides.
    pub(super) fn fill_from(&mut self, previous: Option<&Version>, config: &Config) {
        let inherited = previous.map(|version| &*version.content);
        let metadata = self.metadata.take().or_else(|| inherited?.metadata.clone());
        self.metadata = [config.default_metadata.clone(), metadata, config.override_metadata.clone()]
            .into_iter()
            .flatten()
            .reduce(|older, newer| Metadata::overridden_by(&older, &newer));
        let rule_set = self.rule_set.take().or_else(|| inherited?.rule_set.clone());
        self.rule_set = [config.default_rule_set.clone(), rule_set, config.override_rule_set.clone()]
            .into_iter()
            .flatten()
            .reduce(|older, newer| RuleSet::overridden_by(&older, &newer));
    }

    fn version_property(&self) -> Option<&String> {
        self.metadata.as_ref()?.properties.get(VERSION_PROPERTY)
    }

    /// Whether this is the same schema as another one, of which one alone may have the number of its version.
    pub(super) fn is_same_but_for_version(&self, other: &Self) -> bool {
        self.schema == other.schema && self.rule_set == other.rule_set && self.same_metadata(other)
    }

    fn same_metadata(&self, other: &Self) -> bool {
        if self.version_property().is_some() == other.version_property().is_some() {
            return self.metadata == other.metadata;
        }
        let without = |content: &Self| {
            let mut metadata = content.metadata.clone().unwrap_or_default();
            metadata.properties.remove(VERSION_PROPERTY);
            metadata
        };
        without(self) == without(other)
    }
}
