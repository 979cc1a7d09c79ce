//! TLS of listeners: certificates, keys, and who may connect. Pure; files are named here and read by `net/`.
//!
//! Read for each listener with TLS, from the settings as that listener has them.

use kestrel_settings::Scope::PerBroker;
use kestrel_settings::{Chosen, Secret, settings};

settings! {
    /// The keys of TLS as a listener has them.
    pub(super) struct TlsSettings, keys TLS: TlsKeys;

    /// Whether a certificate that replaces another one may have another subject. It may: false, where it is said, is refused.
    allow_dn_changes: bool, "ssl.allow.dn.changes", Boolean, "false", [any];
    /// Whether a certificate that replaces another one may lack names of it. It may: false, where it is said, is refused.
    allow_san_changes: bool, "ssl.allow.san.changes", Boolean, "false", [any];
    /// The cipher suites that are spoken, by their registered names; empty: all that are there.
    cipher_suites: String, "ssl.cipher.suites", List, "", [any], scope: PerBroker;
    /// Whether clients have to show a certificate: none (they are not asked), requested (one that they show has to be good) or
    /// required. Who shows one is the user that ssl.principal.mapping.rules make of its subject.
    client_auth: String, "ssl.client.auth", String, "none", ["required" | "requested" | "none"], scope: PerBroker;
    /// The versions of TLS that are spoken: TLSv1.2 and TLSv1.3. Older ones are refused.
    enabled_protocols: String, "ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", [any], scope: PerBroker;
    /// The password of an encrypted private key, in a PEM file or in ssl.keystore.key.
    key_password: Option<Secret>, "ssl.key.password", Password, null, [any], scope: PerBroker;
    /// The certificate of the broker with those that signed it, as a PEM text; needs ssl.keystore.key.
    keystore_certificate_chain: Option<Secret>, "ssl.keystore.certificate.chain", Password, null, [any], scope: PerBroker;
    /// The private key of the broker as a PEM text; needs ssl.keystore.certificate.chain.
    keystore_key: Option<Secret>, "ssl.keystore.key", Password, null, [any], scope: PerBroker;
    /// A PEM file with the private key of the broker and its certificates. It is read again when it changes.
    keystore_location: Option<String>, "ssl.keystore.location", String, null, [any], scope: PerBroker;
    /// The password of a keystore of Java. PEM files have none.
    keystore_password: Option<Secret>, "ssl.keystore.password", Password, null, [any], scope: PerBroker;
    /// The type of ssl.keystore.location: PEM. Where it is not given, the file decides; JKS and PKCS12 are refused with the
    /// command that converts them.
    keystore_type: Chosen<String>, "ssl.keystore.type", String, "JKS", [any], scope: PerBroker;
    /// Rules that make a user of the subject of a client's certificate: a list of DEFAULT, which takes all of it, and
    /// RULE:pattern/replacement/ with L or U behind it for lower or upper case. The first that matches all of the subject counts;
    /// who has none is refused.
    principal_mapping_rules: String, "ssl.principal.mapping.rules", String, "DEFAULT", [any];
    /// The certificates of authorities that clients' certificates are signed by, as a PEM text.
    truststore_certificates: Option<Secret>, "ssl.truststore.certificates", Password, null, [any], scope: PerBroker;
    /// A PEM file with the certificates of authorities that clients' certificates are signed by. Needed where ssl.client.auth
    /// is not none. It is read again when it changes.
    truststore_location: Option<String>, "ssl.truststore.location", String, null, [any], scope: PerBroker;
    /// The password of a truststore of Java. PEM files have none.
    truststore_password: Option<Secret>, "ssl.truststore.password", Password, null, [any], scope: PerBroker;
    /// The type of ssl.truststore.location: PEM. Where it is not given, the file decides.
    truststore_type: Chosen<String>, "ssl.truststore.type", String, "JKS", [any], scope: PerBroker;
}

/// Where there is no TLS, no listener has any.
#[cfg(not(feature = "tls"))]
#[derive(Debug, Clone)]
pub(crate) enum ListenerTls {}

#[cfg(not(feature = "tls"))]
impl TlsSettings {
    /// What the settings mean: nothing, in a build without TLS.
    ///
    /// # Errors
    /// Always.
    pub(super) fn listener_tls(
        &self,
        raw: &kestrel_settings::RawSettings,
    ) -> Result<ListenerTls, kestrel_settings::InvalidSetting> {
        Err(raw.invalid(&TLS.keystore_location, "a build with TLS (the feature tls)"))
    }
}

