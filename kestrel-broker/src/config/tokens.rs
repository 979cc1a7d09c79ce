//! Tokens of OAUTHBEARER as the keys of a listener have them: how they are validated, and where the keys of their issuer are. Pure.
//!
//! Classes that Apache Kafka would load are names here, of which two are known: who signed a token is checked, or nothing is.

use std::time::Duration;

use kestrel_settings::Scope::PerBroker;
use kestrel_settings::settings;

settings! {
    /// What the keys of OAUTHBEARER say, for a listener or for the mechanism of a listener.
    pub(super) struct TokenSettings, keys TOKENS: TokenKeys;

    /// The addresses that sasl.oauthbearer.jwks.endpoint.url may have, written as there. A system property of Apache Kafka's, and
    /// a key here: an address that gets into the settings by mistake leads nowhere.
    allowed_urls: String, "org.apache.kafka.sasl.oauthbearer.allowed.urls", List, "", [any];
    /// By how many seconds the clock of who issues tokens may differ.
    clock_skew: i32, "sasl.oauthbearer.clock.skew.seconds", Int, "30", [0..];
    /// For whom a token has to be: one of these in its claim aud. Without any, a token that is for somebody is refused.
    expected_audience: String, "sasl.oauthbearer.expected.audience", List, "", [any];
    /// Who has to have issued a token: its claim iss. Without it anybody may whose key is known.
    expected_issuer: Option<String>, "sasl.oauthbearer.expected.issuer", String, null, [any];
    /// How often the keys of the issuer are fetched again, in milliseconds. A file is looked at every second.
    refresh: Duration, "sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, "3600000", [1..];
    /// How many milliseconds to wait at most before keys that could not be fetched are asked for again.
    retry_backoff_max: Duration, "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, "10000", [1..];
    /// How many milliseconds to wait before keys that could not be fetched are asked for again; doubled with each failure.
    retry_backoff: Duration, "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, "100", [1..];
    /// The class that validates tokens. Both are the same here, and no other one is known.
    jwt_validator: String, "sasl.oauthbearer.jwt.validator.class", Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", ["org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator" | "org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator"];
    /// Where the keys of the issuer of tokens are (a JWKS document): an https:// address, http:// on the same machine, or a
    /// file:// that is read again when it changes. It has to be one of org.apache.kafka.sasl.oauthbearer.allowed.urls.
    jwks_url: Option<String>, "sasl.oauthbearer.jwks.endpoint.url", String, null, [any];
    /// The claim of a token that has its scopes.
    scope_claim: String, "sasl.oauthbearer.scope.claim.name", String, "scope", [any];
    /// The claim of a token that has the name of the user.
    subject_claim: String, "sasl.oauthbearer.sub.claim.name", String, "sub", [any];
    /// How tokens are validated: org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler, by the keys of
    /// their issuer, or
    /// org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler, not at
    /// all. Given to the mechanism of a listener, as listener.name.NAME.oauthbearer.sasl.server.callback.handler.class. No class
    /// is loaded, and no other one is known.
    validator: Option<String>, "sasl.server.callback.handler.class", Class, null, ["org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler" | "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"], scope: PerBroker;
}

/// The key of the addresses that keys of issuers may have.
pub(crate) const ALLOWED_URLS_KEY: &str = TOKENS.allowed_urls.name;
/// The key of the address of the keys of an issuer.
pub(crate) const JWKS_URL_KEY: &str = TOKENS.jwks_url.name;
/// The key of how tokens are validated.
pub(crate) const VALIDATOR_KEY: &str = TOKENS.validator.name;
/// The value of that key for tokens that are not validated.
pub(crate) const UNSECURED_VALIDATOR: &str = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler";

/// How tokens are validated: not at all in this build, which takes none.
#[cfg(not(feature = "oauthbearer"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenChecks {}

