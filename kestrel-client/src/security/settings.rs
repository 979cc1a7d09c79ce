//! Settings of security: what the `ssl.*` and `sasl.*` properties of Java's client and of librdkafka mean here.

use kestrel_security::sasl::{JaasConfig, LoginModule, Mechanism, ScramMechanism};
#[cfg(feature = "tls")]
use kestrel_security::tls::{ClientTls, StoreSettings, TlsError, TlsVersions};
use kestrel_settings::Secret;

use super::{Sasl, SecurityProtocol};
use crate::config::{SECURITY, SecurityConfig};
use crate::error::Error;

/// A secret that was set.
fn given(secret: &Secret) -> Option<&Secret> {
    Some(secret).filter(|secret| !secret.expose().is_empty())
}

/// The certificates that the settings name, and how closely those of brokers are looked at.
#[cfg(feature = "tls")]
pub(super) fn tls(config: &SecurityConfig) -> Result<ClientTls, Error> {
    let stores = stores(config);
    let mut tls = match stores.trust().map_err(|error| of_tls(&error))? {
        Some(trust) => ClientTls::trusting(trust),
        None => ClientTls::native_roots(),
    };
    if let Some(identity) = stores.identity().map_err(|error| of_tls(&error))? {
        tls = tls.client_cert(identity);
    }
    let versions: TlsVersions = config.enabled_protocols.parse().map_err(|error| of_tls(&error))?;
    tls = tls.versions(versions);
    if !config.endpoint_identification.eq_ignore_ascii_case("https") {
        tls = tls.danger_without_host_name_check();
    }
    if !config.certificate_verification {
        tls = tls.danger_without_any_check();
    }
    warn_of_unchecked(config);
    Ok(tls)
}

/// Warns when somebody on the way could pass for a broker.
#[cfg(feature = "tls")]
fn warn_of_unchecked(config: &SecurityConfig) {
    if !config.certificate_verification {
        let name = SECURITY.certificate_verification.name;
        tracing::warn!("the setting {name} is false: everybody on the way can pass for a broker");
    } else if !config.endpoint_identification.eq_ignore_ascii_case("https") {
        let name = SECURITY.endpoint_identification.name;
        tracing::warn!(
            "the setting {name} is not https: whoever has any certificate of a trusted authority can pass for a broker"
        );
    }
}

#[cfg(feature = "tls")]
fn stores(config: &SecurityConfig) -> StoreSettings {
    let chosen = |kind: &kestrel_settings::Chosen<String>| kind.is_chosen().then(|| (**kind).clone());
    let secret = |secret| given(secret).cloned();
    StoreSettings {
        keystore_type: chosen(&config.keystore_type),
        keystore_location: config.keystore_location.clone(),
        keystore_password: secret(&config.keystore_password),
        keystore_certificate_chain: secret(&config.keystore_certificate_chain),
        keystore_key: secret(&config.keystore_key),
        key_password: secret(&config.key_password),
        truststore_type: chosen(&config.truststore_type),
        truststore_location: config.truststore_location.clone(),
        truststore_password: secret(&config.truststore_password),
        truststore_certificates: secret(&config.truststore_certificates),
        ca_location: config.ca_location.clone(),
        certificate_location: config.certificate_location.clone(),
        key_location: config.key_location.clone(),
    }
}

/// Certificates, keys or settings of TLS that cannot be used, as an error of the settings.
#[cfg(feature = "tls")]
pub(super) fn of_tls(error: &TlsError) -> Error {
    Error::config("ssl", crate::error::Chain(error).to_string())
}

