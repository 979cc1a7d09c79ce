//! SASL as the keys of a listener have it: which mechanisms there are, and what each needs. Pure.

use std::time::Duration;

use kestrel_security::sasl::{JaasConfig, LoginModule, Mechanism};
use kestrel_settings::Scope::PerBroker;
use kestrel_settings::{InvalidSetting, RawSettings, Secret, list, settings};

use super::listener_keys::{login_line_key, settings_of_listener, settings_of_mechanism};
use super::tokens::TokenChecks;

settings! {
    /// What the keys of SASL say, for a listener or for one mechanism of a listener.
    pub(super) struct SaslSettings, keys SASL: SaslKeys;

    /// After how many milliseconds a client that logged in has to do so again, or its next request ends the connection (KIP-368);
    /// 0: never. A token that ends earlier counts.
    max_reauth: Option<Duration>, "connections.max.reauth.ms", Long, "0", [any];
    /// The mechanisms by which clients of a listener with SASL may log in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER.
    enabled_mechanisms: String, "sasl.enabled.mechanisms", List, "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", [any], scope: PerBroker;
    /// The users of PLAIN: `PlainLoginModule required user_NAME="PASSWORD" …;`. Given to the mechanism of a listener, as
    /// `listener.name.NAME.plain.sasl.jaas.config`. That of OAUTHBEARER has options for tokens that nobody has signed
    /// (`unsecuredValidator…`), and `ssl.truststore.location`, whom to trust where the keys are. No other one is read.
    jaas_config: Secret, "sasl.jaas.config", Password, null, [any], scope: PerBroker;
    /// How large a request may be, in bytes, before its sender has logged in.
    max_receive_bytes: usize, "sasl.server.max.receive.size", Int, "524288", [1..];
}

/// The key of the mechanisms that are enabled.
pub(crate) const MECHANISMS_KEY: &str = SASL.enabled_mechanisms.name;

/// How the clients of a listener log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SaslListener {
    /// The mechanisms, in the order in which clients are told them: at least one.
    pub(crate) mechanisms: Vec<EnabledMechanism>,
    /// `sasl.server.max.receive.size`: the largest frame before a client has logged in.
    pub(crate) max_receive_bytes: usize,
}

/// A mechanism by which clients of a listener may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnabledMechanism {
    /// Which one.
    pub(crate) mechanism: Mechanism,
    /// `connections.max.reauth.ms`: how long a session lasts at most.
    pub(crate) max_reauth: Option<Duration>,
    /// The users of PLAIN.
    pub(crate) plain_users: Vec<(String, Secret)>,
    /// How tokens of OAUTHBEARER are validated.
    pub(crate) tokens: Option<TokenChecks>,
}

impl SaslListener {
    /// Reads what is said for a listener.
    ///
    /// # Errors
    /// When a mechanism is not there, or none is enabled, and when a value is not one that its key takes.
    pub(super) fn new(raw: &RawSettings, listener: &str) -> Result<Self, InvalidSetting> {
        let scoped = settings_of_listener(raw, listener);
        let settings = read(&scoped)?;
        let mut mechanisms: Vec<EnabledMechanism> = Vec::new();
        for name in list(&settings.enabled_mechanisms) {
            let mechanism = name.parse();
            let mechanism =
                mechanism.map_err(|_| scoped.invalid(&SASL.enabled_mechanisms, supported(name)))?;
            if !mechanisms.iter().any(|enabled| enabled.mechanism == mechanism) {
                mechanisms.push(EnabledMechanism::new(raw, listener, mechanism)?);
            }
        }
        if mechanisms.is_empty() {
            return Err(scoped.invalid(&SASL.enabled_mechanisms, "at least one mechanism"));
        }
        Ok(Self { mechanisms, max_receive_bytes: settings.max_receive_bytes })
    }
}

/// Reads the table.
fn read(raw: &RawSettings) -> Result<SaslSettings, InvalidSetting> {
    let mut settings = SaslSettings::default();
    raw.apply(SaslSettings::ROWS, &mut settings).map(|()| settings)
}

/// What would do in place of a mechanism that is not there.
fn supported(name: &str) -> String {
    let why = match name {
        "GSSAPI" => "; Kerberos is not there",
        _ => "",
    };
    format!("some of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER{why}")
}

