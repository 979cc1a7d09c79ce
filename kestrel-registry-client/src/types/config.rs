//! Config: what a registry asks of the schemas of a subject.

use kestrel_schema::{Level, Metadata, RuleSet};
use serde::{Deserialize, Serialize};

/// What a registry asks of the schemas of a subject, a context or all of them, and does to them. What is `None` is not set there.
///
/// ```
/// use kestrel_registry_client::{Config, Level};
///
/// let config = Config::of(Level::FullTransitive);
/// assert_eq!(serde_json::to_string(&config)?, r#"{"compatibility":"FULL_TRANSITIVE"}"#);
/// let answer: Config = serde_json::from_str(r#"{"compatibilityLevel": "FULL_TRANSITIVE"}"#)?;
/// assert_eq!(answer, config);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Which data a new version has to get along with.
    #[serde(alias = "compatibilityLevel", skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Level>,
    /// The subject that this one is another name of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Whether schemas are brought into their normal form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// Whether names of fields that are reserved are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_fields: Option<bool>,
    /// Whether rules are checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_rules: Option<bool>,
    /// The property of metadata by which versions are divided into groups: those of other groups need not get along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_group: Option<String>,
    /// How strictly JSON schemas are compared: `STRICT` or `LENIENT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_policy: Option<String>,
    /// Metadata of schemas that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_metadata: Option<Metadata>,
    /// Metadata that count more than those of schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_metadata: Option<Metadata>,
    /// Rules of schemas that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_rule_set: Option<RuleSet>,
    /// Rules that count more than those of schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_rule_set: Option<RuleSet>,
}

impl Config {
    /// This level, and nothing else set.
    #[must_use]
    pub fn of(level: Level) -> Self {
        Self { compatibility: Some(level), ..Self::default() }
    }
}

/// This level, and nothing else set.
impl From<Level> for Config {
    fn from(level: Level) -> Self {
        Self::of(level)
    }
}

/// How settings come back. Where they were deleted some registries give the name of the level alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ConfigAnswer {
    Body(Box<Config>),
    Name(Level),
}

impl From<ConfigAnswer> for Config {
    fn from(answer: ConfigAnswer) -> Self {
        match answer {
            ConfigAnswer::Body(config) => *config,
            ConfigAnswer::Name(level) => Self::of(level),
        }
    }
}