/// The login that the settings name.
pub(super) fn sasl(config: &SecurityConfig) -> Result<Sasl, Error> {
    let mechanism = mechanism(&config.mechanism)?;
    let jaas = match given(&config.jaas_config) {
        Some(text) => Some(jaas(text, mechanism)?),
        None => None,
    };
    match mechanism {
        Mechanism::OAuthBearer => oauthbearer(config, jaas.as_ref()),
        Mechanism::Plain => {
            let (user, password) = user_and_password(config, jaas.as_ref())?;
            Ok(Sasl::plain(user, password.expose()))
        }
        Mechanism::ScramSha256 => scram(ScramMechanism::Sha256, config, jaas.as_ref()),
        Mechanism::ScramSha512 => scram(ScramMechanism::Sha512, config, jaas.as_ref()),
    }
}

fn mechanism(name: &str) -> Result<Mechanism, Error> {
    let name = name.trim();
    name.to_ascii_uppercase().parse().map_err(|_| {
        let advice = match name {
            "GSSAPI" => " (Apache Kafka's default, Kerberos, is not there)",
            "AWS_MSK_IAM" => " (MSK takes OAUTHBEARER as well, with a token of `oauth`)",
            _ => "",
        };
        let names: Vec<_> = Mechanism::ALL.iter().map(|mechanism| mechanism.name()).collect();
        Error::config(
            SECURITY.mechanism.name,
            format!("`{name}`: expected {}, or `.sasl(..)`{advice}", names.join(", ")),
        )
    })
}

/// Reads the login module of `sasl.jaas.config`, which has to be the one of `mechanism`.
fn jaas(text: &Secret, mechanism: Mechanism) -> Result<JaasConfig, Error> {
    let refused = |problem: String| Error::config(SECURITY.jaas_config.name, problem);
    let jaas = JaasConfig::parse(text.expose()).map_err(|error| refused(error.to_string()))?;
    let (expected, class) = match mechanism {
        Mechanism::Plain => (LoginModule::Plain, "PlainLoginModule"),
        Mechanism::ScramSha256 | Mechanism::ScramSha512 => (LoginModule::Scram, "ScramLoginModule"),
        Mechanism::OAuthBearer => (LoginModule::OAuthBearer, "OAuthBearerLoginModule"),
    };
    match jaas.login_module() {
        Some(module) if module == expected => Ok(jaas),
        _ => Err(refused(format!("the login module of {mechanism} is {class}, and it names another one"))),
    }
}

fn scram(
    mechanism: ScramMechanism,
    config: &SecurityConfig,
    jaas: Option<&JaasConfig>,
) -> Result<Sasl, Error> {
    let (user, password) = user_and_password(config, jaas)?;
    let is_token = jaas.and_then(|jaas| jaas.option("tokenauth"));
    if is_token.is_some_and(|value| value.expose().eq_ignore_ascii_case("true")) {
        return Ok(Sasl::delegation_token(mechanism, &user, password));
    }
    Ok(match mechanism {
        ScramMechanism::Sha256 => Sasl::scram_sha_256(user, password.expose()),
        ScramMechanism::Sha512 => Sasl::scram_sha_512(user, password.expose()),
    })
}

/// User and password from one of the two places that have them.
fn user_and_password(config: &SecurityConfig, jaas: Option<&JaasConfig>) -> Result<(String, Secret), Error> {
    let (of_jaas, [user_key, password_key]) =
        (SECURITY.jaas_config.name, [SECURITY.username.name, SECURITY.password.name]);
    let missing =
        |key: &str, what: &str| Error::config(key, format!("{what} is required for {}", config.mechanism));
    match (jaas, &config.username, given(&config.password)) {
        (Some(jaas), None, None) => {
            let option = |name: &str| {
                jaas.option(name)
                    .cloned()
                    .ok_or_else(|| missing(of_jaas, &format!("the option {name}=\"…\"")))
            };
            Ok((option("username")?.expose().to_owned(), option("password")?))
        }
        (Some(_), _, _) => Err(Error::config(
            of_jaas,
            format!("says the same as {user_key} and {password_key}: say it once"),
        )),
        (None, Some(user), Some(password)) => Ok((user.clone(), password.clone())),
        (None, None, None) => {
            Err(missing(of_jaas, &format!("it, or {user_key} with {password_key}, or `.sasl(..)`,")))
        }
        (None, None, Some(_)) => Err(missing(user_key, "the user")),
        (None, Some(_), None) => Err(missing(password_key, "the password")),
    }
}

