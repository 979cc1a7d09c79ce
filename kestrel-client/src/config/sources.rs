//! Where properties come from: the program, a file in Java's format, the environment. They become fields here, once.

use std::ffi::OsString;
use std::path::Path;

use kestrel_settings::{Origin, RawSettings, RawValue};

use super::client::{ClientBuilder, ClientConfig, UnknownKeys};
use super::consumer::ConsumerConfig;
use super::foreign::{Foreign, judge};
use super::group::GroupConfig;
use super::keys::{keys, unknown};
use super::producer::ProducerConfig;
use super::security::SecurityConfig;
use crate::error::Error;

impl ClientBuilder {
    /// From pairs of the program.
    pub(crate) fn from_properties<K, V>(properties: impl IntoIterator<Item = (K, V)>) -> Result<Self, Error>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let mut raw = RawSettings::default();
        for (name, value) in properties {
            raw.set(name, value);
        }
        Self::from_raw(raw)
    }

    /// From a file.
    pub(crate) fn from_properties_file(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::properties(path, cause))?;
        let raw = RawSettings::from_file(path, &text).map_err(|cause| Error::properties(path, cause))?;
        Self::from_raw(raw)
    }

    /// From variables whose names begin with `prefix`: `KAFKA_LINGER_MS` is `linger.ms`.
    pub(crate) fn from_variables(
        prefix: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Error> {
        let mut raw = RawSettings::default();
        for (variable, value) in variables {
            let Some(variable) = variable.to_str() else { continue };
            let Some(name) = variable.strip_prefix(prefix).filter(|name| !name.is_empty()) else { continue };
            let name = name.to_ascii_lowercase().replace('_', ".");
            let origin = Origin::Variable(variable.to_owned());
            match value.into_string() {
                Ok(value) => raw.set_from(origin, name, value),
                Err(_) => return Err(Error::config(name, format!("is no text{origin}"))),
            }
        }
        Self::from_raw(raw)
    }

    /// Reads what is meant for producers and consumers too, so that a mistake shows where it was made.
    fn from_raw(mut raw: RawSettings) -> Result<Self, Error> {
        let mut builder = Self::new("");
        raw.apply(ClientConfig::ROWS, &mut builder.config)?;
        raw.apply(SecurityConfig::ROWS, &mut builder.config.security)?;
        keep_known(&mut raw, builder.config.unknown_keys)?;
        check_once(&raw)?;
        raw.apply(ProducerConfig::ROWS, &mut builder.producer)?;
        raw.apply(ConsumerConfig::ROWS, &mut builder.consumer)?;
        raw.apply(GroupConfig::ROWS, &mut builder.consumer.group)?;
        Ok(builder)
    }
}

/// Keeps the properties that a table has. Refuses what must not be left out, and warns of what is.
fn keep_known(raw: &mut RawSettings, unknown_keys: UnknownKeys) -> Result<(), Error> {
    let mut outcome = Ok(());
    raw.retain(|name, value| {
        let is_known = keys().any(|(_, key)| key.names().any(|known| known == name));
        if !is_known && outcome.is_ok() {
            outcome = look_at_foreign(name, value, unknown_keys);
        }
        is_known
    });
    outcome
}

fn look_at_foreign(
    name: &str,
    RawValue { text, origin, .. }: &RawValue,
    unknown_keys: UnknownKeys,
) -> Result<(), Error> {
    match judge(name, text) {
        Foreign::Agrees => {}
        Foreign::NoEffect(reason) => {
            tracing::warn!("the setting {name} has no effect here, because {reason}{origin}");
        }
        Foreign::Refused(problem) => return Err(Error::config(name, format!("`{text}` {problem}{origin}"))),
        Foreign::Unknown if unknown_keys == UnknownKeys::Error => {
            return Err(Error::config(name, format!("{}{origin}", unknown(name))));
        }
        Foreign::Unknown => tracing::warn!("{name}: {}{origin}", unknown(name)),
    }
    Ok(())
}

/// Fails when a setting was said by two of its names: nobody can tell which one was meant.
fn check_once(raw: &RawSettings) -> Result<(), Error> {
    for (_, key) in keys() {
        let mut used = key.names().filter(|name| raw.has(name));
        if let (Some(name), Some(other)) = (used.next(), used.next()) {
            let origin = raw.origin(other).map(ToString::to_string).unwrap_or_default();
            let problem = format!("says the same as {name}, which is there too: say it once{origin}");
            return Err(Error::config(other, problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
