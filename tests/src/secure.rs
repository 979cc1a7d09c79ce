//! The ways into a broker with encrypted and authenticating listeners: a folder with a client's properties for each.
//!
//! `tests/interop/with-broker` makes the folder and names it in the environment; its files are as users of Java and librdkafka have
//! them, so that what reads them is tested too.

use std::path::{Path, PathBuf};

use kestrel_client::{Client, ClientBuilder};

/// The environment variable that names the folder.
pub const SECURE_VARIABLE: &str = "KESTREL_TEST_SECURE";

/// The ways into the broker of a test.
#[derive(Debug, Clone)]
pub struct WaysIn {
    folder: PathBuf,
}

impl WaysIn {
    /// The names of all ways: each a file `NAME.properties` in the folder.
    pub const ALL: [&'static str; 10] = [
        "tls",
        "mutual-tls",
        "plain",
        "scram-256",
        "scram-512",
        "oauthbearer",
        "tls-plain",
        "tls-scram-256",
        "tls-scram-512",
        "tls-oauthbearer",
    ];
    /// The way whose sessions last a few seconds, to be authenticated again.
    pub const SHORT_SESSIONS: &'static str = "short-sessions";

    /// Those that the environment names; `None` when it names none.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        std::env::var_os(SECURE_VARIABLE).map(|folder| Self { folder: folder.into() })
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
    #[must_use]
    pub fn builder(&self, way: &str) -> ClientBuilder {
        self.builder_with(way, &[])
    }

    /// As [`Self::builder`], with other values for some properties.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn builder_with(&self, way: &str, others: &[(&str, &str)]) -> ClientBuilder {
        let mut properties = self.properties(way);
        properties.retain(|(key, _)| others.iter().all(|(other, _)| key != other));
        properties.extend(others.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())));
        Client::from_properties(properties).unwrap_or_else(|error| panic!("{way}: {error}"))
    }

    /// Where the folder is, which also has the certificates in it: `ca.pem`, `client.pem`, `client.key`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
