//! Keys that are given to one listener alone, `listener.name.NAME.KEY` (KIP-103). Pure.

use kestrel_settings::{Key, RawSettings};

use kestrel_security::sasl::Mechanism;

use super::keys::{broker_key, broker_keys};
use super::quotas::QUOTAS;
use super::sasl::{SASL, SaslSettings};
use super::tls::TlsSettings;
use super::tokens::TokenSettings;

/// What the names of such keys begin with.
const PREFIX: &str = "listener.name.";

/// Whether a key is for one listener alone.
pub(super) fn is_of_one_listener(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The key that `name` gives to a listener; `None` when it ends with no key.
///
/// Names of listeners may have dots, and keys of SASL have their mechanism before them: what counts is the longest ending that is
/// a key.
pub(super) fn key_of_one_listener(name: &str) -> Option<Key> {
    let rest = name.strip_prefix(PREFIX)?;
    rest.match_indices('.').find_map(|(at, _)| broker_key(rest.get(at + 1..)?))
}

/// Kerberos, whose keys are accepted as other keys without effect are.
const GSSAPI: &str = "gssapi";

/// Whether a key that is given to one listener alone is one that a listener with a name of `listeners` reads, or that is known to
/// have no effect.
pub(super) fn is_read(name: &str, listeners: &[String]) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or(name);
    listeners.iter().any(|listener| {
        let key = rest.strip_prefix(&listener.to_ascii_lowercase()).and_then(|rest| rest.strip_prefix('.'));
        key.is_some_and(|key| is_of_a_listener(key) || is_of_a_mechanism(key))
    })
}

/// All keys that these listeners read when they are given to them alone.
pub(super) fn keys_of_listeners(listeners: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for listener in listeners {
        let prefix = format!("{PREFIX}{}.", listener.to_ascii_lowercase());
        let keys = broker_keys().filter(|key| is_of_a_listener(key.name));
        names.extend(keys.map(|key| format!("{prefix}{}", key.name)));
        for mechanism in Mechanism::ALL {
            let prefix = format!("{prefix}{}.", mechanism.name().to_ascii_lowercase());
            names.extend(keys_of_mechanism(mechanism).map(|key| format!("{prefix}{key}")));
        }
    }
    names
}

/// The keys that each mechanism of a listener reads.
const OF_MECHANISMS: [&str; 2] = [SASL.jaas_config.name, SASL.max_reauth.name];

/// The keys that a mechanism of a listener reads.
fn keys_of_mechanism(mechanism: Mechanism) -> impl Iterator<Item = &'static str> {
    let of_tokens = TokenSettings::ROWS.iter().filter(move |_| mechanism == Mechanism::OAuthBearer);
    OF_MECHANISMS.into_iter().chain(of_tokens.map(|row| row.key.name))
}

fn is_of_a_listener(key: &str) -> bool {
    TlsSettings::ROWS.iter().any(|row| row.key.name == key)
        || SaslSettings::ROWS.iter().any(|row| row.key.name == key)
        || TokenSettings::ROWS.iter().any(|row| row.key.name == key)
        || [QUOTAS.max_connections.name, QUOTAS.max_connection_rate.name].contains(&key)
        || is_without_effect(key)
}

fn is_of_a_mechanism(key: &str) -> bool {
    if let Some(key) = key.strip_prefix(GSSAPI).and_then(|key| key.strip_prefix('.')) {
        return OF_MECHANISMS.contains(&key) || is_without_effect(key);
    }
    Mechanism::ALL.into_iter().any(|mechanism| {
        let name = mechanism.name().to_ascii_lowercase();
        let key = key.strip_prefix(&name).and_then(|key| key.strip_prefix('.'));
        key.is_some_and(|key| keys_of_mechanism(mechanism).any(|of| of == key) || is_without_effect(key))
    })
}

/// Whether a key belongs to what is not there, of which a warning says so.
fn is_without_effect(key: &str) -> bool {
    broker_key(key).is_some_and(|key| key.belongs_to.is_some())
}

