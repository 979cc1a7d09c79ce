//! Settings of a broker before it starts.

use std::path::Path;
use std::path::PathBuf;

use crate::api::Faults;
use crate::broker::{Broker, Plan};
use kestrel_settings::{Key, RawSettings, Secret};

use crate::authorizer::AclBinding;
use crate::cluster::Provisions;
use crate::config::{
    self, BrokerConfig, ConfigError, Detail, Endpoint, MetricsSettings, STANDARD_AUTHORIZER, SecurityProtocol,
};
use crate::development_tls::DevelopmentTls;
use crate::error::StartError;
use crate::log::{Durability, Validation};

/// Configures and starts a [`Broker`]; begun with [`Broker::builder`].
///
/// Nothing has to be set. Keys of Apache Kafka's broker configuration go through [`set`](Self::set) or a
/// [`config_file`](Self::config_file); what has a method of its own is what Kestrel users say most often.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_broker::{Broker, Durability};
///
/// let broker = Broker::builder()
///     .ephemeral()
///     .durability(Durability::Os)
///     .num_partitions(3)
///     .set("message.max.bytes", "2000000")
///     .start()
///     .await?;
/// println!("{}", broker.bootstrap_servers());
/// broker.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct BrokerBuilder {
    settings: RawSettings,
    config_file: Option<PathBuf>,
    listen: Option<String>,
    advertise: Option<String>,
    data_dir: Option<PathBuf>,
    is_ephemeral: bool,
    /// Whether the port is the system's choice where nothing is said of listeners.
    has_free_port: bool,
    durability: Option<Durability>,
    validation: Validation,
    faults: Faults,
    provisions: Provisions,
    /// Whether certificates are made for development.
    makes_tls: bool,
    tokens: Option<TakenTokens>,
    metrics: Option<String>,
    metrics_detail: Detail,
}

/// The tokens of OAUTHBEARER that a broker takes.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "oauthbearer"), expect(dead_code, reason = "a build without tokens takes none"))]
enum TakenTokens {
    /// Those that nobody has signed.
    Unsecured,
    /// Those that who has the keys at this address has signed.
    Signed { jwks_url: String },
}

