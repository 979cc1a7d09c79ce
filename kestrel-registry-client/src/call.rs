//! Call: a request to a registry that waits to be sent, and its parameters.

use std::fmt;
use std::future::IntoFuture;

use futures::future::BoxFuture;
use hyper::StatusCode;
use kestrel_serde::registry::RegistryError;
use serde::de::DeserializeOwned;

use crate::answer;
use crate::client::RegistryClient;
use crate::request::Request;

/// A request that waits to be sent: awaiting it sends it and gives an `A`.
///
/// Its methods set parameters. Each says which calls know it; the others pass over it.
///
/// ```no_run
/// # async fn f() -> Result<(), kestrel_registry_client::RegistryError> {
/// use kestrel_registry_client::RegistryClient;
///
/// let client = RegistryClient::new("http://127.0.0.1:8081")?;
/// let of_orders: Vec<String> = client.subjects().prefix("orders-").page(0, 100).await?;
/// let deleted: Vec<i32> = client.subject("orders-value").delete().permanently().await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
/// Nothing is sent before the first poll. Dropped later, the registry may or may not have done what was asked.
#[must_use = "nothing is sent before it is awaited"]
pub struct Call<A> {
    client: RegistryClient,
    request: Request,
    read: fn(StatusCode, &[u8]) -> Result<A, RegistryError>,
}

impl<A: DeserializeOwned> Call<A> {
    /// One whose answer is an `A` in JSON.
    pub(crate) fn new(client: &RegistryClient, request: Request) -> Self {
        Self::read_by(client, request, answer::read)
    }
}

impl Call<String> {
    /// One whose answer is a text that is not JSON.
    pub(crate) fn text(client: &RegistryClient, request: Request) -> Self {
        Self::read_by(client, request, answer::read_text)
    }
}

impl<A> Call<A> {
    /// One whose answer `read` understands.
    pub(crate) fn read_by(
        client: &RegistryClient,
        request: Request,
        read: fn(StatusCode, &[u8]) -> Result<A, RegistryError>,
    ) -> Self {
        Self { client: client.clone(), request, read }
    }

    /// Deleted ones are part of the answer, if they are not deleted permanently. For lists, versions, lookups.
    pub fn with_deleted(self) -> Self {
        self.set("deleted", "true")
    }

    /// Only deleted ones are part of the answer. For lists of subjects and versions.
    pub fn only_deleted(self) -> Self {
        self.set("deletedOnly", "true")
    }

    /// Part of a list: what comes after the first `offset`, at most `limit` of it.
    pub fn page(self, offset: usize, limit: usize) -> Self {
        self.set("offset", &offset.to_string()).set("limit", &limit.to_string())
    }

    /// Those whose subject begins with this. For lists of subjects and of schemas.
    pub fn prefix(self, prefix: &str) -> Self {
        self.set("subjectPrefix", prefix)
    }

    /// The latest version of each subject. For lists of schemas.
    pub fn latest_only(self) -> Self {
        self.set("latestOnly", "true")
    }

    /// The registry brings the schema into its normal form first. For registering, lookups, compatibility.
    pub fn normalize(self) -> Self {
        self.set("normalize", "true")
    }

    /// The schema in another form, such as `resolved` (Avro) or `serialized` (Protobuf). For whatever gives a schema.
    pub fn format(self, format: &str) -> Self {
        self.set("format", format)
    }

    /// The messages say what does not get along. For compatibility.
    pub fn verbose(self) -> Self {
        self.set("verbose", "true")
    }

    /// For good: what was deleted before is removed. For deleting subjects and versions.
    pub fn permanently(self) -> Self {
        self.set("permanent", "true")
    }

    /// Although it is not safe: a mode for a registry that has schemas, a schema that is not compatible.
    pub fn force(self) -> Self {
        self.set("force", "true")
    }

    /// With what lies inside. For deleting a mode.
    pub fn recursive(self) -> Self {
        self.set("recursive", "true")
    }

    /// What holds for a subject, also where it comes from the settings for all. For configs and modes.
    pub fn effective(self) -> Self {
        self.set("defaultToGlobal", "true")
    }

    /// A subject that the schema may have, which tells registries with several contexts which one is meant. For schemas by id.
    pub fn of_subject(self, subject: &str) -> Self {
        self.set("subject", subject)
    }

    /// The largest id that was given is part of the answer. For schemas by id.
    pub fn with_max_id(self) -> Self {
        self.set("fetchMaxId", "true")
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.request.query(name, value);
        self
    }
}

impl<A: 'static> IntoFuture for Call<A> {
    type Output = Result<A, RegistryError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, request, read } = self;
        Box::pin(async move {
            let (address, status, body) = client.sender().send(&request).await?;
            read(status, &body).map_err(|error| error.asking(address.to_string(), request.describe()))
        })
    }
}

impl<A> fmt::Debug for Call<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.request.describe()).finish()
    }
}
