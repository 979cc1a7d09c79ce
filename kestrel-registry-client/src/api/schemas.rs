//! The calls of schemas by their ids and GUIDs, and of all of them.

use kestrel_schema::Guid;

use crate::call::Call;
use crate::client::RegistryClient;
use crate::request::Request;
use crate::types::{ContextId, StoredSchema, SubjectVersion};

impl RegistryClient {
    /// All versions of all subjects; with [`latest_only`](Call::latest_only) the latest of each.
    pub fn schemas(&self) -> Call<Vec<StoredSchema>> {
        Call::new(self, Request::get(&["schemas"]))
    }

    /// The languages of schemas that the registry knows.
    pub fn schema_types(&self) -> Call<Vec<String>> {
        Call::new(self, Request::get(&["schemas", "types"]))
    }

    /// The schema with this id.
    pub fn schema(&self, id: i32) -> Call<StoredSchema> {
        Call::new(self, Request::get(&["schemas", "ids", &id.to_string()]))
    }

    /// The text of the schema with this id, as it is.
    pub fn schema_text(&self, id: i32) -> Call<String> {
        Call::text(self, Request::get(&["schemas", "ids", &id.to_string(), "schema"]))
    }

    /// The subjects that have the schema with this id.
    pub fn subjects_of(&self, id: i32) -> Call<Vec<String>> {
        Call::new(self, Request::get(&["schemas", "ids", &id.to_string(), "subjects"]))
    }

    /// The versions that are the schema with this id.
    pub fn versions_of(&self, id: i32) -> Call<Vec<SubjectVersion>> {
        Call::new(self, Request::get(&["schemas", "ids", &id.to_string(), "versions"]))
    }

    /// The schema with this GUID.
    pub fn schema_by_guid(&self, guid: Guid) -> Call<StoredSchema> {
        Call::new(self, Request::get(&["schemas", "guids", &guid.to_string()]))
    }

    /// The ids of the schema with this GUID, one for each context that has it.
    pub fn ids_of(&self, guid: Guid) -> Call<Vec<ContextId>> {
        Call::new(self, Request::get(&["schemas", "guids", &guid.to_string(), "ids"]))
    }
}
