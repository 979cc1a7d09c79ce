//! The calls of the registry itself: its contexts, its name, its build.

use serde::de::IgnoredAny;

use crate::answer;
use crate::call::Call;
use crate::client::RegistryClient;
use crate::request::Request;
use crate::types::ServerVersion;

impl RegistryClient {
    /// Asks whether the registry is there.
    pub fn ping(&self) -> Call<()> {
        Call::read_by(self, Request::get(&[""]), |status, body| {
            answer::read::<Option<IgnoredAny>>(status, body).map(drop)
        })
    }

    /// The names of all contexts; `.` is the default one.
    pub fn contexts(&self) -> Call<Vec<String>> {
        Call::new(self, Request::get(&["contexts"]))
    }

    /// Deletes a context that has no subjects.
    pub fn delete_context(&self, name: &str) -> Call<()> {
        Call::read_by(self, Request::delete(&["contexts", name]), |status, body| {
            answer::read_text(status, body).map(drop)
        })
    }

    /// The id of the cluster of registries.
    pub fn cluster_id(&self) -> Call<serde_json::Value> {
        Call::new(self, Request::get(&["v1", "metadata", "id"]))
    }

    /// Which build of a registry it is.
    pub fn server_version(&self) -> Call<ServerVersion> {
        Call::new(self, Request::get(&["v1", "metadata", "version"]))
    }

    /// How it is deployed, in the registry's own words.
    pub fn deployment(&self) -> Call<serde_json::Value> {
        Call::new(self, Request::get(&["v1", "metadata", "deployment"]))
    }
}
