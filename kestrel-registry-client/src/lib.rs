//! An async client of the Confluent Schema Registry's REST API, whole and typed.
//!
//! It speaks to every registry with that API: Confluent's, kestrel-registry, Karapace, Apicurio (at `/apis/ccompat/v7`).
//!
//! ```text
//!   RegistryClient ── subject(..), schema(..), config(..) ──► Call ── awaited ──► http: one request and its answer
//!         │ Registry::from                                                        ▲
//!         └──► kestrel_serde::registry::Registry: serializers and deserializers ──┘
//! ```
//!
//! # With serializers
//!
//! ```no_run
//! # fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use kestrel_registry_client::connect;
//!
//! let registry = connect("http://127.0.0.1:8081")?; // one for the program
//! // registry.format(Avro::of::<Position>()?) is a serializer and a deserializer of positions.
//! # Ok(()) }
//! ```
//!
//! # What goes wrong
//!
//! [`RegistryError`] names the registry, the request, the registry's own number and text, and what to do. Connections that fail,
//! 429 and 5xx are tried again where that does no harm, first at the other addresses that the client was given.
//!
//! | | |
//! |---|---|
//! | several addresses of one registry | [`RegistryClientBuilder::url`] |
//! | user and password, API key | in the URL, or [`RegistryClientBuilder::basic_auth`] |
//! | tokens | [`RegistryClientBuilder::bearer_token`], [`RegistryClientBuilder::bearer_provider`] |
//! | certificates | [`RegistryClientBuilder::tls`], feature `tls` (default) |
//! | another context | a URL that ends in `/contexts/.name`, or subjects named `:.name:subject` |

mod address;
mod answer;
mod api;
mod attempts;
mod authentication;
mod builder;
mod call;
mod client;
mod environment;
mod http;
mod request;
mod schema_registry;
mod types;

pub use api::Subject;
pub use builder::RegistryClientBuilder;
pub use call::Call;
pub use client::RegistryClient;
pub use kestrel_schema::{Guid, Level, Metadata, Reference, Rule, RuleSet, Schema, SchemaType};
#[cfg(feature = "tls")]
pub use kestrel_security::tls::ClientTls;
pub use kestrel_serde::registry::{Registry, RegistryError, RegistryErrorKind};
pub use types::{
    Compatibility, Config, ContextId, Mode, NewSchema, ServerVersion, StoredSchema, SubjectVersion, TagChange,
};

/// The registry at this URL, for serializers and deserializers: a [`RegistryClient`] with its defaults behind a cache.
///
/// ```
/// let registry = kestrel_registry_client::connect("http://127.0.0.1:8081")?;
/// # Ok::<(), kestrel_registry_client::RegistryError>(())
/// ```
///
/// # Errors
/// When it is no URL. Nothing is asked yet.
pub fn connect(url: impl Into<String>) -> Result<Registry, RegistryError> {
    RegistryClient::new(url).map(Registry::from)
}

#[cfg(test)]
mod tests;
