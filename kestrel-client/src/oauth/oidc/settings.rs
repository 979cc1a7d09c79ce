//! What the properties of Java's client and of librdkafka say of a token endpoint.

use kestrel_security::sasl::JaasConfig;
use kestrel_settings::Secret;

use super::{ClientCredentials, Limits};
use crate::config::{SECURITY, SecurityConfig};
use crate::error::Error;
use crate::security::Tls;

/// What begins the name of an option of `sasl.jaas.config` that is an extension.
const EXTENSION: &str = "extension_";

/// The provider of tokens that the settings name.
///
/// # Errors
/// [`Error::Config`] when the endpoint, the id or the secret is missing or cannot be.
pub(crate) fn of_settings(
    config: &SecurityConfig,
    jaas: Option<&JaasConfig>,
) -> Result<ClientCredentials, Error> {
    let url_key = SECURITY.token_endpoint_url.name;
    let Some(url) = &config.token_endpoint_url else {
        let problem = "is required for OAUTHBEARER, or a provider of tokens: `.sasl(Sasl::oauthbearer(..))`";
        return Err(Error::config(url_key, problem));
    };
    let option = |name: &str| jaas.and_then(|jaas| jaas.option(name)).map(|value| value.expose().to_owned());
    let id = config.oauth_client_id.clone().or_else(|| option("clientId"));
    let secret = Some(&config.oauth_client_secret).filter(|secret| !secret.expose().is_empty());
    let secret = secret.map(Secret::expose).map(str::to_owned).or_else(|| option("clientSecret"));
    let missing = |key: &str, of_jaas: &str| {
        Error::config(
            key,
            format!("is required for OAUTHBEARER, here or as {of_jaas} of {}", SECURITY.jaas_config.name),
        )
    };
    let id = id.ok_or_else(|| missing(SECURITY.oauth_client_id.name, "clientId"))?;
    let secret = secret.ok_or_else(|| missing(SECURITY.oauth_client_secret.name, "clientSecret"))?;
    let credentials = ClientCredentials::new(url, id, secret);
    let mut credentials = credentials.map_err(|error| Error::config(url_key, error.to_string()))?;
    credentials.scope = config.oauth_scope.clone().or_else(|| option("scope"));
    credentials.escapes_header = config.oauth_header_urlencode;
    credentials.limits = Limits {
        connect: config.login_connect_timeout.unwrap_or(credentials.limits.connect),
        read: config.login_read_timeout.unwrap_or(credentials.limits.read),
        retry_backoff: config.login_retry_backoff,
        retry_backoff_max: config.login_retry_backoff_max.max(config.login_retry_backoff),
    };
    if let Some(path) = config.https_ca_location.clone().or_else(|| option("ssl.truststore.location")) {
        credentials = credentials.tls(Tls::ca_file(path));
    }
    with_extensions(credentials, config, jaas)
}

/// Those of librdkafka's `name=value,…`, and those that are options in Java.
fn with_extensions(
    mut credentials: ClientCredentials,
    config: &SecurityConfig,
    jaas: Option<&JaasConfig>,
) -> Result<ClientCredentials, Error> {
    let key = SECURITY.oauth_extensions.name;
    for pair in config
        .oauth_extensions
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Error::config(key, "expected name=value,name=value"))?;
        credentials.extensions.insert(name, value).map_err(|error| Error::config(key, error.to_string()))?;
    }
    for (name, value) in jaas.iter().flat_map(|jaas| jaas.options()) {
        if let Some(name) = name.strip_prefix(EXTENSION) {
            let inserted = credentials.extensions.insert(name, value.expose());
            inserted.map_err(|error| Error::config(SECURITY.jaas_config.name, error.to_string()))?;
        }
    }
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";

    fn endpoint() -> SecurityConfig {
        SecurityConfig {
            token_endpoint_url: Some("https://issuer.example/token".into()),
            ..SecurityConfig::default()
        }
    }

    fn jaas(options: &str) -> JaasConfig {
        JaasConfig::parse(&format!("{MODULE} required {options};")).unwrap()
    }

    #[test]
    fn id_and_secret_come_from_keys_or_from_options() {
        let options = "clientId=\"the id\" clientSecret=opensesame scope=all extension_pool=\"p-1\"";
        let of_jaas = of_settings(&endpoint(), Some(&jaas(options))).unwrap();
        let keys = SecurityConfig {
            oauth_client_id: Some("the id".into()),
            oauth_client_secret: Secret::new("opensesame"),
            oauth_scope: Some("all".into()),
            oauth_extensions: Some("pool=p-1, ".into()),
            login_read_timeout: Some(std::time::Duration::from_secs(1)),
            ..endpoint()
        };
        let of_keys = of_settings(&keys, Some(&jaas("clientId=other scope=other"))).unwrap();
        for credentials in [&of_jaas, &of_keys] {
            assert_eq!(credentials.client_id, "the id");
            assert_eq!(credentials.client_secret, Secret::new("opensesame"));
            assert_eq!(credentials.scope.as_deref(), Some("all"));
            assert_eq!(credentials.extensions.iter().collect::<Vec<_>>(), [("pool", "p-1")]);
        }
        let reads = [of_jaas, of_keys].map(|credentials| credentials.limits.read.as_secs());
        assert_eq!(reads, [10, 1]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let problem = |config: &SecurityConfig, options: &str| {
            of_settings(config, Some(&jaas(options))).unwrap_err().to_string()
        };
        assert!(
            problem(&SecurityConfig::default(), "")
                .starts_with("sasl.oauthbearer.token.endpoint.url: is required")
        );
        let no_id = problem(&endpoint(), "clientSecret=x");
        assert!(no_id.starts_with("sasl.oauthbearer.client.credentials.client.id: is required"), "{no_id}");
        let no_secret = problem(&endpoint(), "clientId=x");
        assert!(no_secret.starts_with("sasl.oauthbearer.client.credentials.client.secret: "), "{no_secret}");
        let bad = problem(&endpoint(), "clientId=x clientSecret=y extension_auth=z");
        assert!(bad.starts_with("sasl.jaas.config: extension `auth`"), "{bad}");
    }
}