#[cfg(feature = "oidc")]
fn oauthbearer(config: &SecurityConfig, jaas: Option<&JaasConfig>) -> Result<Sasl, Error> {
    Ok(Sasl::oauthbearer(crate::oauth::of_settings(config, jaas)?))
}

#[cfg(not(feature = "oidc"))]
fn oauthbearer(config: &SecurityConfig, _: Option<&JaasConfig>) -> Result<Sasl, Error> {
    Err(match config.token_endpoint_url {
        Some(_) => Error::config(
            SECURITY.token_endpoint_url.name,
            "needs the feature `oidc` of the crate kestrel-client, which is off",
        ),
        None => Error::config(
            SECURITY.mechanism.name,
            "a provider of tokens is missing: `.sasl(Sasl::oauthbearer(..))`",
        ),
    })
}

/// The settings of encryption that are not as they are by default.
pub(super) fn set_for_tls(config: &SecurityConfig) -> Vec<&'static str> {
    let default = SecurityConfig::default();
    let keys = &SECURITY;
    names(&[
        (config.truststore_location.is_some(), keys.truststore_location.name),
        (config.ca_location.is_some(), keys.ca_location.name),
        (given(&config.truststore_certificates).is_some(), keys.truststore_certificates.name),
        (config.truststore_type.is_chosen(), keys.truststore_type.name),
        (given(&config.truststore_password).is_some(), keys.truststore_password.name),
        (config.keystore_location.is_some(), keys.keystore_location.name),
        (config.keystore_type.is_chosen(), keys.keystore_type.name),
        (given(&config.keystore_password).is_some(), keys.keystore_password.name),
        (given(&config.keystore_certificate_chain).is_some(), keys.keystore_certificate_chain.name),
        (given(&config.keystore_key).is_some(), keys.keystore_key.name),
        (config.certificate_location.is_some(), keys.certificate_location.name),
        (config.key_location.is_some(), keys.key_location.name),
        (given(&config.key_password).is_some(), keys.key_password.name),
        (config.enabled_protocols != default.enabled_protocols, keys.enabled_protocols.name),
        (
            config.endpoint_identification != default.endpoint_identification,
            keys.endpoint_identification.name,
        ),
        (
            config.certificate_verification != default.certificate_verification,
            keys.certificate_verification.name,
        ),
    ])
}

/// The settings of authentication that are not as they are by default.
pub(super) fn set_for_sasl(config: &SecurityConfig) -> Vec<&'static str> {
    names(&[
        (given(&config.jaas_config).is_some(), SECURITY.jaas_config.name),
        (config.username.is_some(), SECURITY.username.name),
        (given(&config.password).is_some(), SECURITY.password.name),
        (config.token_endpoint_url.is_some(), SECURITY.token_endpoint_url.name),
        (config.oauth_client_id.is_some(), SECURITY.oauth_client_id.name),
        (given(&config.oauth_client_secret).is_some(), SECURITY.oauth_client_secret.name),
    ])
}

fn names(settings: &[(bool, &'static str)]) -> Vec<&'static str> {
    settings.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect()
}

/// Warns of settings that have no effect because `security.protocol` asks for less: often it was forgotten.
pub(super) fn warn_of_unused(config: &SecurityConfig, protocol: SecurityProtocol) {
    let for_tls = if protocol.has_tls() { Vec::new() } else { set_for_tls(config) };
    let for_sasl = if protocol.has_sasl() { Vec::new() } else { set_for_sasl(config) };
    for name in for_tls.into_iter().chain(for_sasl) {
        tracing::warn!("the setting {name} has no effect, because {} is {protocol}", SECURITY.protocol.name);
    }
}