impl BrokerBuilder {
    /// Where the broker listens, as `HOST:PORT`; port 0 lets the system choose, and `:PORT` stands for every interface of the
    /// machine. Default 127.0.0.1:9092, or what `listeners` says; with this it listens nowhere else.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// Advertises an address for clients to connect to, as `HOST:PORT`; port 0 stands for the port that is listened on.
    ///
    /// For a broker with one listener; for several, each with an address of its own, there is `advertised.listeners`.
    /// Default: what `advertised.listeners` says, or the address that is listened on. When that stands for every
    /// interface (0.0.0.0): the machine's host name if it can be resolved, or else `localhost`.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// The folder that holds all data; made if it is not there. Default `./kestrel-data`, or what `log.dirs` says.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self.is_ephemeral = false;
        self
    }

    /// A folder of its own that is deleted with the broker, and a port that the system chooses on 127.0.0.1, unless something
    /// else is said of listeners.
    pub fn ephemeral(mut self) -> Self {
        self.is_ephemeral = true;
        self.has_free_port = true;
        self
    }

    /// What an acknowledgement means. Default [`Durability::Group`]: the records are on the disk.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// How closely the broker looks at what producers send. Default [`Validation::Records`]: what no consumer could read is
    /// refused.
    pub const fn validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    /// Makes a user known, by its password for the mechanisms PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. May be called many times; of
    /// two of one name the last counts.
    ///
    /// With a user the broker asks its clients to log in, unless something else is said of listeners: where
    /// [`listen`](Self::listen) says, or by default, it speaks SASL_PLAINTEXT, and a client without SASL is refused. The user of
    /// SCRAM is written to the metadata, where Apache Kafka and its tools find it; the password of PLAIN is kept in memory. For
    /// tests and development: whoever sees the program or its command line sees the password.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kestrel_broker::Broker;
    ///
    /// let broker = Broker::builder().ephemeral().user("alice", "alice-secret").start().await?;
    /// // For clients: security.protocol=SASL_PLAINTEXT, sasl.mechanism=SCRAM-SHA-512, user and password.
    /// assert_eq!(broker.bootstrap_servers_of("SASL_PLAINTEXT").as_deref(), Some(broker.bootstrap_servers()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let name = name.into();
        self.provisions.users.retain(|(known, _)| *known != name);
        self.provisions.users.push((name, Secret::new(password)));
        self
    }

    /// Takes tokens of OAUTHBEARER that nobody has signed: whoever connects can be any user. For tests and development.
    ///
    /// With them the broker asks its clients to log in, as with a [`user`](Self::user), and enables OAUTHBEARER beside the
    /// mechanisms of users, unless `sasl.enabled.mechanisms` says something else. Such tokens are made by Java's client
    /// (`unsecuredLoginStringClaim_sub="alice"` in `sasl.jaas.config`), by librdkafka (`enable.sasl.oauthbearer.unsecure.jwt`)
    /// and by kestrel-client (`Token::unsecured("alice", ..)`).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kestrel_broker::Broker;
    ///
    /// let broker = Broker::builder().ephemeral().unsecured_tokens().start().await?;
    /// // For clients: security.protocol=SASL_PLAINTEXT, sasl.mechanism=OAUTHBEARER.
    /// assert_eq!(broker.bootstrap_servers_of("SASL_PLAINTEXT").as_deref(), Some(broker.bootstrap_servers()));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "oauthbearer")]
    pub fn unsecured_tokens(mut self) -> Self {
        self.tokens = Some(TakenTokens::Unsecured);
        self
    }

    /// Takes tokens of OAUTHBEARER that are signed by who has the keys at `jwks_url`: an `https://` address, an `http://` one of
    /// this machine, or a `file://`. It is allowed with that (`org.apache.kafka.sasl.oauthbearer.allowed.urls`).
    ///
    /// Clients have to log in, as with [`unsecured_tokens`](Self::unsecured_tokens). What a token has to say are settings:
    /// `sasl.oauthbearer.expected.issuer`, `sasl.oauthbearer.expected.audience` and others.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use kestrel_broker::Broker;
    ///
    /// let broker = Broker::builder()
    ///     .ephemeral()
    ///     .signed_tokens("https://issuer.example/jwks.json")
    ///     .set("sasl.oauthbearer.expected.issuer", "https://issuer.example")
    ///     .set("sasl.oauthbearer.expected.audience", "kafka")
    ///     .start()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "oauthbearer")]
    pub fn signed_tokens(mut self, jwks_url: impl Into<String>) -> Self {
        self.tokens = Some(TakenTokens::Signed { jwks_url: jwks_url.into() });
        self
    }

    /// How many partitions a topic gets that does not say (`num.partitions`). At least 1; default 1.
    pub fn num_partitions(self, partitions: u32) -> Self {
        self.set("num.partitions", partitions.to_string())
    }

    /// A key of Apache Kafka's broker configuration. What is set here counts more than the configuration file.
    ///
    /// Checked when the broker starts: an unknown key or a value that is not allowed is a [`StartError::Config`].
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.set(key, value);
        self
    }

    /// A `server.properties` in Apache Kafka's format, read when the broker starts.
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config_file = Some(file.into());
        self
    }

    /// Encrypts with certificates that are made for development in the data folder: an authority and a client's certificate, which
    /// stay there, and one of the broker for this machine's names.
    ///
    /// The listener becomes one of the protocol SSL, unless `listeners` says what is spoken; those with certificates of their own
    /// keep them. Clients trust [`DevelopmentTls::ca_file`](crate::DevelopmentTls::ca_file), and may show a certificate
    /// (`ssl.client.auth=requested`).
    #[cfg(feature = "dev-tls")]
    pub const fn tls(mut self) -> Self {
        self.makes_tls = true;
        self
    }

    /// Serves metrics for Prometheus and health checks at `HOST:PORT`, where port 0 lets the system choose and
    /// [`Broker::metrics_address`] tells; `:PORT` stands for every interface of the machine. Default: they are not served.
    ///
    /// `/metrics` has OpenMetrics, or the older text format of Prometheus if that is asked for; `/healthz` says whether the broker is
    /// alive, `/readyz` whether it serves, with status 503 and the reason when not. Nobody has to log in: whoever can connect reads
    /// the names of topics and groups.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kestrel_broker::Broker;
    ///
    /// let broker = Broker::builder().ephemeral().metrics("127.0.0.1:0").start().await?;
    /// let address = broker.metrics_address().expect("it was asked for");
    /// println!("http://{address}/metrics");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, address: impl Into<String>) -> Self {
        self.metrics = Some(address.into());
        self
    }

    /// Has `/metrics` tell of each partition too, for instance `kafka_consumergroup_lag`: some ten samples for each, and two for each
    /// that a group has committed an offset of. Default: they tell of topics and groups. Has no effect without
    /// [`metrics`](Self::metrics).
    #[cfg(feature = "metrics")]
    pub const fn metrics_per_partition(mut self) -> Self {
        self.metrics_detail = Detail::Partitions;
        self
    }

    /// Faults that the broker shall have; [`Broker::faults`] gives the same handle. Default none.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// An ACL that the broker is to have from the start, and with it an authorizer: what no ACL allows is denied.
    ///
    /// It is written into the metadata, unless it is there already, and can be deleted as any other (`kafka-acls`). Without
    /// `authorizer.class.name` it says which authorizer: Apache Kafka's rules, which are the only ones. Super users are a
    /// setting: `super.users`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kestrel_broker::{AclBinding, AclOperation, Broker, ResourcePattern};
    ///
    /// let orders = ResourcePattern::topic("orders");
    /// let broker = Broker::builder()
    ///     .ephemeral()
    ///     .user("alice", "alice-secret")
    ///     .user("billing", "billing-secret")
    ///     .acl(AclBinding::allow("User:alice", AclOperation::Write, orders.clone()))
    ///     .acl(AclBinding::allow("User:billing", AclOperation::Read, orders))
    ///     .acl(AclBinding::allow("User:billing", AclOperation::Read, ResourcePattern::group("billing")))
    ///     .start()
    ///     .await?;
    /// # broker.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn acl(mut self, acl: AclBinding) -> Self {
        self.provisions.acls.push(acl);
        self
    }

    /// Starts the broker on the current tokio runtime. When it returns, the port is bound and requests are answered.
    ///
    /// Dropping the future before that starts nothing, but the data folder may have been made.
    ///
    /// # Errors
    /// When the configuration, the address or the data folder cannot be used; the text says which and what to do.
    pub async fn start(self) -> Result<Broker, StartError> {
        Broker::start(self.plan()?).await
    }

    fn plan(self) -> Result<Plan, StartError> {
        let mut settings = self.all_settings()?;
        let temp_dir = if self.is_ephemeral { Some(temp_dir()?) } else { None };
        let dir = temp_dir.as_ref().map(tempfile::TempDir::path).or(self.data_dir.as_deref());
        let development_tls = self.development_tls(dir, &mut settings)?;
        let mut config = BrokerConfig::new(&settings)?;
        config.validation = self.validation;
        config.metrics = self.metrics_settings()?;
        config.know(self.provisions.users.clone());
        if let Some(dir) = dir {
            config.keep_data_in(dir);
        }
        Ok(Plan {
            config,
            durability: self.durability.unwrap_or(Durability::Group),
            faults: self.faults,
            provisions: self.provisions,
            development_tls,
            temp_dir,
        })
    }
}

