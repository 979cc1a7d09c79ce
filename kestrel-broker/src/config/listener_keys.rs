//! Keys that are given to one listener alone, `listener.name.NAME.KEY` (KIP-103). Pure.

use kestrel_settings::{Key, RawSettings};

use super::keys::broker_key;

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

/// The settings as a SASL mechanism of a listener has them: those of `listener.name.NAME.MECHANISM.KEY` come first.
pub(super) fn settings_of_mechanism(raw: &RawSettings, listener: &str, mechanism: &str) -> RawSettings {
    let prefix = format!("{}.", mechanism.to_ascii_lowercase());
    let of_listener = settings_of_listener(raw, listener);
    let mut settings = of_listener.clone();
    for (name, value) in of_listener.iter() {
        if let Some(key) = name.strip_prefix(&prefix) {
            settings.set_from(value.origin.clone(), key, value.text.clone());
        }
    }
    settings
}

/// The settings as the listener of a name has them: its own come before those of all.
///
/// ```text
///   ssl.client.auth=none                              ──► the listeners but OUT
///   listener.name.out.ssl.client.auth=required        ──► OUT
/// ```
pub(super) fn settings_of_listener(raw: &RawSettings, listener: &str) -> RawSettings {
    let prefix = format!("{PREFIX}{}.", listener.to_ascii_lowercase());
    let mut settings = raw.clone();
    for (name, value) in raw.iter() {
        if let Some(key) = name.strip_prefix(&prefix) {
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
    fn what_a_listener_is_given_comes_before_what_all_are() {
        let mut raw = RawSettings::default();
        raw.set("ssl.client.auth", "none");
        raw.set("listener.name.out.ssl.client.auth", "required");
        assert_eq!(settings_of_listener(&raw, "OUT").get("ssl.client.auth"), Some("required"));
        assert_eq!(settings_of_listener(&raw, "IN").get("ssl.client.auth"), Some("none"));
    }
}
