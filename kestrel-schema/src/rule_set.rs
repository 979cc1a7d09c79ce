//! The rules that a registry keeps with a schema. Nothing here carries one out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SchemaError;
use crate::metadata::or_default;

/// The rules of a schema, which are part of its identity as its metadata are.
///
/// ```
/// use kestrel_schema::RuleSet;
///
/// let rules: RuleSet = serde_json::from_str(r#"{"domainRules": [{"name": "age", "type": "CEL", "expr": "message.age > 0"}]}"#)?;
/// assert!(rules.check().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuleSet {
    /// How data of one version becomes data of another one.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub migration_rules: Vec<Rule>,
    /// What is checked or changed in values when they are written and read.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub domain_rules: Vec<Rule>,
    /// What is done to the bytes of values.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub encoding_rules: Vec<Rule>,
    /// Where the rules are carried out; none said means everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_at: Option<RuleEnvironment>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rule {
    /// Its name, unique in the rule set: a letter or `_`, then letters, digits, `_` and `-`; at most 256 characters.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// Whether it changes values or checks them.
    #[serde(deserialize_with = "or_default")]
    pub kind: RuleKind,
    /// When it is carried out.
    #[serde(deserialize_with = "or_default")]
    pub mode: RuleMode,
    /// The language of `expr`, or what carries it out, such as `CEL`, `JSONATA`, `ENCRYPT`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub rule_type: Option<String>,
    /// The tags of the fields that it is for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", deserialize_with = "or_default")]
    pub tags: BTreeSet<String>,
    /// Its parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub params: BTreeMap<String, String>,
    /// The rule itself, in its language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// What is done when it succeeds; two actions with a comma between where the mode has two directions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    /// What is done when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    /// Whether it is off.
    #[serde(deserialize_with = "or_default")]
    pub disabled: bool,
}

/// Words of Confluent's, of which newer registries may know more: a word that is not known here is kept as it came.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $word:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$of])* $word,)*
            /// Another word, which is not known here: kept, shown and written as it came.
            Other(Box<str>),
        }

        impl $name {
            /// The registry's word for it.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$word => $text,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($text => Self::$word,)*
                    _ => Self::Other(word.into()),
                }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.name().to_owned()
            }
        }
    )*};
}

words! {
    /// What a rule does to a value.
    ///
    /// ```
    /// use kestrel_schema::RuleKind;
    ///
    /// let newer: RuleKind = serde_json::from_str(r#""SORT""#)?;
    /// assert_eq!((newer.name(), serde_json::to_string(&newer)?), ("SORT", r#""SORT""#.into()));
    /// assert_eq!(RuleKind::default().to_string(), "TRANSFORM");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    RuleKind {
        /// Changes it.
        #[default]
        Transform = "TRANSFORM",
        /// Checks it.
        Condition = "CONDITION",
    }

    /// When a rule is carried out.
    ///
    /// ```
    /// use kestrel_schema::RuleMode;
    ///
    /// assert_eq!(RuleMode::default().to_string(), "WRITEREAD");
    /// ```
    RuleMode {
        /// When older data are read as a newer version.
        Upgrade = "UPGRADE",
        /// When newer data are read as an older version.
        Downgrade = "DOWNGRADE",
        /// In both of these cases.
        UpDown = "UPDOWN",
        /// When a value is written.
        Write = "WRITE",
        /// When a value is read.
        Read = "READ",
        /// In both of these cases.
        #[default]
        WriteRead = "WRITEREAD",
    }

    /// Where rules are carried out.
    ///
    /// ```
    /// use kestrel_schema::RuleEnvironment;
    ///
    /// assert_eq!(RuleEnvironment::Gateway.name(), "GATEWAY");
    /// ```
    RuleEnvironment {
        /// Everywhere.
        #[default]
        All = "ALL",
        /// In clients.
        Client = "CLIENT",
        /// In gateways.
        Gateway = "GATEWAY",
        /// In the registry.
        Server = "SERVER",
        /// Nowhere.
        None = "NONE",
    }
}

impl RuleMode {
    const fn is_migration(&self) -> bool {
        matches!(self, Self::Upgrade | Self::Downgrade | Self::UpDown)
    }