impl BrokerBuilder {
    /// What the file, the keys and the methods say, in Kafka's keys.
    fn all_settings(&self) -> Result<RawSettings, ConfigError> {
        let mut settings = self.settings.clone();
        if let Some(file) = &self.config_file {
            settings.fill_in(config::read_file(file)?);
        }
        if !self.provisions.acls.is_empty() {
            match settings.get(AUTHORIZER_KEY) {
                None => settings.set(AUTHORIZER_KEY, STANDARD_AUTHORIZER),
                Some("") => {
                    let key = Key { name: AUTHORIZER_KEY, ..Key::EMPTY };
                    let expected = format!("{STANDARD_AUTHORIZER}, or not to be given, since ACLs are");
                    return Err(settings.invalid(&key, expected).into());
                }
                Some(_) => {}
            }
        }
        self.say_tokens(&mut settings);
        if let Some(address) = self.listen.as_deref().or_else(|| self.unsaid_address(&settings)) {
            config::listen_on(&mut settings, self.protocol(), &endpoint("listen", address)?);
        }
        if let Some(address) = &self.advertise {
            let advertised = endpoint("advertise", address)?;
            if advertised.is_wildcard() {
                return Err(ConfigError::advertise(address, "a host that clients can connect to"));
            }
            if !config::advertise_at(&mut settings, &advertised)? {
                return Err(ConfigError::advertise(address, ONE_LISTENER));
            }
        }
        Ok(settings)
    }
}

