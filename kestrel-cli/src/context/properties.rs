//! Properties: pairs of a context, read from and written to Java's format; a key that comes again counts from then on. Pure.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// Properties by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Reads the text of a file; `origin` is its name, for what is wrong with it.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self, Failure> {
        let pairs = kestrel_settings::properties::parse(text)
            .map_err(|error| Failure::new(format!("{origin}: {error}")))?;
        Ok(pairs.into_iter().map(|property| (property.key, property.value)).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(crate) fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// All of `others`, which count more.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The text of a file with them.
    pub(crate) fn to_text(&self) -> String {
        self.iter().map(|(key, value)| format!("{}={}\n", escape(key, true), escape(value, false))).collect()
    }
}

impl FromIterator<(String, String)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Whether a value must not be shown.
pub(crate) fn is_secret(key: &str) -> bool {
    let words = ["password", "secret", "jaas", "token", "user.info", "keystore.key", "private.key"];
    words.iter().any(|word| key.contains(word)) && !key.ends_with(".url") && !key.ends_with(".location")
}

fn escape(text: &str, is_key: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{c}' => escaped.push_str("\\f"),
            ' ' if is_key || at == 0 => escaped.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_key => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut properties = Properties::default();
        for (key, value) in [
            ("a", "1"),
            ("b c=d:e", "  spaces at both ends "),
            ("#f", "back\\slash\nand\tmore"),
            ("sasl.jaas.config", "x required username=\"ada\" password=\"a\\b#=:!\";"),
            ("empty", ""),
        ] {
            properties.set(key, value);
        }
        assert_eq!(Properties::parse(&properties.to_text(), "a test").unwrap(), properties);
    }

    #[test]
    fn secrets_are_known_by_their_keys() {
        for key in ["ssl.key.password", "sasl.jaas.config", "basic.auth.user.info", "ssl.keystore.key"] {
            assert!(is_secret(key), "{key}");
        }
        for key in ["bootstrap.servers", "sasl.oauthbearer.token.endpoint.url", "ssl.keystore.location"] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
