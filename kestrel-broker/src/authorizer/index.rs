//! The ACLs of one type of resource, by pattern.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytestring::ByteString;

use super::resource::WILDCARD;
use super::rules::Rules;
use super::{AclBinding, PatternType, ResourcePattern};

/// The ACLs of one type of resource, by pattern.
///
/// The prefixes of a name are looked up one by one, each of a length that a pattern has: there is no order to walk through in
/// which a longer prefix could hide a shorter one (KAFKA-14265), and it takes as many look-ups as there are lengths.
#[derive(Debug, Clone, Default)]
pub(super) struct PatternIndex {
    literal: HashMap<ByteString, Rules>,
    prefixed: HashMap<ByteString, Rules>,
    /// How many prefixes have a length.
    prefix_lengths: BTreeMap<usize, usize>,
}

impl PatternIndex {
    pub(super) fn insert(&mut self, acl: Arc<AclBinding>) {
        let name = acl.pattern().shared_name().clone();
        match acl.pattern().pattern_type() {
            PatternType::Literal => self.literal.entry(name).or_default().insert(acl),
            PatternType::Prefixed => {
                let length = name.len();
                let rules = self.prefixed.entry(name).or_default();
                if rules.is_empty() {
                    *self.prefix_lengths.entry(length).or_default() += 1;
                }
                rules.insert(acl);
            }
        }
    }

    /// Takes an ACL out, once.
    pub(super) fn remove(&mut self, acl: &AclBinding) {
        let name = acl.pattern().name();
        let (patterns, is_prefix) = match acl.pattern().pattern_type() {
            PatternType::Literal => (&mut self.literal, false),
            PatternType::Prefixed => (&mut self.prefixed, true),
        };
        let Some(rules) = patterns.get_mut(name) else { return };
        rules.remove(acl);
        if rules.is_empty() {
            patterns.remove(name);
            if is_prefix {
                self.forget_length(name.len());
            }
        }
    }

    fn forget_length(&mut self, length: usize) {
        if let Some(count) = self.prefix_lengths.get_mut(&length) {
            *count -= 1;
            if *count == 0 {
                self.prefix_lengths.remove(&length);
            }
        }
    }

    /// The ACLs of exactly this pattern.
    pub(super) fn of(&self, pattern: &ResourcePattern) -> Option<&Rules> {
        match pattern.pattern_type() {
            PatternType::Literal => self.literal.get(pattern.name()),
            PatternType::Prefixed => self.prefixed.get(pattern.name()),
        }
    }

    /// The ACLs of the patterns that name a resource.
    ///
    /// As in Apache Kafka, `*` is not for resources whose own names begin with it, which no topic's does: its walk takes the
    /// literal `*` for a shorter name there.
    pub(super) fn naming<'a>(&'a self, resource: &str) -> impl Iterator<Item = &'a Rules> {
        let wildcard = self.wildcard().filter(|_| !resource.starts_with(WILDCARD));
        self.literal.get(resource).into_iter().chain(wildcard).chain(self.prefixes_of(resource))
    }

    /// The ACLs of the prefixes of a name, itself among them.
    pub(super) fn prefixes_of<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Rules> {
        let lengths = self.prefix_lengths.range(..=name.len()).map(|(length, _)| *length);
        lengths.filter_map(move |length| self.prefixed.get(name.get(..length)?))
    }

    /// The ACLs about every resource.
    pub(super) fn wildcard(&self) -> Option<&Rules> {
        self.literal.get(WILDCARD)
    }

    /// The names of literal patterns, each with its ACLs.
    pub(super) fn literals(&self) -> impl Iterator<Item = (&str, &Rules)> {
        self.literal.iter().map(|(name, rules)| (&**name, rules))
    }

    /// The names of prefixed patterns, each with its ACLs.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = (&str, &Rules)> {
        self.prefixed.iter().map(|(name, rules)| (&**name, rules))
    }
}
