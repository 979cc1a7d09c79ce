//! Every broker key of Apache Kafka 4.3, from all tables: those that Kestrel acts on, and those that it accepts with a warning.
//!
//! Asked when the configuration is read, by DescribeConfigs, and when a key of a running broker is changed.

use kestrel_settings::Key;

use super::accepted_keys::{INTERNAL, accepted_keys};
use super::authorizer::{AUTHORIZER, AuthorizerSettings};
use super::cleaner::CleanerConfig;
use super::groups::GroupSettings;
use super::listener::ListenerSettings;
use super::metadata_log::MetadataLogSettings;
use super::node::NodeSettings;
use super::quotas::QuotaSettings;
use super::sasl::SaslSettings;
use super::settings::BrokerSettings;
use super::tls::TlsSettings;
use super::tokens::{TOKENS, TokenSettings};
use super::topic_defaults::TopicDefaults;
use super::transactions::TransactionSettings;

fn keys<C>(rows: &'static [kestrel_settings::Row<C>]) -> impl Iterator<Item = Key> {
    rows.iter().map(|row| row.key)
}

/// All broker keys, in no particular order. A table of its own for something new is added here.
pub(crate) fn broker_keys() -> impl Iterator<Item = Key> {
    keys(NodeSettings::ROWS)
        .chain(keys(ListenerSettings::ROWS))
        .chain(keys(TlsSettings::ROWS))
        .chain(keys(BrokerSettings::ROWS))
        .chain(keys(AuthorizerSettings::ROWS))
        .chain(keys(GroupSettings::ROWS))
        .chain(keys(MetadataLogSettings::ROWS))
        .chain(keys(QuotaSettings::ROWS))
        .chain(keys(CleanerConfig::ROWS))
        .chain(keys(TopicDefaults::ROWS))
        .chain(keys(SaslSettings::ROWS))
        .chain(keys(TransactionSettings::ROWS))
        .chain(keys(TokenSettings::ROWS))
        .chain(accepted_keys())
}

/// The broker key of this name, if there is one.
pub(crate) fn broker_key(name: &str) -> Option<Key> {
    broker_keys().find(|key| key.name == name)
}

/// The keys that Apache Kafka leaves to its authorizer, so that none of its brokers shows them.
pub(super) const AUTHORIZERS_OWN: [&str; 2] =
    [AUTHORIZER.allows_without_acls.name, AUTHORIZER.super_users.name];

/// The keys that are system properties of Apache Kafka's, so that none of its brokers knows them as its own.
pub(super) const SYSTEM_PROPERTIES: [&str; 1] = [TOKENS.allowed_urls.name];

/// The broker keys that are shown, by name: Apache Kafka keeps some for itself.
pub(crate) fn shown_broker_keys() -> Vec<Key> {
    let mut keys: Vec<Key> = broker_keys().filter(is_shown).collect();
    keys.sort_unstable_by_key(|key| key.name);
    keys
}

fn is_shown(key: &Key) -> bool {
    let is_hidden = AUTHORIZERS_OWN.contains(&key.name) || SYSTEM_PROPERTIES.contains(&key.name);
    key.belongs_to != Some(INTERNAL) && !is_hidden
}

/// The meaning of a key in one line, for clients that ask.
pub(super) fn meaning(key: &Key) -> String {
    match key.belongs_to {
        Some(area) => format!("Known from Apache Kafka and without effect here: it belongs to {area}."),
        None => key.summary(),
    }
}

#[cfg(test)]
mod tests {
    use kestrel_settings::Scope;

    use super::super::topic::topic_keys;
    use super::*;

    #[test]
    fn each_key_is_there_once_and_takes_its_own_default() {
        let mut names: Vec<_> = broker_keys().map(|key| key.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(count, 363);
        for key in broker_keys() {
            if let Some(default) = key.default.filter(|_| key.name != "broker.id") {
                assert_eq!(key.check(default), Ok(()), "{}", key.name);
            }
            assert!(meaning(&key).ends_with('.'), "{}", key.name);
        }
    }

    #[test]
    fn dynamic_are_the_defaults_of_topics_and_the_settings_of_the_cleaner() {
        let cleaner: Vec<_> = CleanerConfig::ROWS.iter().map(|row| row.key.name).collect();
        for key in broker_keys() {
            let is_inherited = topic_keys()
                .any(|topic_key| topic_key.synonyms.iter().any(|synonym| synonym.name == key.name));
            let can_be = is_inherited || cleaner.contains(&key.name);
            assert!(key.scope != Scope::Dynamic || can_be, "{}", key.name);
            assert!(key.scope != Scope::ClusterWide || !can_be, "{}", key.name);
        }
    }
}
