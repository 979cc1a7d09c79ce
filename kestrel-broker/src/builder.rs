//! Settings of a broker before it starts.

use std::path::PathBuf;

use crate::api::Faults;
use crate::broker::{Broker, Plan};
use kestrel_settings::RawSettings;

use crate::authorizer::AclBinding;
use crate::cluster::Provisions;
use crate::config::{self, BrokerConfig, ConfigError, Endpoint, STANDARD_AUTHORIZER};
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
        let mut config = BrokerConfig::new(&self.all_settings()?)?;
        config.validation = self.validation;
        let temp_dir = if self.is_ephemeral { Some(temp_dir()?) } else { None };
        if let Some(dir) = temp_dir.as_ref().map(tempfile::TempDir::path).or(self.data_dir.as_deref()) {
            config.keep_data_in(dir);
        }
        let durability = self.durability.unwrap_or(Durability::Group);
        Ok(Plan { config, temp_dir, durability, faults: self.faults, provisions: self.provisions })
    }
}

impl BrokerBuilder {
    /// What the file, the keys and the methods say, in Kafka's keys.
    fn all_settings(&self) -> Result<RawSettings, ConfigError> {
        let mut settings = self.settings.clone();
        if let Some(file) = &self.config_file {
            settings.fill_in(config::read_file(file)?);
        }
        if !self.provisions.acls.is_empty() && !settings.has(AUTHORIZER_KEY) {
            settings.set(AUTHORIZER_KEY, STANDARD_AUTHORIZER);
        }
        let free_port =
            self.has_free_port.then_some(FREE_PORT).filter(|_| !config::names_listeners(&settings));
        if let Some(address) = self.listen.as_deref().or(free_port) {
            config::listen_on(&mut settings, &endpoint("listen", address)?);
        }
        if let Some(address) = &self.advertise {
            let advertised = endpoint("advertise", address)?;
            if advertised.is_wildcard() {
                return Err(ConfigError::advertise(address, "a host that clients can connect to"));
            }
            let config = BrokerConfig::new(&settings)?;
            let [listener] = &config.listeners[..] else {
                return Err(ConfigError::advertise(address, ONE_LISTENER));
            };
            config::advertise_at(&mut settings, listener, &advertised);
        }
        Ok(settings)
    }
}

/// What one address to advertise asks for.
const ONE_LISTENER: &str =
    "a broker with one listener; give each of several its address with advertised.listeners";

/// The key that turns ACLs on.
const AUTHORIZER_KEY: &str = "authorizer.class.name";

/// Where a broker for tests listens.
const FREE_PORT: &str = "127.0.0.1:0";

fn endpoint(what: &'static str, address: &str) -> Result<Endpoint, ConfigError> {
    Endpoint::parse(address).ok_or_else(|| ConfigError::endpoint(what, address))
}

fn temp_dir() -> Result<tempfile::TempDir, StartError> {
    tempfile::Builder::new().prefix("kestrel-").tempdir().map_err(|error| {
        let message = "no temporary folder could be made in it".to_owned();
        StartError::data(std::env::temp_dir(), (message, Some(error)), "")
    })
}
