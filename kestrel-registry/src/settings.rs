//! What can be set for a subject, a context or the whole registry: its configuration and its mode.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use kestrel_schema::json_schema::Policy;
use kestrel_schema::{Level, Metadata, RuleSet};

/// A configuration as records and answers have it, in their order. What is not set is inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<String>,
    /// For a part of Confluent's registry that is not here; kept, since it may be in the topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias_for_deks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) normalize: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validate_fields: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validate_new_schemas: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validate_rules: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_policy: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) override_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_rule_set: Option<RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) override_rule_set: Option<RuleSet>,
    /// What only another registry knows.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

impl Config {
    /// The field that has the policy.
    pub(crate) const POLICY: &'static str = "compatibilityPolicy";

    /// What holds where nothing is set.
    pub(crate) fn initial() -> Self {
        Self { compatibility_level: Some(Level::default()), ..Self::default() }
    }

    /// This, with the level that a registry begins with if it has none of its own.
    pub(crate) fn with_level(mut self) -> Self {
        self.compatibility_level.get_or_insert_default();
        self
    }

    /// A subject's own configuration, with what it leaves to the one that is above it.
    ///
    /// An alias, and what is filled into new schemas, is the subject's own business.
    pub(crate) fn within(self, above: &Self) -> Self {
        Self {
            normalize: self.normalize.or(above.normalize),
            validate_fields: self.validate_fields.or(above.validate_fields),
            validate_new_schemas: self.validate_new_schemas.or(above.validate_new_schemas),
            validate_rules: self.validate_rules.or(above.validate_rules),
            compatibility_level: self.compatibility_level.or(above.compatibility_level),
            compatibility_policy: self.compatibility_policy.or(above.compatibility_policy),
            compatibility_group: self.compatibility_group.or_else(|| above.compatibility_group.clone()),
            ..self
        }
    }

    /// What this registry knows of it.
    pub(crate) fn without_other(self) -> Self {
        Self { other: Map::new(), ..self }
    }

    pub(crate) fn level(&self) -> Level {
        self.compatibility_level.unwrap_or_default()
    }

    pub(crate) fn policy(&self) -> Policy {
        self.compatibility_policy.unwrap_or_default()
    }

    /// Whether something of it is put into each new schema.
    pub(crate) fn fills_schemas(&self) -> bool {
        self.default_metadata.is_some()
            || self.override_metadata.is_some()
            || self.default_rule_set.is_some()
            || self.override_rule_set.is_some()
    }
}

/// What may be done with the schemas of a subject.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mode {
    /// Read, registered, deleted.
    #[default]
    #[serde(rename = "READWRITE")]
    ReadWrite,
    /// Read.
    #[serde(rename = "READONLY")]
    ReadOnly,
    /// Read, whatever is set for single subjects.
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    /// Registered with ids and versions that the caller gives; not compared.
    Import,
    /// As import, for a registry that another one sends its schemas to.
    Forward,
}

impl Mode {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = [
            ("READWRITE", Self::ReadWrite),
            ("READONLY", Self::ReadOnly),
            ("READONLY_OVERRIDE", Self::ReadOnlyOverride),
            ("IMPORT", Self::Import),
            ("FORWARD", Self::Forward),
        ];
        known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, mode)| mode)
    }

    pub(crate) const fn is_read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride)
    }

    pub(crate) const fn takes_ids(self) -> bool {
        matches!(self, Self::Import | Self::Forward)
    }
}
