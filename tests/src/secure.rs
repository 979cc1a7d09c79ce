//! The ways into a broker with encrypted and authenticating listeners: a folder with a client's properties for each.
//!
//! `tests/interop/with-broker` makes the folder and names it in the environment; its files are as users of Java and librdkafka have
//! them, so that what reads them is tested too.

use std::path::{Path, PathBuf};

use kestrel_client::oauth::Token;
use kestrel_client::{Client, ClientBuilder, Sasl};

/// The environment variable that names the folder.
pub const SECURE_VARIABLE: &str = "KESTREL_TEST_SECURE";

/// The ways into the broker of a test.
#[derive(Debug, Clone)]
pub struct WaysIn {
    folder: PathBuf,
}

impl WaysIn {
    /// Those that the environment names; `None` when it names none.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        std::env::var_os(SECURE_VARIABLE).map(|folder| Self { folder: folder.into() })
    }

    /// The names of all ways: each a file `NAME.properties` in the folder.
    ///
    /// # Panics
    /// When the folder cannot be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).expect("the folder of the ways can be read");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut ways: Vec<_> =
            names.filter_map(|name| name.strip_suffix(".properties").map(str::to_owned)).collect();
        ways.sort();
        ways
    }

    /// The names of those whose sessions last a few seconds, to be authenticated again: one for each mechanism, and one for tokens
    /// that last no longer themselves.
    ///
    /// # Panics
    /// As [`Self::names`].
    #[must_use]
    pub fn with_short_sessions(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| name.ends_with("-short-sessions")).collect()
    }

    /// Ways that end at the door.
    #[must_use]
    pub fn wrong(&self) -> Self {
        Self { folder: self.folder.join("wrong") }
    }

    /// The properties of one way.
    ///
    /// # Panics
    /// When the folder has no such way.
    #[must_use]
    pub fn properties(&self, way: &str) -> Vec<(String, String)> {
        let path = self.folder.join(format!("{way}.properties"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// One property of a way.
    ///
    /// # Panics
    /// When the way has no such property.
    #[must_use]
    pub fn property(&self, way: &str, key: &str) -> String {
        let found = self.properties(way).into_iter().find(|(name, _)| name == key);
        found.unwrap_or_else(|| panic!("{way} has no {key}")).1
    }

    /// A client that goes one way, before it is connected.
    ///
    /// # Panics
    /// When the properties are none of a client's.
    pub fn builder(&self, way: &str) -> ClientBuilder {
        self.builder_with(way, &[])
    }

    /// As [`Self::builder`], with other values for some properties.
    ///
    /// # Panics
    /// As there.
    pub fn builder_with(&self, way: &str, others: &[(&str, &str)]) -> ClientBuilder {
        let mut properties = self.properties(way);
        properties.retain(|(key, _)| others.iter().all(|(other, _)| key != other));
        properties.extend(others.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())));
        let builder = Client::from_properties(properties).unwrap_or_else(|error| panic!("{way}: {error}"));
        match std::fs::read_to_string(self.folder.join(format!("{way}.token"))) {
            Ok(token) => builder.sasl(Sasl::oauthbearer(move || {
                let token = Token::new(token.clone());
                async { Ok(token) }
            })),
            Err(_) => builder,
        }
    }

    /// Where the folder is, which also has `ca.pem` in it, and `other-ca.pem`, an authority that has
    /// signed nothing.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