impl EnabledMechanism {
    fn new(raw: &RawSettings, listener: &str, mechanism: Mechanism) -> Result<Self, InvalidSetting> {
        let scoped = settings_of_mechanism(raw, listener, mechanism.name());
        let settings = read(&scoped)?;
        // As Apache Kafka: a line without the prefix is that of a client, or of another mechanism.
        let has_line = raw.has(&login_line_key(listener, mechanism));
        let line = has_line.then(|| login_line(&settings.jaas_config, mechanism)).transpose();
        let line = line.map_err(|problem| scoped.invalid(&SASL.jaas_config, problem))?.flatten();
        let plain_users = line.iter().filter(|_| mechanism == Mechanism::Plain).flat_map(JaasConfig::users);
        let plain_users = plain_users.map(|(user, password)| (user.to_owned(), password.clone())).collect();
        let takes_tokens = mechanism == Mechanism::OAuthBearer;
        let tokens = takes_tokens.then(|| TokenChecks::new(&scoped, line.as_ref())).transpose()?;
        let max_reauth = settings.max_reauth.filter(|limit| !limit.is_zero());
        Ok(Self { mechanism, max_reauth, plain_users, tokens })
    }
}

/// The login line of a mechanism that has a use for one. The name of its class is compared, and nothing is loaded by it.
fn login_line(line: &Secret, mechanism: Mechanism) -> Result<Option<JaasConfig>, String> {
    let (module, expected) = match mechanism {
        Mechanism::Plain => (LoginModule::Plain, "the line of a PlainLoginModule"),
        Mechanism::OAuthBearer => (LoginModule::OAuthBearer, "the line of an OAuthBearerLoginModule"),
        _ => return Ok(None),
    };
    let line = JaasConfig::parse(line.expose()).map_err(|error| error.to_string())?;
    if line.login_module() != Some(module) {
        return Err(expected.to_owned());
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sasl(said: &[(&str, &str)]) -> Result<SaslListener, String> {
        let mut raw = RawSettings::default();
        said.iter().for_each(|(name, value)| raw.set(*name, *value));
        SaslListener::new(&raw, "OUT").map_err(|error| error.to_string())
    }

    fn names(sasl: &SaslListener) -> Vec<&str> {
        sasl.mechanisms.iter().map(|enabled| enabled.mechanism.name()).collect()
    }

    #[test]
    fn without_a_word_all_that_need_a_password_are_enabled() {
        let sasl = sasl(&[]).unwrap();
        assert_eq!(names(&sasl), ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
        assert_eq!(sasl.max_receive_bytes, 524_288);
        assert!(sasl.mechanisms.iter().all(|enabled| enabled.max_reauth.is_none()));
    }

    #[test]
    fn a_listener_and_its_mechanisms_have_settings_of_their_own() {
        let sasl = sasl(&[
            ("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
            ("listener.name.out.sasl.enabled.mechanisms", "PLAIN, SCRAM-SHA-256,PLAIN"),
            ("connections.max.reauth.ms", "9000"),
            ("listener.name.out.plain.connections.max.reauth.ms", "5000"),
            (
                "listener.name.out.plain.sasl.jaas.config",
                "a.PlainLoginModule required user_alice=\"hunter2\";",
            ),
        ])
        .unwrap();
        assert_eq!(names(&sasl), ["PLAIN", "SCRAM-SHA-256"]);
        let [plain, scram] = &sasl.mechanisms[..] else { panic!("two") };
        assert_eq!(plain.plain_users, [("alice".to_owned(), Secret::new("hunter2"))]);
        let limits = [plain.max_reauth, scram.max_reauth];
        assert_eq!(limits, [5, 9].map(|seconds| Some(Duration::from_secs(seconds))));
        assert!(!format!("{sasl:?}").contains("hunter2"));
    }

    #[test]
    fn only_the_line_of_plain_of_the_listener_has_users() {
        for key in [
            "sasl.jaas.config",
            "listener.name.out.sasl.jaas.config",
            "listener.name.in.plain.sasl.jaas.config",
        ] {
            let sasl = sasl(&[(key, "a.PlainLoginModule required user_alice=\"hunter2\";")]).unwrap();
            assert!(sasl.mechanisms.iter().all(|enabled| enabled.plain_users.is_empty()), "{key}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (said, expected) in [
            (("sasl.enabled.mechanisms", "GSSAPI"), "Kerberos is not there"),
            (
                ("sasl.enabled.mechanisms", "PLAIN,OAUTHBEARER"),
                "the address of the keys of who issues tokens",
            ),
            (("listener.name.out.sasl.enabled.mechanisms", "plain"), "expected some of PLAIN"),
            (("sasl.enabled.mechanisms", ""), "at least one mechanism"),
            (
                ("listener.name.out.plain.sasl.jaas.config", "user_a=\"hunter2\""),
                "`required` has to stand after",
            ),
            (
                ("listener.name.out.plain.sasl.jaas.config", "JndiLoginModule required user_a=\"hunter2\";"),
                "the line of a PlainLoginModule",
            ),
        ] {
            let error = sasl(&[said]).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