/// Whether a key has a login line that is none of a mechanism of a listener, which nobody reads.
pub(super) fn is_login_of_nobody(name: &str, listeners: &[String]) -> bool {
    let of_listener =
        |listener: &String| format!("{PREFIX}{}.{}", listener.to_ascii_lowercase(), SASL.jaas_config.name);
    name == SASL.jaas_config.name || listeners.iter().any(|listener| name == of_listener(listener))
}

/// The key of the login line of a mechanism of a listener.
pub(super) fn login_line_key(listener: &str, mechanism: Mechanism) -> String {
    let mechanism = mechanism.name().to_ascii_lowercase();
    format!("{PREFIX}{}.{mechanism}.{}", listener.to_ascii_lowercase(), SASL.jaas_config.name)
}

/// The settings as a SASL mechanism of a listener has them: those of `listener.name.NAME.MECHANISM.KEY` come first.
pub(super) fn settings_of_mechanism(raw: &RawSettings, listener: &str, mechanism: &str) -> RawSettings {
    preferring(&settings_of_listener(raw, listener), &format!("{}.", mechanism.to_ascii_lowercase()))
}

/// The settings as the listener of a name has them: its own come before those of all.
///
/// ```text
///   ssl.client.auth=none                              ──► the listeners but OUT
///   listener.name.out.ssl.client.auth=required        ──► OUT
/// ```
pub(super) fn settings_of_listener(raw: &RawSettings, listener: &str) -> RawSettings {
    preferring(raw, &format!("{PREFIX}{}.", listener.to_ascii_lowercase()))
}

/// The settings, where those with a prefix come before those without it.
fn preferring(raw: &RawSettings, prefix: &str) -> RawSettings {
    let mut settings = raw.clone();
    for (name, value) in raw.iter() {
        if let Some(key) = name.strip_prefix(prefix) {
            settings.set_from(value.origin.clone(), key, value.text.clone());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_one_listener_is_found_behind_any_name() {
        for (name, expected) in [
            ("listener.name.ssl.ssl.client.auth", Some("ssl.client.auth")),
            ("listener.name.a.b.ssl.client.auth", Some("ssl.client.auth")),
            ("listener.name.out.scram-sha-256.sasl.jaas.config", Some("sasl.jaas.config")),
            ("listener.name.out.ssl.client.aut", None),
            ("listener.name.", None),
            ("ssl.client.auth", None),
        ] {
            assert_eq!(key_of_one_listener(name).map(|key| key.name), expected, "{name}");
        }
    }

    #[test]
    fn a_key_is_read_by_a_listener_that_is_there_and_in_lower_case() {
        let listeners = ["OUT".to_owned(), "A.B".to_owned()];
        for (key, expected) in [
            ("out.ssl.client.auth", true),
            ("a.b.ssl.client.auth", true),
            ("out.max.connections", true),
            ("out.scram-sha-256.connections.max.reauth.ms", true),
            ("out.plain.sasl.jaas.config", true),
            ("out.gssapi.sasl.kerberos.service.name", true),
            ("OUT.ssl.client.auth", false),
            ("in.ssl.client.auth", false),
            ("out.num.partitions", false),
            ("out.scram-sha256.sasl.jaas.config", false),
            ("out.PLAIN.sasl.jaas.config", false),
            ("out.plain.ssl.client.auth", false),
            ("out.sasl.oauthbearer.jwks.endpoint.url", true),
            ("out.oauthbearer.sasl.oauthbearer.jwks.endpoint.url", true),
            ("out.plain.sasl.oauthbearer.jwks.endpoint.url", false),
            ("out.plain.sasl.enabled.mechanisms", false),
        ] {
            assert_eq!(is_read(&format!("{PREFIX}{key}"), &listeners), expected, "{key}");
        }
    }

    #[test]
    fn what_a_listener_is_given_comes_before_what_all_are() {
        let mut raw = RawSettings::default();
        raw.set("ssl.client.auth", "none");
        raw.set("listener.name.out.ssl.client.auth", "required");
        assert_eq!(settings_of_listener(&raw, "OUT").get("ssl.client.auth"), Some("required"));
        assert_eq!(settings_of_listener(&raw, "IN").get("ssl.client.auth"), Some("none"));
    }
}
