//! Contexts: the parts of a registry in which ids count from 1 anew. A subject is named with its own: `:.staging:orders-value`. Pure.

use std::borrow::Cow;

use kestrel_schema::Schema;

use super::frame::SchemaKey;

/// The name of the context that subjects are in which do not say one.
const DEFAULT: &str = ".";

/// Where a schema is found: ids count from 1 in each context, and GUIDs are the same in all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SchemaPlace {
    /// Empty for the registry's own.
    context: Box<str>,
    key: SchemaKey,
}

impl SchemaPlace {
    pub(super) fn new(context: &str, key: SchemaKey) -> Self {
        match key {
            SchemaKey::Id(_) => Self { context: context.into(), key },
            SchemaKey::Guid(_) => Self { context: "".into(), key },
        }
    }

    pub(super) const fn key(&self) -> SchemaKey {
        self.key
    }

    pub(super) fn context(&self) -> &str {
        &self.context
    }
}

/// The name of a subject's context, such as `.staging`; empty for the default one.
pub(super) fn context_of(subject: &str) -> &str {
    let named = subject.strip_prefix(':').filter(|rest| rest.starts_with('.'));
    match named.and_then(|rest| rest.split_once(':')) {
        Some((context, _)) if context != DEFAULT => context,
        _ => "",
    }
}

/// A schema of this context with the full names of what it refers to: in the same context unless they say another one.
pub(super) fn naming_contexts<'a>(context: &str, schema: &'a Schema) -> Cow<'a, Schema> {
    if context.is_empty() || schema.references.is_empty() {
        return Cow::Borrowed(schema);
    }
    let mut schema = schema.clone();
    for reference in &mut schema.references {
        reference.subject = named_from(context, std::mem::take(&mut reference.subject));
    }
    Cow::Owned(schema)
}

/// The full name of what is called `subject` in this context: in the same one unless it says another.
pub(super) fn named_from(context: &str, subject: String) -> String {
    if context.is_empty() || !context_of(&subject).is_empty() {
        return subject;
    }
    format!(":{context}:{}", subject.strip_prefix(":.:").unwrap_or(&subject))
}

#[cfg(test)]
mod tests {
    use kestrel_schema::Reference;

    use super::*;

    #[test]
    fn a_subject_names_its_context() {
        for (subject, context) in [
            ("orders-value", ""),
            (":.staging:orders-value", ".staging"),
            (":.:orders-value", ""),
            (":.staging:", ".staging"),
            (":.staging", ""),
            (":orders:value", ""),
            ("a:.staging:b", ""),
        ] {
            assert_eq!(context_of(subject), context, "{subject}");
        }
    }

    #[test]
    fn references_stay_in_their_context() {
        let named = |context, subject: &str| {
            let reference = Reference { name: "r".into(), subject: subject.into(), version: 1 };
            let schema = Schema::avro("{}").with_references([reference]);
            naming_contexts(context, &schema).references[0].subject.clone()
        };
        assert_eq!(named("", "a"), "a");
        assert_eq!(named(".staging", "a"), ":.staging:a");
        assert_eq!(named(".staging", ":.other:a"), ":.other:a");
        // As Confluent's clients have it: the default context cannot be named from another one.
        assert_eq!(named(".staging", ":.:a"), ":.staging:a");
    }
}