#[cfg(feature = "tls")]
pub(crate) use with_tls::ListenerTls;

#[cfg(feature = "tls")]
mod with_tls {
    use kestrel_security::tls::peer::PrincipalRules;
    use kestrel_security::tls::{ClientAuth, ServerTls, StoreSettings, TlsError, Trust};
    use kestrel_settings::{Chosen, InvalidSetting, RawSettings};

    use super::{TLS, TlsSettings};

    /// TLS of a listener as it is configured.
    #[derive(Debug, Clone)]
    pub(crate) struct ListenerTls {
        /// The certificate, and whom to ask for one.
        pub(crate) server: ServerTls,
        /// The rules that make users of subjects.
        pub(crate) rules: PrincipalRules,
    }

    /// The reason why a listener's TLS cannot be used.
    #[derive(Debug, thiserror::Error)]
    pub(in super::super) enum UnusableTls {
        #[error(transparent)]
        Setting(#[from] InvalidSetting),
        #[error(transparent)]
        Store(#[from] TlsError),
    }

    impl TlsSettings {
        /// What the settings mean.
        ///
        /// # Errors
        /// When they do not fit together, or name no certificate.
        pub(in super::super) fn listener_tls(&self, raw: &RawSettings) -> Result<ListenerTls, UnusableTls> {
            self.check_changes(raw)?;
            let stores = self.stores();
            let Some(identity) = stores.identity()? else {
                let expected = "a PEM file with the private key of the broker and its certificates (kestrel-broker --tls makes one \
                                for development)";
                return Err(raw.invalid(&TLS.keystore_location, expected).into());
            };
            let rules = self.principal_mapping_rules.parse();
            let rules = rules.map_err(|error: kestrel_security::tls::peer::InvalidRule| {
                raw.invalid(&TLS.principal_mapping_rules, format!("rules: {error}"))
            })?;
            let server = ServerTls::new(identity).versions(self.enabled_protocols.parse()?);
            let server = server.cipher_suites(self.cipher_suites.parse()?);
            Ok(ListenerTls { server: self.with_client_auth(server, stores.trust()?, raw)?, rules })
        }

        /// Refuses a promise that nobody keeps: a file is read again as it is, whoever it is for.
        fn check_changes(&self, raw: &RawSettings) -> Result<(), InvalidSetting> {
            let rows = [
                (&TLS.allow_dn_changes, self.allow_dn_changes),
                (&TLS.allow_san_changes, self.allow_san_changes),
            ];
            match rows.into_iter().find(|(key, allowed)| raw.has(key.name) && !allowed) {
                Some((key, _)) => {
                    Err(raw.invalid(key, "true: certificates are read again whatever names they have"))
                }
                None => Ok(()),
            }
        }

        fn with_client_auth(
            &self,
            server: ServerTls,
            trust: Option<Trust>,
            raw: &RawSettings,
        ) -> Result<ServerTls, InvalidSetting> {
            let client_auth = match &*self.client_auth {
                "required" => ClientAuth::Required,
                "requested" => ClientAuth::Requested,
                _ => return Ok(server),
            };
            // Apache Kafka falls back to Java's own authorities: then any certificate that can be bought is let in.
            let expected = "a PEM file with the authorities of clients, since ssl.client.auth asks clients for certificates";
            let trust = trust.ok_or_else(|| raw.invalid(&TLS.truststore_location, expected))?;
            Ok(server.client_auth(client_auth, trust))
        }

        fn stores(&self) -> StoreSettings {
            let chosen = |kind: &Chosen<String>| kind.is_chosen().then(|| (**kind).clone());
            StoreSettings {
                keystore_type: chosen(&self.keystore_type),
                keystore_location: self.keystore_location.clone(),
                keystore_password: self.keystore_password.clone(),
                keystore_certificate_chain: self.keystore_certificate_chain.clone(),
                keystore_key: self.keystore_key.clone(),
                key_password: self.key_password.clone(),
                truststore_type: chosen(&self.truststore_type),
                truststore_location: self.truststore_location.clone(),
                truststore_password: self.truststore_password.clone(),
                truststore_certificates: self.truststore_certificates.clone(),
                ..StoreSettings::default()
            }
        }
    }
}
