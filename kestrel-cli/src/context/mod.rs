//! Contexts: clusters that have names here. A context is a client.properties with a name.
//!
//! So a file that Apache Kafka's own tools read can be taken over as it is, and one of ours be given to them; the few keys that are not
//! the client's (marks, the registry) are in [`properties`]. [`resolve()`] says which cluster a command line is about.

mod properties;
mod resolve;
mod store;

use kestrel_registry_client::RegistryClient;

use crate::failure::Failure;
use crate::options::Color;

pub(crate) use properties::{Properties, is_secret};
pub(crate) use resolve::{apply_options, resolve};
pub(crate) use store::ContextStore;

/// Kestrel's own keys in a context.
pub(crate) const PRODUCTION: &str = "kestrel.production";
pub(crate) const READ_ONLY: &str = "kestrel.read.only";
pub(crate) const HIGHLIGHT: &str = "kestrel.highlight";
/// The registry's keys, as serializers of Java have them.
pub(crate) const REGISTRY_URL: &str = "schema.registry.url";
const REGISTRY_USER: &str = "basic.auth.user.info";
const REGISTRY_TOKEN: &str = "bearer.auth.token";
/// What says where the registry's user comes from: here it is always from the context.
const REGISTRY_USER_SOURCE: &str = "basic.auth.credentials.source";
const OWN: [&str; 7] =
    [PRODUCTION, READ_ONLY, HIGHLIGHT, REGISTRY_URL, REGISTRY_USER, REGISTRY_TOKEN, REGISTRY_USER_SOURCE];

/// A cluster, who one is there, and how careful one has to be.
#[derive(Debug)]
pub(crate) struct Context {
    name: Option<String>,
    properties: Properties,
    is_production: bool,
    is_read_only: bool,
    highlight: Option<Color>,
}

impl Context {
    /// A cluster without a name.
    pub(crate) fn unnamed(properties: Properties) -> Result<Self, Failure> {
        Ok(Self {
            name: None,
            is_production: flag(&properties, PRODUCTION)?,
            is_read_only: flag(&properties, READ_ONLY)?,
            highlight: properties.get(HIGHLIGHT).map(color).transpose()?,
            properties,
        })
    }

    /// The context of this name.
    pub(crate) fn named(name: impl Into<String>, properties: Properties) -> Result<Self, Failure> {
        Ok(Self { name: Some(name.into()), ..Self::unnamed(properties)? })
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) const fn properties(&self) -> &Properties {
        &self.properties
    }

    /// Whether a change is asked for first.
    pub(crate) const fn is_production(&self) -> bool {
        self.is_production
    }

    /// Whether nothing may be changed.
    pub(crate) const fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// The colour that the context's name is shown in: red for production, unless it has another one.
    pub(crate) fn highlight(&self) -> Option<Color> {
        self.highlight.or_else(|| self.is_production.then_some(Color::Red))
    }

    /// What is for the client: everything but Kestrel's own keys and the registry's.
    pub(crate) fn client_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.properties.iter().filter(|(key, _)| !OWN.contains(key))
    }

    /// Whether a schema registry is known.
    pub(crate) fn has_registry(&self) -> bool {
        self.properties.get(REGISTRY_URL).is_some()
    }

    /// The schema registry of the cluster.
    pub(crate) fn registry(&self) -> Result<RegistryClient, Failure> {
        let urls = self.properties.get(REGISTRY_URL).ok_or_else(|| {
            Failure::new("no schema registry is known")
                .remedy("--registry URL names it, and so does schema.registry.url in a context.")
        })?;
        let mut urls = urls.split(',').map(str::trim);
        let mut builder = RegistryClient::builder(urls.next().unwrap_or_default());
        for url in urls {
            builder = builder.url(url);
        }
        if let Some(user) = self.properties.get(REGISTRY_USER) {
            let (name, password) = user
                .split_once(':')
                .ok_or_else(|| Failure::new(format!("{REGISTRY_USER}: expected NAME:PASSWORD")))?;
            builder = builder.basic_auth(name, password);
        }
        if let Some(token) = self.properties.get(REGISTRY_TOKEN) {
            builder = builder.bearer_token(token);
        }
        Ok(builder.build()?)
    }
}

fn flag(properties: &Properties, key: &str) -> Result<bool, Failure> {
    match properties.get(key) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(Failure::new(format!("{key}: `{other}`: expected true or false"))),
    }
}

fn color(name: &str) -> Result<Color, Failure> {
    <Color as clap::ValueEnum>::from_str(name, true)
        .map_err(|_| Failure::new(format!("{HIGHLIGHT}: `{name}`: expected a colour such as red or yellow")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(text: &str) -> Result<Context, Failure> {
        Context::named("shop", Properties::parse(text, "a test").unwrap())
    }

    #[test]
    fn the_client_gets_what_is_its_own() {
        let text =
            "bootstrap.servers=a:1\nkestrel.production=true\nschema.registry.url=http://r\nlinger.ms=5";
        let context = context(text).unwrap();
        let client: Vec<_> = context.client_properties().collect();
        assert_eq!(client, [("bootstrap.servers", "a:1"), ("linger.ms", "5")]);
        assert!(context.is_production() && !context.is_read_only());
        assert_eq!(context.highlight(), Some(Color::Red));
    }

    #[test]
    fn marks_are_checked() {
        assert!(context("kestrel.production=yes").is_err());
        assert!(context("kestrel.highlight=loud").is_err());
        assert_eq!(context("kestrel.highlight=yellow").unwrap().highlight(), Some(Color::Yellow));
    }

    #[test]
    fn a_registry_needs_an_address_and_a_whole_user() {
        assert!(context("").unwrap().registry().is_err());
        assert!(context("schema.registry.url=http://a,http://b").unwrap().registry().is_ok());
        let half = "schema.registry.url=http://a\nbasic.auth.user.info=ada";
        assert!(context(half).unwrap().registry().is_err());
    }
}
