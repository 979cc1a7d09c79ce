//! A version of a subject, and all versions of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use kestrel_schema::{Guid, Metadata, RuleSet, Schema};

use super::answer::SchemaAnswer;
use super::request::{Shown, VersionNumber};
use crate::record::{OtherFields, SchemaValue};
use crate::subject::Subject;

/// What a version is of: a schema and what belongs to it, and who it is by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) schema: Schema,
    pub(super) metadata: Option<Metadata>,
    pub(super) rule_set: Option<RuleSet>,
}

impl Content {
    pub(super) fn guid(&self) -> Guid {
        let Self { schema, metadata, rule_set } = self;
        Guid::of(&schema.text, &schema.references, metadata.as_ref(), rule_set.as_ref())
    }
}

/// A version of a subject. Its parts are shared, so that a copy costs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) subject: Subject,
    pub(super) number: i32,
    pub(super) id: i32,
    pub(super) guid: Guid,
    pub(super) content: Arc<Content>,
    pub(super) is_deleted: bool,
    /// What only another registry knows of it.
    other: Option<Arc<OtherFields>>,
    /// When its record was written, in milliseconds since 1970.
    pub(super) timestamp: i64,
}

impl Version {
    pub(super) fn new(subject: Subject, number: i32, value: SchemaValue, timestamp: i64) -> Self {
        let SchemaValue { id, schema, metadata, rule_set, is_deleted, other } = value;
        let other = Some(other).filter(|other| !other.is_empty()).map(Arc::new);
        let content = Content { schema, metadata, rule_set };
        let guid = content.guid();
        Self { subject, number, id, guid, content: Arc::new(content), is_deleted, other, timestamp }
    }

    /// The value of a record that says the same, soft-deleted or not.
    pub(super) fn value(&self, is_deleted: bool) -> SchemaValue {
        let Content { schema, metadata, rule_set } = &*self.content;
        SchemaValue {
            id: self.id,
            schema: schema.clone(),
            metadata: metadata.clone(),
            rule_set: rule_set.clone(),
            is_deleted,
            other: self.other.as_deref().cloned().unwrap_or_default(),
        }
    }

    /// The subjects and versions that it refers to.
    pub(super) fn references(&self) -> impl Iterator<Item = (Subject, i32)> + '_ {
        let references = self.content.schema.references.iter();
        references.map(|reference| (self.subject.sibling(&reference.subject), reference.version))
    }

    /// All that is known of it.
    pub(super) fn answer(&self) -> SchemaAnswer {
        let Content { schema, metadata, rule_set } = &*self.content;
        SchemaAnswer {
            subject: Some(self.subject.to_string()),
            version: Some(self.number),
            id: Some(self.id),
            guid: Some(self.guid),
            schema_type: Some(schema.schema_type),
            references: schema.references.clone(),
            metadata: metadata.clone(),
            rule_set: rule_set.clone(),
            schema: Some(schema.text.clone()),
            ts: Some(self.timestamp),
            deleted: self.is_deleted.then_some(true),
            ..SchemaAnswer::default()
        }
    }
}

/// The versions of a subject, soft-deleted ones too, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Versions(BTreeMap<i32, Version>);

impl Versions {
    pub(super) fn insert(&mut self, version: Version) -> Option<Version> {
        self.0.insert(version.number, version)
    }

    pub(super) fn remove(&mut self, number: i32) -> Option<Version> {
        self.0.remove(&number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.0.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Version> {
        self.0.values_mut()
    }

    pub(super) fn shown(&self, shown: Shown) -> impl DoubleEndedIterator<Item = &Version> {
        self.iter().filter(move |version| shown.includes(version.is_deleted))
    }

    /// Whether one counts.
    pub(super) fn any(&self, shown: Shown) -> bool {
        self.shown(shown).next().is_some()
    }

    /// The version with this number, if it counts; the latest one is never a deleted one.
    pub(super) fn find(&self, number: VersionNumber, shown: Shown) -> Option<&Version> {
        match number {
            VersionNumber::Latest => self.latest(),
            VersionNumber::Number(number) => {
                self.0.get(&number).filter(|version| shown.includes(version.is_deleted))
            }
        }
    }

    pub(super) fn latest(&self) -> Option<&Version> {
        self.shown(Shown::Live).next_back()
    }

    /// The number that the next version gets.
    pub(super) fn next_number(&self) -> i32 {
        self.0.keys().next_back().map_or(1, |last| last.saturating_add(1))
    }
}