    const fn has_two_directions(&self) -> bool {
        matches!(self, Self::UpDown | Self::WriteRead)
    }
}

impl RuleSet {
    /// The rules of this set and of `other`; of two with one name, `other`'s.
    #[must_use]
    pub fn overridden_by(&self, other: &Self) -> Self {
        Self {
            migration_rules: overridden(&self.migration_rules, &other.migration_rules),
            domain_rules: overridden(&self.domain_rules, &other.domain_rules),
            encoding_rules: overridden(&self.encoding_rules, &other.encoding_rules),
            enable_at: other.enable_at.clone().or_else(|| self.enable_at.clone()),
        }
    }

    /// All rules, in the order that they count in.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.migration_rules.iter().chain(&self.domain_rules).chain(&self.encoding_rules)
    }

    /// Whether each rule can be one: its name, its kind, its type, its mode, its actions. Words that are not known here are refused:
    /// whoever keeps rules that a newer registry took does not ask.
    ///
    /// # Errors
    /// With the first rule that cannot be, and why.
    pub fn check(&self) -> Result<(), SchemaError> {
        let mut names = BTreeSet::new();
        for rule in self.rules() {
            if !names.insert(&rule.name) {
                return Err(rule.refused("another rule of the set has this name"));
            }
            rule.check()?;
        }
        if let Some(RuleEnvironment::Other(word)) = &self.enable_at {
            return Err(SchemaError::new(format!("rules cannot be enabled at {word}, which is not known")));
        }
        if let Some(rule) = self.migration_rules.iter().find(|rule| !rule.mode.is_migration()) {
            return Err(rule.refused("the mode of a migration rule is UPGRADE, DOWNGRADE or UPDOWN"));
        }
        let mut others = self.domain_rules.iter().chain(&self.encoding_rules);
        match others.find(|rule| rule.mode.is_migration()) {
            Some(rule) => {
                Err(rule.refused("the mode of a domain or encoding rule is WRITE, READ or WRITEREAD"))
            }
            None => Ok(()),
        }
    }

    /// Feeds what counts for the identity of a schema, in the order that it counts in.
    pub(crate) fn digest(&self, feed: &mut impl FnMut(&[u8])) {
        self.rules().for_each(|rule| rule.digest(feed));
        if let Some(environment) = &self.enable_at {
            feed(environment.name().as_bytes());
        }
    }
}

fn overridden(older: &[Rule], newer: &[Rule]) -> Vec<Rule> {
    let kept = older.iter().filter(|rule| newer.iter().all(|other| other.name != rule.name));
    kept.chain(newer).cloned().collect()
}

impl Rule {
    const LONGEST_NAME: usize = 256;

    fn refused(&self, problem: &str) -> SchemaError {
        SchemaError::new(format!("rule '{}': {problem}", self.name))
    }

    fn check(&self) -> Result<(), SchemaError> {
        let mut letters = self.name.chars();
        let Some(first) = letters.next() else { return Err(self.refused("it has no name")) };
        if self.name.chars().count() > Self::LONGEST_NAME {
            return Err(self.refused("its name is longer than 256 characters"));
        }
        if !(first.is_alphabetic() || first == '_') {
            return Err(self.refused("its name begins with neither a letter nor _"));
        }
        if letters.any(|c| !(c.is_alphanumeric() || c == '_' || c == '-')) {
            return Err(self.refused("its name has other characters than letters, digits, _ and -"));
        }
        if let RuleKind::Other(kind) = &self.kind {
            return Err(self.refused(&format!("its kind {kind} is not known")));
        }
        if let RuleMode::Other(mode) = &self.mode {
            return Err(self.refused(&format!("its mode {mode} is not known")));
        }
        if self.rule_type.is_none() {
            return Err(self.refused("it has no type"));
        }
        let actions = [&self.on_success, &self.on_failure].into_iter().flatten();
        if !self.mode.has_two_directions() && actions.into_iter().any(|action| action.contains(',')) {
            return Err(self.refused("two actions are for the modes WRITEREAD and UPDOWN alone"));
        }
        Ok(())
    }

