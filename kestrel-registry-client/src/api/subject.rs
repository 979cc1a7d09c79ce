//! The calls of a subject: its versions, what would be compatible with them, its settings.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::settings::{read_config, read_mode};
use crate::call::Call;
use crate::client::RegistryClient;
use crate::request::Request;
use crate::types::{Compatibility, Config, Mode, ModeBody, NewSchema, StoredSchema, TagChange};

/// A subject of a registry, whether or not it exists. Made by [`RegistryClient::subject`].
///
/// ```no_run
/// # async fn f() -> Result<(), kestrel_registry_client::RegistryError> {
/// use kestrel_registry_client::RegistryClient;
///
/// let orders = RegistryClient::new("http://127.0.0.1:8081")?.subject("orders-value");
/// println!("{:?}", orders.latest().await?.schema);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Subject {
    client: RegistryClient,
    name: String,
}

impl RegistryClient {
    /// A subject. In another context than the client's it is named `:.context:subject`.
    #[must_use]
    pub fn subject(&self, name: impl Into<String>) -> Subject {
        Subject { client: self.clone(), name: name.into() }
    }

    /// The names of all subjects.
    pub fn subjects(&self) -> Call<Vec<String>> {
        Call::new(self, Request::get(&["subjects"]))
    }
}

impl Subject {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Registers a schema, which makes a new version of it unless the subject has that schema. Older registries answer with the id
    /// alone.
    pub fn register(&self, schema: impl Into<NewSchema>) -> Call<StoredSchema> {
        self.call(Request::post(&["subjects", &self.name, "versions"], &schema.into()))
    }

    /// Finds the version that has this schema.
    pub fn look_up(&self, schema: impl Into<NewSchema>) -> Call<StoredSchema> {
        self.call(Request::post(&["subjects", &self.name], &schema.into()))
    }

    /// The numbers of its versions.
    pub fn versions(&self) -> Call<Vec<i32>> {
        self.call(Request::get(&["subjects", &self.name, "versions"]))
    }

    /// A version.
    pub fn version(&self, version: i32) -> Call<StoredSchema> {
        self.call(Request::get(&["subjects", &self.name, "versions", &version.to_string()]))
    }

    /// The latest version.
    pub fn latest(&self) -> Call<StoredSchema> {
        self.call(Request::get(&["subjects", &self.name, "versions", "latest"]))
    }

    /// The latest version that has all of these properties in its metadata.
    pub fn latest_with<'a>(
        &self,
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Call<StoredSchema> {
        let mut request = Request::get(&["subjects", &self.name, "metadata"]);
        for (name, value) in properties {
            request.query("key", name);
            request.query("value", value);
        }
        self.call(request)
    }

    /// The text of a version's schema, as it is.
    pub fn schema_text(&self, version: i32) -> Call<String> {
        let version = version.to_string();
        Call::text(&self.client, Request::get(&["subjects", &self.name, "versions", &version, "schema"]))
    }

    /// The ids of the schemas that refer to a version.
    pub fn referenced_by(&self, version: i32) -> Call<Vec<i32>> {
        self.call(Request::get(&["subjects", &self.name, "versions", &version.to_string(), "referencedby"]))
    }

    /// Changes the tags of a version, which makes a new version.
    pub fn change_tags(&self, version: i32, change: &TagChange) -> Call<StoredSchema> {
        let version = version.to_string();
        self.call(Request::post(&["subjects", &self.name, "versions", &version, "tags"], change))
    }

    /// Deletes all versions, and gives their numbers. They can still be read by their ids; [`permanently`](Call::permanently)
    /// removes what was deleted before.
    pub fn delete(&self) -> Call<Vec<i32>> {
        self.call(Request::delete(&["subjects", &self.name]))
    }

    /// Deletes a version, and gives its number.
    pub fn delete_version(&self, version: i32) -> Call<i32> {
        self.call(Request::delete(&["subjects", &self.name, "versions", &version.to_string()]))
    }

    /// Whether a schema could become a version, compared with those that the subject's level says.
    pub fn compatibility(&self, schema: impl Into<NewSchema>) -> Call<Compatibility> {
        self.call(Request::post(&["compatibility", "subjects", &self.name, "versions"], &schema.into()))
    }

    /// Whether a schema could become a version, compared with the latest one alone.
    pub fn compatibility_with_latest(&self, schema: impl Into<NewSchema>) -> Call<Compatibility> {
        self.compared("latest", &schema.into())
    }

    /// Whether a schema could become a version, compared with this one alone.
    pub fn compatibility_with(&self, version: i32, schema: impl Into<NewSchema>) -> Call<Compatibility> {
        self.compared(&version.to_string(), &schema.into())
    }

    /// Its own settings; [`effective`](Call::effective) those that hold for it.
    pub fn config(&self) -> Call<Config> {
        Call::read_by(&self.client, Request::get(&["config", &self.name]), read_config)
    }

    /// Replaces its settings. A [`Level`](crate::Level) alone will do.
    pub fn set_config(&self, config: impl Into<Config>) -> Call<Config> {
        let request = Request::put(&["config", &self.name], &config.into());
        Call::read_by(&self.client, request, read_config)
    }

    /// Deletes its own settings, and gives those that they were.
    pub fn delete_config(&self) -> Call<Config> {
        Call::read_by(&self.client, Request::delete(&["config", &self.name]), read_config)
    }

    /// Its own mode; [`effective`](Call::effective) the one that holds for it.
    pub fn mode(&self) -> Call<Mode> {
        Call::read_by(&self.client, Request::get(&["mode", &self.name]), read_mode)
    }

    /// Sets its mode.
    pub fn set_mode(&self, mode: Mode) -> Call<Mode> {
        let request = Request::put(&["mode", &self.name], &ModeBody { mode });
        Call::read_by(&self.client, request, read_mode)
    }

    /// Deletes its own mode, and gives the one that it was.
    pub fn delete_mode(&self) -> Call<Mode> {
        Call::read_by(&self.client, Request::delete(&["mode", &self.name]), read_mode)
    }

    fn compared(&self, version: &str, schema: &impl Serialize) -> Call<Compatibility> {
        self.call(Request::post(&["compatibility", "subjects", &self.name, "versions", version], schema))
    }

    fn call<A: DeserializeOwned>(&self, request: Request) -> Call<A> {
        Call::new(&self.client, request)
    }
}
