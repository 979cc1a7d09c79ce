//! What a registry answers, as its JSON.

use std::collections::BTreeMap;

use kestrel_schema::{Guid, Metadata, Reference, RuleSet, SchemaType};
use serde::{Serialize, Serializer};

use crate::settings::{Config, Mode};

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    /// Names of subjects, contexts.
    Names(Vec<String>),
    /// Versions, ids.
    Numbers(Vec<i32>),
    /// The version that was deleted.
    Number(i32),
    /// The text of a schema, which is sent as it is.
    #[serde(skip)]
    Text(String),
    Schema(Box<SchemaAnswer>),
    Schemas(Vec<SchemaAnswer>),
    SubjectVersions(Vec<SubjectVersion>),
    ContextIds(Vec<ContextId>),
    Compatibility(Verdict),
    Config(Box<Config>),
    /// A configuration that was set, under the names of the request.
    ConfigSet(BTreeMap<String, serde_json::Value>),
    Mode(ModeAnswer),
    /// Nothing but that it is done.
    #[serde(skip)]
    Done,
}

/// A schema, with as much of where it is as was asked for.
///
/// Fields that older clients of Confluent's registry do not know are sent to those alone that say they pass over what they do not
/// know: see [`SchemaAnswer::for_strict_clients`].
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub(crate) guid: Option<Guid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<SchemaType>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) references: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_id: Option<i32>,
    /// When it was registered, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) aliases: Vec<String>,
    /// Whether this is the answer to a registration, of which strict clients know the id alone.
    #[serde(skip)]
    pub(crate) is_receipt: bool,
}

fn shown<S: Serializer>(guid: &Option<Guid>, serializer: S) -> Result<S::Ok, S::Error> {
    guid.map(|guid| guid.to_string()).serialize(serializer)
}

impl SchemaAnswer {
    /// What clients that refuse fields that they do not know can read.
    fn for_strict_clients(self) -> Self {
        if self.is_receipt {
            return Self { id: self.id, ..Self::default() };
        }
        let schema_type = self.schema_type.filter(|schema_type| *schema_type != SchemaType::Avro);
        Self { guid: None, ts: None, deleted: None, schema_type, ..self }
    }
}

impl Answer {
    /// Whether it says that something is not there, as a refusal may.
    pub(crate) const fn is_miss(&self) -> bool {
        matches!(self, Self::ContextIds(ids) if ids.is_empty())
    }

    /// This answer for a client that refuses fields that it does not know.
    pub(crate) fn for_strict_clients(self) -> Self {
        match self {
            Self::Schema(schema) => Self::Schema(Box::new(schema.for_strict_clients())),
            Self::Schemas(schemas) => {
                Self::Schemas(schemas.into_iter().map(SchemaAnswer::for_strict_clients).collect())
            }
            other => other,
        }
    }
}

/// A version that has an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SubjectVersion {
    pub(crate) subject: String,
    pub(crate) version: i32,
}

/// An id in a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ContextId {
    pub(crate) context: String,
    pub(crate) id: i32,
}

/// Whether a schema gets along with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) is_compatible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messages: Option<Vec<String>>,
}

/// A mode; none is that which was deleted and not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ModeAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<Mode>,
}

impl Answer {
    pub(crate) fn schema(schema: SchemaAnswer) -> Self {
        Self::Schema(Box::new(schema))
    }

    pub(crate) fn config(config: Config) -> Self {
        Self::Config(Box::new(config.without_other()))
    }

    /// A configuration as it is answered where it was set: its level has the name that requests use.
    pub(crate) fn config_set(config: &Config) -> Self {
        let value = serde_json::to_value(config.clone().without_other()).expect("a configuration is JSON");
        let serde_json::Value::Object(fields) = value else { return Self::Done };
        let renamed =
            |name: String| if name == "compatibilityLevel" { "compatibility".to_owned() } else { name };
        Self::ConfigSet(fields.into_iter().map(|(name, value)| (renamed(name), value)).collect())
    }

    pub(crate) const fn mode(mode: Option<Mode>) -> Self {
        Self::Mode(ModeAnswer { mode })
    }
}
