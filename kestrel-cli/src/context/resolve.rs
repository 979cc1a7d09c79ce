//! Which cluster a command line is about. The nearest place that names one counts: the options, the environment, the context in use.

use super::{Context, ContextStore, Properties, REGISTRY_URL};
use crate::failure::Failure;
use crate::options::GlobalArguments;

const BOOTSTRAP: &str = "bootstrap.servers";
const DEFAULT_BOOTSTRAP: &str = "localhost:9092";

/// The cluster of these options.
///
/// A context that is in use says nothing about a cluster that is named otherwise: its password would go to another's servers, and
/// its marks would be another's. Named in the same place, the servers are those of the context by another way.
pub(crate) fn resolve(
    arguments: &GlobalArguments,
    variable: impl Fn(&str) -> Option<String>,
    store: &ContextStore,
) -> Result<Context, Failure> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let names_cluster = arguments.bootstrap.is_some() || arguments.config.is_some();
    let environment = match arguments.context {
        Some(_) => [None, None, None],
        None => ["KESTREL_CONTEXT", "KESTREL_BOOTSTRAP", "KESTREL_REGISTRY"].map(variable),
    };
    let [context, bootstrap, registry] = environment;
    let name = match (&arguments.context, names_cluster) {
        (Some(name), _) => Some(name.clone()),
        (None, true) => None,
        (None, false) if context.is_some() || bootstrap.is_some() => context,
        (None, false) => store.current()?,
    };
    let mut properties = name.as_deref().map(|name| store.read(name)).transpose()?.unwrap_or_default();
    set(&mut properties, BOOTSTRAP, bootstrap);
    set(&mut properties, REGISTRY_URL, registry);
    apply_options(&mut properties, arguments)?;
    if properties.get(BOOTSTRAP).is_none() && properties.get("metadata.broker.list").is_none() {
        properties.set(BOOTSTRAP, DEFAULT_BOOTSTRAP);
    }
    match name {
        Some(name) => Context::named(name, properties),
        None => Context::unnamed(properties),
    }
}

/// What the options say about a cluster.
pub(crate) fn apply_options(properties: &mut Properties, arguments: &GlobalArguments) -> Result<(), Failure> {
    if let Some(file) = &arguments.config {
        let origin = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("{origin} cannot be read: {error}")))?;
        properties.extend(Properties::parse(&text, &origin)?);
    }
    set(properties, BOOTSTRAP, arguments.bootstrap.clone());
    set(properties, REGISTRY_URL, arguments.registry.clone());
    properties.extend(arguments.set.iter().cloned().collect());
    Ok(())
}

fn set(properties: &mut Properties, key: &str, value: Option<String>) {
    if let Some(value) = value {
        properties.set(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store with the contexts `shop` and `bank`, of which `shop` is in use.
    fn store() -> (tempfile::TempDir, ContextStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = ContextStore::at(folder.path());
        for name in ["shop", "bank"] {
            let properties = [("bootstrap.servers", format!("{name}:1")), ("linger.ms", "9".to_owned())];
            let pairs = properties.into_iter().map(|(key, value)| (key.to_owned(), value));
            store.write(name, &pairs.collect()).unwrap();
        }
        store.select("shop").unwrap();
        (folder, store)
    }

    /// The name, the servers, and whether the properties of a context are there.
    fn resolved(options: &GlobalArguments, variables: &[(&str, &str)]) -> (Option<String>, String, bool) {
        let (_folder, store) = store();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let context = resolve(options, variable, &store).unwrap();
        let servers = context.properties().get(BOOTSTRAP).unwrap().to_owned();
        let is_of_context = context.properties().get("linger.ms").is_some();
        (context.name().map(str::to_owned), servers, is_of_context)
    }

    fn options(context: Option<&str>, bootstrap: Option<&str>) -> GlobalArguments {
        let (context, bootstrap) = (context.map(str::to_owned), bootstrap.map(str::to_owned));
        GlobalArguments { context, bootstrap, ..GlobalArguments::default() }
    }

    #[test]
    fn the_nearest_place_that_names_a_cluster_counts() {
        let named = |name: &str, servers: &str| (Some(name.to_owned()), servers.to_owned(), true);
        let unnamed = |servers: &str| (None, servers.to_owned(), false);
        let environment = [("KESTREL_CONTEXT", "bank")];
        let servers = [("KESTREL_BOOTSTRAP", "e:1")];
        let both = [("KESTREL_CONTEXT", "bank"), ("KESTREL_BOOTSTRAP", "e:1")];
        assert_eq!(resolved(&options(None, None), &[]), named("shop", "shop:1"));
        assert_eq!(resolved(&options(None, None), &environment), named("bank", "bank:1"));
        assert_eq!(resolved(&options(None, None), &servers), unnamed("e:1"));
        assert_eq!(resolved(&options(None, None), &both), named("bank", "e:1"));
        assert_eq!(resolved(&options(Some("shop"), None), &both), named("shop", "shop:1"));
        assert_eq!(resolved(&options(None, Some("o:1")), &both), unnamed("o:1"));
        assert_eq!(resolved(&options(Some("shop"), Some("o:1")), &[]), named("shop", "o:1"));
        assert_eq!(resolved(&options(None, None), &[("KESTREL_CONTEXT", "")]), named("shop", "shop:1"));
    }

    #[test]
    fn a_single_property_counts_most() {
        let (_folder, store) = store();
        let set = vec![("linger.ms".to_owned(), "1".to_owned())];
        let context =
            resolve(&GlobalArguments { set, ..GlobalArguments::default() }, |_| None, &store).unwrap();
        assert_eq!(context.properties().get("linger.ms"), Some("1"));
    }

    #[test]
    fn a_context_that_is_not_there_is_no_cluster() {
        let (_folder, store) = store();
        assert!(resolve(&options(Some("shpo"), None), |_| None, &store).is_err());
    }
}
