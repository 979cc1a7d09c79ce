//! What the names in a file stand for: the messages, enums and extensions of the file and of all that it imports.
//!
//! The normalizer and the comparison ask it. It resolves as the registry does: from the innermost scope outwards, taking the
//! first full name that exists.

use std::collections::HashMap;

use super::file::{Enum, Extend, Field, FieldType, Message, ProtoFile, SCALARS};
use crate::Reference;

/// All names that a file can use.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    types: HashMap<String, Named<'a>>,
    extensions: HashMap<String, &'a Field>,
}

/// A message or enum, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) package: &'a str,
    pub(super) origin: Origin<'a>,
    pub(super) definition: Definition<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Definition<'a> {
    Message(&'a Message),
    Enum,
}

/// The file that declares a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    /// The file that is looked at.
    Own,
    /// A version of a subject.
    Registered(&'a Reference),
    /// A file that every registry knows.
    Known,
}

impl Origin<'_> {
    /// Whether the other one is the same version of the same subject, or both are the files that are looked at.
    pub(super) fn is_same_as(&self, other: &Origin<'_>) -> bool {
        match (self, other) {
            (Self::Own, Origin::Own) | (Self::Known, Origin::Known) => true,
            (Self::Registered(one), Origin::Registered(other)) => {
                (&one.subject, one.version) == (&other.subject, other.version)
            }
            _ => false,
        }
    }
}

impl<'a> Named<'a> {
    /// The types of key and value, when it is the entry of a map.
    pub(super) fn map_entry(&self) -> Option<FieldType> {
        match self.definition {
            Definition::Message(message) => message.map_entry(),
            Definition::Enum => None,
        }
    }

    /// Its full name without its package.
    pub(super) fn local_name<'n>(&self, full_name: &'n str) -> &'n str {
        full_name.strip_prefix(self.package).and_then(|rest| rest.strip_prefix('.')).unwrap_or(full_name)
    }
}

impl<'a> Names<'a> {
    /// Adds what a file declares. Of names that come twice, the last counts.
    pub(super) fn add(&mut self, file: &'a ProtoFile, origin: Origin<'a>) {
        let package = file.package();
        self.add_extensions(&file.extends, package);
        self.add_enums(&file.enums, package, package, origin);
        self.add_messages(&file.messages, package, package, origin);
    }

    /// All messages and enums, with their full names.
    pub(super) fn types(&self) -> impl Iterator<Item = (&str, &Named<'a>)> {
        self.types.iter().map(|(name, named)| (name.as_str(), named))
    }

    fn add_messages(&mut self, messages: &'a [Message], scope: &str, package: &'a str, origin: Origin<'a>) {
        for message in messages {
            let name = joined(scope, &message.name);
            self.add_extensions(&message.extends, &name);
            self.add_enums(&message.enums, &name, package, origin);
            self.add_messages(&message.messages, &name, package, origin);
            self.types.insert(name, Named { package, origin, definition: Definition::Message(message) });
        }
    }

    fn add_enums(&mut self, enums: &'a [Enum], scope: &str, package: &'a str, origin: Origin<'a>) {
        for enumeration in enums {
            let named = Named { package, origin, definition: Definition::Enum };
            self.types.insert(joined(scope, &enumeration.name), named);
        }
    }

    fn add_extensions(&mut self, extends: &'a [Extend], scope: &str) {
        for field in extends.iter().flat_map(|extend| &extend.fields) {
            self.extensions.insert(joined(scope, &field.name), field);
        }
    }

    /// The type that `name` stands for in `scope`, with its full name. None for scalar types, and for what nobody declares.
    pub(super) fn resolve(&self, scope: &str, name: &str) -> Option<(String, &Named<'a>)> {
        if SCALARS.contains(&name) {
            return None;
        }
        candidates(scope, name).find_map(|full| self.types.get(&full).map(|named| (full, named)))
    }

    /// The extension that `name` stands for in `scope`, with its full name.
    pub(super) fn extension(&self, scope: &str, name: &str) -> Option<(String, &'a Field)> {
        candidates(scope, name).find_map(|full| self.extensions.get(&full).map(|field| (full, *field)))
    }
}

/// The name of what is declared in a scope.
pub(super) fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// The full names that a name may stand for in a scope, the innermost first. A name that begins with a dot is full.
fn candidates(scope: &str, name: &str) -> impl Iterator<Item = String> {
    let (scope, name) = match name.strip_prefix('.') {
        Some(full) => ("", full),
        None => (scope, name),
    };
    let scopes = std::iter::successors(Some(scope), |scope| {
        (!scope.is_empty()).then(|| scope.rfind('.').map_or("", |dot| scope.split_at(dot).0))
    });
    scopes.map(|scope| joined(scope, name)).collect::<Vec<_>>().into_iter()
}
