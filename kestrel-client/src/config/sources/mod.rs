//! Where properties come from: the program, a file in Java's format, the environment.

use std::ffi::OsString;
use std::path::Path;

use kestrel_settings::properties;

use super::client::ClientBuilder;
use super::keys::Said;
use crate::error::Error;

impl ClientBuilder {
    /// From pairs of the program.
    pub(crate) fn from_properties<K, V>(properties: impl IntoIterator<Item = (K, V)>) -> Result<Self, Error>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let said = |(name, value): (K, V)| (name.into(), Said { value: value.into(), place: String::new() });
        Self::from_said(properties.into_iter().map(said))
    }

    /// From a file.
    pub(crate) fn from_properties_file(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::properties(path, cause))?;
        let pairs = properties::parse(&text).map_err(|cause| Error::properties(path, cause))?;
        let said = |pair: properties::Property| {
            let place = format!(" (line {} of {})", pair.line, path.display());
            (pair.key, Said { value: pair.value, place })
        };
        Self::from_said(pairs.into_iter().map(said))
    }

    /// From variables whose names begin with `prefix`: `KAFKA_LINGER_MS` is `linger.ms`.
    pub(crate) fn from_variables(
        prefix: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Error> {
        let mut said = Vec::new();
        for (variable, value) in variables {
            let Some(variable) = variable.to_str() else { continue };
            let Some(name) = variable.strip_prefix(prefix).filter(|name| !name.is_empty()) else { continue };
            let name = name.to_ascii_lowercase().replace('_', ".");
            let place = format!(" (variable {variable})");
            match value.into_string() {
                Ok(value) => said.push((name, Said { value, place })),
                Err(_) => return Err(Error::config(name, format!("is no text{place}"))),
            }
        }
        Self::from_said(said)
    }
}

#[cfg(test)]
mod tests;