impl BrokerBuilder {
    fn metrics_settings(&self) -> Result<Option<MetricsSettings>, ConfigError> {
        let detail = self.metrics_detail;
        let listen = self.metrics.as_deref().map(|address| endpoint("metrics", address)).transpose()?;
        Ok(listen.map(|listen| MetricsSettings { listen, detail }))
    }

    /// Says in Kafka's keys which tokens are taken.
    fn say_tokens(&self, settings: &mut RawSettings) {
        let Some(tokens) = &self.tokens else { return };
        match tokens {
            TakenTokens::Unsecured => settings.set(config::VALIDATOR_KEY, config::UNSECURED_VALIDATOR),
            TakenTokens::Signed { jwks_url } => {
                let allowed = settings.get(config::ALLOWED_URLS_KEY).unwrap_or_default();
                let allowed = format!("{allowed},{jwks_url}");
                settings.set(config::ALLOWED_URLS_KEY, allowed.trim_start_matches(','));
                settings.set(config::JWKS_URL_KEY, jwks_url);
            }
        }
        if !settings.has(config::MECHANISMS_KEY) {
            let has_users = !self.provisions.users.is_empty();
            let mechanisms =
                if has_users { "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER" } else { "OAUTHBEARER" };
            settings.set(config::MECHANISMS_KEY, mechanisms);
        }
    }
}

impl BrokerBuilder {
    /// The certificates for development, if they are asked for, and the settings that name their files.
    fn development_tls(
        &self,
        dir: Option<&Path>,
        settings: &mut RawSettings,
    ) -> Result<Option<DevelopmentTls>, ConfigError> {
        if !self.makes_tls {
            return Ok(None);
        }
        let mut tls = match dir {
            Some(dir) => DevelopmentTls::of(dir),
            None => DevelopmentTls::of(&config::data_dir(settings)?),
        };
        if let Some(tls) = &mut tls {
            tls.fill_in(settings, &config::listener_names(settings)?);
        }
        Ok(tls)
    }
}

impl BrokerBuilder {
    /// Where the broker listens, if nothing is said of listeners and the default is not right.
    fn unsaid_address(&self, settings: &RawSettings) -> Option<&'static str> {
        let is_plain = self.protocol() == SecurityProtocol::Plaintext;
        if config::names_listeners(settings) {
            return None;
        }
        if self.has_free_port { Some(FREE_PORT) } else { (!is_plain).then_some(USUAL_PORT) }
    }

    /// What the broker speaks where nothing is said of listeners but the address.
    fn protocol(&self) -> SecurityProtocol {
        SecurityProtocol::of(self.makes_tls, !self.provisions.users.is_empty() || self.tokens.is_some())
    }
}

/// What one address to advertise asks for.
const ONE_LISTENER: &str =
    "a broker with one listener; give each of several its address with advertised.listeners";

/// The key that turns ACLs on.
const AUTHORIZER_KEY: &str = "authorizer.class.name";
/// Where a broker for tests listens.
const FREE_PORT: &str = "127.0.0.1:0";

/// Where a broker with TLS listens when nothing is said.
const USUAL_PORT: &str = "127.0.0.1:9092";

fn endpoint(what: &'static str, address: &str) -> Result<Endpoint, ConfigError> {
    Endpoint::parse(address).ok_or_else(|| ConfigError::endpoint(what, address))
}

fn temp_dir() -> Result<tempfile::TempDir, StartError> {
    tempfile::Builder::new().prefix("kestrel-").tempdir().map_err(|error| {
        let message = "no temporary folder could be made in it".to_owned();
        StartError::data(std::env::temp_dir(), (message, Some(error)), "")
    })
}
