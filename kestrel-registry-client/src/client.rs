//! RegistryClient: the handle of a registry.

use std::fmt;
use std::sync::Arc;

use kestrel_serde::registry::{Registry, RegistryError};

use crate::builder::RegistryClientBuilder;
use crate::http::Sender;

/// A client of a schema registry's REST API. Clones share its connections.
///
/// Every call of the API is a method that gives a [`Call`](crate::Call): those of a subject are [`subject`](Self::subject)'s.
/// For serializers and deserializers make a [`Registry`] of it.
///
/// ```no_run
/// # async fn f() -> Result<(), kestrel_registry_client::RegistryError> {
/// use kestrel_registry_client::{Level, RegistryClient, Schema};
///
/// let client = RegistryClient::new("http://127.0.0.1:8081")?;
/// let positions = client.subject("truck_gps-value");
/// positions.set_config(Level::Full).await?;
/// let schema = Schema::avro(r#"{"type": "record", "name": "Position", "fields": [{"name": "truck", "type": "int"}]}"#);
/// let verdict = positions.compatibility(&schema).verbose().await?;
/// if verdict.is_compatible {
///     let registered = positions.register(&schema).await?;
///     println!("id {:?}, version {:?}", registered.id, registered.version);
/// }
/// for version in positions.versions().await? {
///     println!("{:?}", positions.version(version).await?);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RegistryClient {
    sender: Arc<Sender>,
}

impl RegistryClient {
    /// A client of the registry at this URL, with the defaults of [`builder`](Self::builder). It connects when it is used.
    ///
    /// `http://` is spoken to any host, because registries inside of a network often have no certificate.
    ///
    /// # Errors
    /// [`RegistryErrorKind::Config`](crate::RegistryErrorKind::Config) when it is no URL.
    pub fn new(url: impl Into<String>) -> Result<Self, RegistryError> {
        Self::builder(url).build()
    }

    /// Configures a client of the registry at this URL.
    pub fn builder(url: impl Into<String>) -> RegistryClientBuilder {
        RegistryClientBuilder::new(url)
    }

    pub(crate) fn over(sender: Sender) -> Self {
        Self { sender: Arc::new(sender) }
    }

    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }
}

/// With a cache that knows nothing yet.
impl From<RegistryClient> for Registry {
    fn from(client: RegistryClient) -> Self {
        Self::new(client)
    }
}

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.sender.addresses().map(ToString::to_string).collect();
        f.debug_struct("RegistryClient").field("urls", &urls).finish_non_exhaustive()
    }
}