    fn digest(&self, feed: &mut impl FnMut(&[u8])) {
        feed(self.name.as_bytes());
        self.doc.iter().for_each(|text| feed(text.as_bytes()));
        feed(self.kind.name().as_bytes());
        feed(self.mode.name().as_bytes());
        self.rule_type.iter().chain(&self.tags).for_each(|text| feed(text.as_bytes()));
        for (name, value) in &self.params {
            feed(name.as_bytes());
            feed(value.as_bytes());
        }
        let texts = [&self.expr, &self.on_success, &self.on_failure];
        texts.into_iter().flatten().for_each(|text| feed(text.as_bytes()));
        if self.disabled {
            feed(&[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> RuleSet {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_rule_is_written_in_the_registrys_order() {
        let rules = parsed(
            r#"{"domainRules": [{"type": "CEL", "name": "r", "params": {"b": "2", "a": "1"}, "tags": ["PII"], "doc": null}]}"#,
        );
        assert_eq!(
            serde_json::to_string(&rules).unwrap(),
            r#"{"domainRules":[{"name":"r","kind":"TRANSFORM","mode":"WRITEREAD","type":"CEL","tags":["PII"],"params":{"a":"1","b":"2"},"disabled":false}]}"#
        );
    }

    #[test]
    fn words_of_newer_registries_are_kept_and_not_taken_anew() {
        let text = r#"{"domainRules":[{"name":"a","kind":"SORT","mode":"WRITEREAD","type":"CEL","disabled":false},{"name":"b","kind":"CONDITION","mode":"COPY","type":"CEL","disabled":false}],"enableAt":"MOON"}"#;
        let rules = parsed(text);
        assert_eq!(serde_json::to_string(&rules).unwrap(), text);
        assert_eq!(rules.domain_rules[1].mode.to_string(), "COPY");
        let digest = |rules: &RuleSet| {
            let mut fed = Vec::new();
            rules.digest(&mut |bytes| fed.extend_from_slice(bytes));
            String::from_utf8(fed).unwrap()
        };
        assert_eq!(digest(&rules), "aSORTWRITEREADCELbCONDITIONCOPYCELMOON");
        let refused = |rules: RuleSet| rules.check().unwrap_err().to_string();
        assert_eq!(refused(rules.clone()), "rule 'a': its kind SORT is not known");
        let second = RuleSet { domain_rules: rules.domain_rules[1..].to_vec(), ..rules.clone() };
        assert_eq!(refused(second), "rule 'b': its mode COPY is not known");
        let none = RuleSet { domain_rules: Vec::new(), ..rules };
        assert_eq!(refused(none), "rules cannot be enabled at MOON, which is not known");
    }

    #[test]
    fn what_can_be_no_rule_is_refused() {
        for (rules, problem) in [
            (r#"{"domainRules": [{"type": "CEL"}]}"#, "no name"),
            (r#"{"domainRules": [{"name": "1", "type": "CEL"}]}"#, "neither a letter"),
            (r#"{"domainRules": [{"name": "a b", "type": "CEL"}]}"#, "other characters"),
            (r#"{"domainRules": [{"name": "a"}]}"#, "no type"),
            (r#"{"domainRules": [{"name": "a", "type": "CEL", "mode": "UPGRADE"}]}"#, "WRITEREAD"),
            (r#"{"migrationRules": [{"name": "a", "type": "CEL"}]}"#, "UPDOWN"),
            (r#"{"domainRules": [{"name": "a", "type": "C"}, {"name": "a", "type": "C"}]}"#, "this name"),
            (
                r#"{"domainRules": [{"name": "a", "type": "C", "mode": "READ", "onFailure": "NONE,DLQ"}]}"#,
                "two actions",
            ),
        ] {
            let refused = parsed(rules).check().unwrap_err().to_string();
            assert!(refused.contains(problem), "{rules}: {refused}");
        }
    }

    #[test]
    fn newer_rules_take_the_place_of_older_ones_with_their_name() {
        let older = parsed(r#"{"domainRules": [{"name": "a", "type": "X"}, {"name": "b", "type": "X"}]}"#);
        let newer = parsed(r#"{"domainRules": [{"name": "a", "type": "Y"}], "enableAt": "CLIENT"}"#);
        let merged = r#"{"domainRules": [{"name": "b", "type": "X"}, {"name": "a", "type": "Y"}], "enableAt": "CLIENT"}"#;
        assert_eq!(older.overridden_by(&newer), parsed(merged));
    }
}
