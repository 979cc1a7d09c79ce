//! Settings as text, before anything is known of them: what a program, a file or the environment says, and where.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::key::Key;
use crate::properties::{self, PropertiesError};
use crate::secret::Secret;
use crate::table::Row;

/// Where a setting was made. As text it stands in brackets after a name or a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In the program, or on its command line.
    Program,
    /// In a file, at a line.
    File(PathBuf, usize),
    /// In a variable of the environment.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => Ok(()),
            Self::File(file, line) => write!(f, " (line {line} of {})", file.display()),
            Self::Variable(name) => write!(f, " (variable {name})"),
        }
    }
}

/// A value as it was written, and where.
#[derive(Clone, PartialEq, Eq)]
pub struct RawValue {
    /// The text, with the space around it.
    pub text: String,
    /// Where it was written.
    pub origin: Origin,
}

/// A secret could be among the values: none of them prints.
impl fmt::Debug for RawValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Secret::HIDDEN, self.origin)
    }
}

/// Pairs of names and values with their origins, by name; a later value of a name replaces an earlier one, as in Java.
///
/// ```
/// use kestrel_settings::RawSettings;
///
/// let mut raw = RawSettings::from_file("server.properties".as_ref(), "num.partitions = 3")?;
/// raw.set("num.partitions", " 4");
/// assert_eq!(raw.get("num.partitions"), Some("4"));
/// # Ok::<(), kestrel_settings::properties::PropertiesError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RawSettings(BTreeMap<String, RawValue>);

impl RawSettings {
    /// The settings in the text of a properties file; nothing is read from the path.
    ///
    /// # Errors
    /// When the text is not in the format.
    pub fn from_file(path: &Path, text: &str) -> Result<Self, PropertiesError> {
        let origin = |line| Origin::File(path.to_path_buf(), line);
        let pairs = properties::parse(text)?.into_iter();
        Ok(pairs.map(|pair| (pair.key, RawValue { text: pair.value, origin: origin(pair.line) })).collect())
    }

    /// Sets a value from the program, in place of the one that the name had.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.set_from(Origin::Program, name, value);
    }

    /// As [`set`](Self::set), from somewhere else.
    pub fn set_from(&mut self, origin: Origin, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), RawValue { text: value.into(), origin });
    }

    /// The value of a name, trimmed.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.text.trim())
    }

    /// Where the value of a name was written.
    #[must_use]
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.0.get(name).map(|value| &value.origin)
    }

    /// Whether a name has a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes the value of a name away.
    pub fn remove(&mut self, name: &str) -> Option<RawValue> {
        self.0.remove(name)
    }

    /// Keeps what `keeps` says yes to.
    pub fn retain(&mut self, mut keeps: impl FnMut(&str, &RawValue) -> bool) {
        self.0.retain(|name, value| keeps(name, value));
    }

    /// Takes over what `others` has under names that are not here.
    pub fn fill_in(&mut self, others: Self) {
        for (name, value) in others.0 {
            self.0.entry(name).or_insert(value);
        }
    }

    /// All names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Reads the values of a table's keys into its fields. Names that are not in the table are no concern of it.
    ///
    /// # Errors
    /// At the first value that its key does not take.
    pub fn apply<C>(&self, rows: &[Row<C>], config: &mut C) -> Result<(), InvalidSetting> {
        for row in rows {
            for name in row.key.names().filter(|name| self.has(name)) {
                let value = self.get(name).unwrap_or_default();
                let read = row.key.check(value).map_err(|expected| expected.to_string());
                read.and_then(|()| (row.read)(config, value))
                    .map_err(|expected| self.invalid(&Key { name, ..row.key }, expected))?;
            }
        }
        Ok(())
    }

    /// The error that the value of `key` is not one that would do.
    pub fn invalid(&self, key: &Key, expected: impl Into<String>) -> InvalidSetting {
        let RawValue { text, origin } = match self.0.get(key.name) {
            Some(value) => value.clone(),
            None => RawValue { text: String::new(), origin: Origin::Program },
        };
        InvalidSetting { origin, ..InvalidSetting::new(key, text, expected) }
    }
}

impl FromIterator<(String, RawValue)> for RawSettings {
    fn from_iter<I: IntoIterator<Item = (String, RawValue)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// A value that its key does not take. The text is one sentence that names both and says what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value}{origin}: expected {expected}")]
#[non_exhaustive]
pub struct InvalidSetting {
    /// The name, as it was written.
    pub name: String,
    /// The value, unless it is a secret.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
    /// What would be allowed.
    pub expected: String,
}

impl InvalidSetting {
    /// A value that the program itself set.
    pub fn new(key: &Key, value: String, expected: impl Into<String>) -> Self {
        let value = if key.is_sensitive() { Secret::HIDDEN.to_owned() } else { value };
        Self { name: key.name.to_owned(), value, origin: Origin::Program, expected: expected.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueType;

    fn from_file(text: &str) -> RawSettings {
        RawSettings::from_file(Path::new("a.properties"), text).unwrap()
    }

    #[test]
    fn what_is_there_comes_before_what_fills_in() {
        let mut raw = RawSettings::default();
        raw.set("a", " 1 ");
        raw.fill_in(from_file("a=2\nb=3\nb=4"));
        assert_eq!((raw.get("a"), raw.get("b"), raw.get("c")), (Some("1"), Some("4"), None));
        let invalid = raw.invalid(&Key { name: "b", ..Key::EMPTY }, "5");
        assert_eq!(invalid.to_string(), "b=4 (line 3 of a.properties): expected 5");
        raw.set_from(Origin::Variable("KAFKA_A".to_owned()), "a", "1");
        assert!(
            raw.invalid(&Key { name: "a", ..Key::EMPTY }, "5")
                .to_string()
                .starts_with("a=1 (variable KAFKA_A)")
        );
    }

    #[test]
    fn no_value_of_a_secret_is_printed() {
        let raw = from_file("ssl.key.password=opensesame");
        let key = Key { name: "ssl.key.password", value_type: ValueType::Password, ..Key::EMPTY };
        let printed = format!("{raw:?} {}", raw.invalid(&key, "less"));
        assert!(!printed.contains("opensesame") && printed.contains("[hidden]"), "{printed}");
        assert_eq!(raw.get("ssl.key.password"), Some("opensesame"));
    }
}