#[cfg(not(feature = "oauthbearer"))]
impl TokenChecks {
    pub(super) fn new(
        raw: &kestrel_settings::RawSettings,
        _: Option<&kestrel_security::sasl::JaasConfig>,
    ) -> Result<Self, kestrel_settings::InvalidSetting> {
        Err(raw.invalid(&TOKENS.jwks_url, "a build that takes tokens (the feature oauthbearer)"))
    }

    /// Nothing: no listener takes any.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        match *self {}
    }
}

#[cfg(feature = "oauthbearer")]
pub(crate) use with_tokens::{KeySource, SignedChecks, TokenChecks};

#[cfg(feature = "oauthbearer")]
mod with_tokens {
    use std::path::PathBuf;
    use std::time::Duration;

    use kestrel_security::http::HttpAddress;
    use kestrel_security::jwt::{SignedTokens, UnsecuredTokens};
    use kestrel_security::sasl::JaasConfig;
    use kestrel_security::tls::ClientTls;
    use kestrel_settings::{InvalidSetting, RawSettings, list};

    use super::{TOKENS, TokenSettings, UNSECURED_VALIDATOR};

    /// How tokens of a listener are validated.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum TokenChecks {
        /// By the keys of their issuer.
        Signed(Box<SignedChecks>),
        /// Not at all.
        Unsecured(UnsecuredTokens),
    }

    /// How tokens that an issuer has signed are validated.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct SignedChecks {
        /// What they have to say.
        pub(crate) tokens: SignedTokens,
        /// Where the keys are.
        pub(crate) source: KeySource,
        /// How often the keys are fetched.
        pub(crate) refresh: Duration,
        /// How long to wait after a first failure.
        pub(crate) retry_backoff: Duration,
        /// How long to wait after many.
        pub(crate) retry_backoff_max: Duration,
    }

    /// Where the keys of an issuer are.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum KeySource {
        /// In a file.
        File(PathBuf),
        /// At an address, whose certificate is one of an authority that is trusted.
        Url(HttpAddress, ClientTls),
    }

    impl TokenChecks {
        /// What the settings of a mechanism mean, with the options of its login line.
        ///
        /// # Errors
        /// When they do not say how tokens are validated, or cannot be.
        pub(in super::super) fn new(
            raw: &RawSettings,
            jaas: Option<&JaasConfig>,
        ) -> Result<Self, InvalidSetting> {
            let mut settings = TokenSettings::default();
            raw.apply(TokenSettings::ROWS, &mut settings)?;
            match (settings.validator.as_deref() == Some(UNSECURED_VALIDATOR), &settings.jwks_url) {
                (true, None) => unsecured(raw, jaas).map(Self::Unsecured),
                (true, Some(_)) => {
                    let expected =
                        "not to be given where tokens are not validated (sasl.server.callback.handler.class)";
                    Err(raw.invalid(&TOKENS.jwks_url, expected))
                }
                (false, Some(url)) => {
                    let source = key_source(raw, url, &settings, jaas)?;
                    Ok(Self::Signed(Box::new(settings.signed(source))))
                }
                (false, None) => Err(raw.invalid(&TOKENS.jwks_url, NO_KEYS)),
            }
        }

        /// What somebody should know who runs a broker with these.
        pub(crate) fn warnings(&self) -> Vec<&'static str> {
            match self {
                Self::Unsecured(_) => {
                    vec![
                        "tokens are not validated: whoever can connect can be any user, which is for development alone",
                    ]
                }
                Self::Signed(signed) => {
                    let tokens = &signed.tokens;
                    let issuer = tokens.expected_issuer.is_none().then_some(
                        "tokens of any issuer with a known key are taken: sasl.oauthbearer.expected.issuer names the right one",
                    );
                    let audience = tokens.expected_audience.is_empty().then_some(
                        "tokens that do not say for whom they are are taken: sasl.oauthbearer.expected.audience names this cluster",
                    );
                    issuer.into_iter().chain(audience).collect()
                }
            }
        }
    }

    /// What is missing where Apache Kafka would take tokens that nobody has signed.
    const NO_KEYS: &str = "the address of the keys of who issues tokens; or, for development, tokens that nobody has signed: \
        --unsecured-tokens, or sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler";

    impl TokenSettings {
        fn signed(&self, source: KeySource) -> SignedChecks {
            let tokens = SignedTokens {
                expected_issuer: self.expected_issuer.clone().filter(|issuer| !issuer.trim().is_empty()),
                expected_audience: list(&self.expected_audience).map(str::to_owned).collect(),
                scope_claim: self.scope_claim.clone(),
                subject_claim: self.subject_claim.clone(),
                clock_skew: Duration::from_secs(u64::from(self.clock_skew.unsigned_abs())),
            };
            SignedChecks {
                tokens,
                source,
                refresh: self.refresh,
                retry_backoff: self.retry_backoff,
                retry_backoff_max: self.retry_backoff_max.max(self.retry_backoff),
            }
        }
    }

    /// The source of keys that an address names, if the list allows it (CVE-2025-27817).
    fn key_source(
        raw: &RawSettings,
        url: &str,
        settings: &TokenSettings,
        jaas: Option<&JaasConfig>,
    ) -> Result<KeySource, InvalidSetting> {
        let invalid = |expected: String| raw.invalid(&TOKENS.jwks_url, expected);
        if !list(&settings.allowed_urls).any(|allowed| allowed == url.trim()) {
            let allowed = TOKENS.allowed_urls.name;
            return Err(invalid(format!("an address that is allowed: {allowed}={}", url.trim())));
        }
        if let Some(file) = url.trim().strip_prefix("file:") {
            let path =
                file_path(file).ok_or_else(|| invalid("a file as file:///folder/jwks.json".to_owned()))?;
            return Ok(KeySource::File(path));
        }
        let address = HttpAddress::parse(url).map_err(|error| invalid(format!("an address: {error}")))?;
        let ca = jaas.and_then(|jaas| jaas.option("ssl.truststore.location"));
        let tls = ca.map_or_else(ClientTls::native_roots, |ca| ClientTls::ca_file(ca.expose()));
        Ok(KeySource::Url(address, tls))
    }

    /// The path of a file's address, behind `file:`: of this machine, and with escapes.
    fn file_path(address: &str) -> Option<PathBuf> {
        let path = match address.strip_prefix("//") {
            Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
            None => address,
        };
        if !path.starts_with('/') {
            return None;
        }
        let mut bytes = Vec::with_capacity(path.len());
        let mut rest = path.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                    u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
                }
                byte => byte,
            });
        }
        String::from_utf8(bytes).ok().map(PathBuf::from)
    }

    /// The rules for tokens that nobody has signed, from options of the login line that are Apache Kafka's.
    fn unsecured(raw: &RawSettings, jaas: Option<&JaasConfig>) -> Result<UnsecuredTokens, InvalidSetting> {
        let option = |name: &str| {
            let value = jaas?.option(name)?.expose().trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let defaults = UnsecuredTokens::default();
        let skew = option("unsecuredValidatorAllowableClockSkewMs")
            .map(|millis| millis.parse().map(Duration::from_millis));
        let skew = skew.transpose().map_err(|_| {
            raw.invalid(
                &super::super::sasl::SASL.jaas_config,
                "milliseconds as unsecuredValidatorAllowableClockSkewMs",
            )
        })?;
        Ok(UnsecuredTokens {
            principal_claim: option("unsecuredValidatorPrincipalClaimName")
                .unwrap_or(defaults.principal_claim),
            scope_claim: option("unsecuredValidatorScopeClaimName").unwrap_or(defaults.scope_claim),
            required_scope: option("unsecuredValidatorRequiredScope")
                .map(|scopes| scopes.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            clock_skew: skew.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
#[cfg(feature = "oauthbearer")]
mod tests;
