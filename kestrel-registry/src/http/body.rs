//! The bodies of requests.

use kestrel_schema::json_schema::Policy;
use kestrel_schema::{Level, Metadata, Reference, RuleSet, Schema, SchemaType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Refusal;
use crate::machine::{Change, ConfigChange, Proposal};
use crate::settings::Mode;

/// A schema as clients send it. What else is there is passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProposalBody {
    #[serde(default)]
    schema: Option<String>,
    #[serde(default)]
    schema_type: Option<String>,
    #[serde(default)]
    references: Option<Vec<Reference>>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    rule_set: Option<RuleSet>,
    #[serde(default)]
    version: Option<i32>,
    #[serde(default)]
    id: Option<i32>,
}

/// Reads a schema.
///
/// # Errors
/// When it is not the JSON of one, or of a type that nobody knows.
pub(super) fn proposal(body: &[u8]) -> Result<Proposal, Refusal> {
    let body: ProposalBody = parse(body)?;
    let schema_type = match body.schema_type.as_deref() {
        None => SchemaType::default(),
        Some(name) => name.parse().map_err(|problem| Refusal::invalid_schema(format_args!("{problem}")))?,
    };
    let text = body.schema.filter(|text| !text.trim().is_empty());
    let references = body.references.unwrap_or_default();
    Ok(Proposal {
        schema: text.map(|text| Schema::new(schema_type, text).with_references(references)),
        metadata: body.metadata,
        rule_set: body.rule_set,
        version: body.version.filter(|version| *version != 0),
        id: body.id.filter(|id| *id >= 0),
    })
}

#[derive(Debug, Deserialize)]
struct ModeBody {
    #[serde(default)]
    mode: Option<String>,
}

/// Reads a mode; none takes away what is set.
///
/// # Errors
/// When it is not the JSON of one, or one that nobody knows.
pub(super) fn mode(body: &[u8]) -> Result<Option<Mode>, Refusal> {
    let body: ModeBody = parse(body)?;
    body.mode.map(|name| Mode::named(&name).ok_or_else(Refusal::invalid_mode)).transpose()
}

/// Reads changes of a configuration: what is not there stays as it is, what is null is not set any more.
///
/// # Errors
/// When it is not the JSON of one, or has a level or policy that nobody knows.
pub(super) fn config_change(body: &[u8]) -> Result<ConfigChange, Refusal> {
    let mut fields = Fields(parse(body)?);
    let level = match fields.change::<String>("compatibility")? {
        Change::Keep => fields.change::<String>("compatibilityLevel")?,
        change => change,
    };
    let policy = fields.change::<String>("compatibilityPolicy")?;
    Ok(ConfigChange {
        level: checked(level, |name: String| name.parse::<Level>().map_err(|_| Refusal::invalid_level()))?,
        policy: checked(policy, |name| name.parse::<Policy>().map_err(|_| Refusal::invalid_policy(&name)))?,
        alias: fields.change("alias")?,
        normalize: fields.change("normalize")?,
        validate_fields: fields.change("validateFields")?,
        validate_new_schemas: fields.change("validateNewSchemas")?,
        validate_rules: fields.change("validateRules")?,
        group: fields.change("compatibilityGroup")?,
        default_metadata: fields.change("defaultMetadata")?,
        override_metadata: fields.change("overrideMetadata")?,
        default_rule_set: fields.change("defaultRuleSet")?,
        override_rule_set: fields.change("overrideRuleSet")?,
    })
}

/// The fields of an object.
struct Fields(Map<String, Value>);

impl Fields {
    fn change<T: DeserializeOwned>(&mut self, name: &str) -> Result<Change<T>, Refusal> {
        let Some(value) = self.0.remove(name) else { return Ok(Change::Keep) };
        let wrong = |error| Refusal::malformed(format_args!("{name}: {error}"));
        serde_json::from_value(value).map(Change::To).map_err(wrong)
    }
}

fn checked<T, U>(change: Change<T>, check: impl Fn(T) -> Result<U, Refusal>) -> Result<Change<U>, Refusal> {
    Ok(match change {
        Change::Keep => Change::Keep,
        Change::To(value) => Change::To(value.map(check).transpose()?),
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::unprocessable("The request has no body"));
    }
    // serde would take an array for the fields of an object.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::malformed("an object is expected"));
    }
    serde_json::from_slice(body).map_err(Refusal::malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_read() {
        let read = proposal(br#"{"schema": "\"int\"", "id": -1, "version": 0, "more": [1]}"#).unwrap();
        assert_eq!(read, Proposal { schema: Some(Schema::avro("\"int\"")), ..Proposal::default() });
        assert_eq!(proposal(br#"{"schema": " "}"#).unwrap().schema, None);
        let typed = proposal(br#"{"schemaType": "JSON", "schema": "{}", "references": null}"#).unwrap();
        assert_eq!(typed.schema, Some(Schema::json("{}")));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for (body, code) in [
            ("", 422),
            ("{", 400),
            ("[]", 400),
            (r#"{"schema": {}}"#, 400),
            (r#"{"schema": "{}", "schemaType": "XML"}"#, 42201),
        ] {
            assert_eq!(proposal(body.as_bytes()).unwrap_err().code(), code, "{body}");
        }
    }

    #[test]
    fn a_configuration_says_what_changes() {
        let change = config_change(br#"{"compatibility": "full", "normalize": null, "alias": "a"}"#).unwrap();
        assert_eq!(change.level, Change::To(Some(Level::Full)));
        assert_eq!((change.normalize, change.alias), (Change::To(None), Change::To(Some("a".to_owned()))));
        assert_eq!(change.validate_fields, Change::Keep);
        assert_eq!(config_change(br#"{"compatibility": "sideways"}"#).unwrap_err().code(), 42203);
        assert_eq!(config_change(br#"{"compatibilityPolicy": "kind"}"#).unwrap_err().code(), 42203);
        assert_eq!(config_change(br#"{"normalize": "perhaps"}"#).unwrap_err().code(), 400);
        assert_eq!(mode(br#"{"mode": "readonly"}"#).unwrap(), Some(Mode::ReadOnly));
        assert_eq!(mode(br#"{"mode": "off"}"#).unwrap_err().code(), 42204);
    }
}
