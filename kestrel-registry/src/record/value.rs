//! The values of records.

use kestrel_schema::json_schema::Policy;
use kestrel_schema::{Metadata, Reference, RuleSet, Schema, SchemaType};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ContextValue, OtherFields, RecordError, SchemaValue};
use crate::settings::{Config, Mode};
use crate::subject::Subject;

/// The name of the one tenant that there is.
const TENANT: &str = "default";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SchemaText<'a> {
    subject: String,
    version: i32,
    id: i32,
    #[serde(skip_serializing_if = "is_avro")]
    schema_type: SchemaType,
    #[serde(skip_serializing_if = "<[Reference]>::is_empty")]
    references: &'a [Reference],
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<&'a RuleSet>,
    schema: &'a str,
    deleted: bool,
    #[serde(flatten)]
    other: &'a OtherFields,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_avro(schema_type: &SchemaType) -> bool {
    *schema_type == SchemaType::Avro
}

pub(super) fn schema(subject: &Subject, version: i32, value: &SchemaValue) -> String {
    text(&SchemaText {
        subject: subject.to_string(),
        version,
        id: value.id,
        schema_type: value.schema.schema_type,
        references: &value.schema.references,
        metadata: value.metadata.as_ref(),
        rule_set: value.rule_set.as_ref(),
        schema: &value.schema.text,
        deleted: value.is_deleted,
        other: &value.other,
    })
}

/// A version as it was read. Its subject and version are in the key too, which counts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnySchema {
    id: i32,
    #[serde(default)]
    schema_type: Option<SchemaType>,
    #[serde(default)]
    references: Option<Vec<Reference>>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    rule_set: Option<RuleSet>,
    schema: String,
    #[serde(default)]
    deleted: Option<bool>,
    #[serde(flatten)]
    other: OtherFields,
}

/// The fields that the key has, too.
const OF_THE_KEY: [&str; 4] = ["subject", "version", "tenant", "context"];

/// The fields that are of no use here and belong to the record all the same.
fn without_key(mut other: OtherFields) -> OtherFields {
    other.retain(|name, _| !OF_THE_KEY.contains(&name.as_str()));
    other
}

pub(super) fn parse_schema(bytes: &[u8]) -> Result<SchemaValue, RecordError> {
    let read: AnySchema = parse(bytes)?;
    let schema = Schema::new(read.schema_type.unwrap_or_default(), read.schema)
        .with_references(read.references.unwrap_or_default());
    Ok(SchemaValue {
        id: read.id,
        schema,
        metadata: read.metadata,
        rule_set: read.rule_set,
        is_deleted: read.deleted.unwrap_or(false),
        other: without_key(read.other),
    })
}

#[derive(Debug, Serialize)]
struct ConfigText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(flatten)]
    config: &'a Config,
}

pub(super) fn config(subject: &Subject, config: &Config) -> String {
    text(&ConfigText { subject: subject.key(), config })
}

pub(super) fn parse_config(bytes: &[u8]) -> Result<Config, RecordError> {
    let mut fields: OtherFields = parse(bytes)?;
    // One that only another registry knows: the rest of the configuration counts, and it is written again with that.
    let policy = fields.get(Config::POLICY);
    let is_known = policy.is_none_or(|policy| Option::<Policy>::deserialize(policy).is_ok());
    let unknown = if is_known { None } else { fields.remove(Config::POLICY) };
    let mut config: Config = serde_json::from_value(Value::Object(fields)).map_err(RecordError::Value)?;
    config.other = without_key(config.other);
    config.other.extend(unknown.map(|policy| (Config::POLICY.to_owned(), policy)));
    Ok(config)
}

#[derive(Debug, Serialize)]
struct ModeText {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    mode: Mode,
}

pub(super) fn mode(subject: &Subject, mode: Mode) -> String {
    text(&ModeText { subject: subject.key(), mode })
}

#[derive(Debug, Deserialize)]
struct AnyMode {
    #[serde(default)]
    mode: Option<Mode>,
}

pub(super) fn parse_mode(bytes: &[u8]) -> Result<Option<Mode>, RecordError> {
    parse::<AnyMode>(bytes).map(|read| read.mode)
}

#[derive(Debug, Serialize)]
struct DeleteSubjectText {
    subject: String,
    version: i32,
}

pub(super) fn delete_subject(subject: &Subject, version: i32) -> String {
    text(&DeleteSubjectText { subject: subject.to_string(), version })
}

#[derive(Debug, Deserialize)]
struct AnyDeleteSubject {
    version: i32,
}

pub(super) fn parse_delete_subject(bytes: &[u8]) -> Result<i32, RecordError> {
    parse::<AnyDeleteSubject>(bytes).map(|read| read.version)
}

#[derive(Debug, Serialize)]
struct ClearSubjectText {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

pub(super) fn clear_subject(subject: &Subject) -> String {
    text(&ClearSubjectText { subject: subject.key() })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContextText<'a> {
    tenant: &'static str,
    context: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    highest_id: Option<i32>,
    #[serde(flatten)]
    other: &'a OtherFields,
}

pub(super) fn context(context: &str, value: &ContextValue) -> String {
    text(&ContextText { tenant: TENANT, context, highest_id: value.highest_id, other: &value.other })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyContext {
    #[serde(default)]
    highest_id: Option<i32>,
    #[serde(flatten)]
    other: OtherFields,
}

pub(super) fn parse_context(bytes: &[u8]) -> Result<ContextValue, RecordError> {
    let read: AnyContext = parse(bytes)?;
    Ok(ContextValue { highest_id: read.highest_id, other: without_key(read.other) })
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a struct of texts and numbers is JSON")
}

fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, RecordError> {
    serde_json::from_slice(bytes).map_err(RecordError::Value)
}
