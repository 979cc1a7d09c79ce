//! Configurations: describe (KIP-133, KIP-226), alter key by key (KIP-339), list what has one (KIP-1142).
//!
//! What only one broker knows is asked there; the rest goes to any broker, and changes to the controller.

mod alter;
mod describe;
mod entry;
mod listing;
mod resource;

use kestrel_protocol::{ApiKey, ErrorCode};

use self::alter::AlterCall;
pub use self::alter::AlterConfigs;
use self::describe::DescribeConfigs;
pub use self::entry::{ConfigEntry, ConfigSource, ConfigSynonym, ConfigType};
use self::listing::ListConfigResources;
pub use self::resource::{ConfigResource, ConfigResourceType};
use super::{Admin, AdminResults};
use crate::error::{BrokerError, Result};

impl Admin {
    /// All keys of configurations, with values, sources and documentation, by name. A group, or a subscription to metrics of
    /// clients, that is not there has no key that was set.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::{ConfigResource, ConfigSource};
    ///
    /// for (resource, entries) in admin.describe_configs([ConfigResource::topic("clicks")]).await {
    ///     for entry in entries?.iter().filter(|entry| entry.source == ConfigSource::Topic) {
    ///         println!("{resource}: {} = {:?}", entry.name, entry.value);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per resource: `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REQUEST`, also for a kind that the broker does not know, an
    /// authorization error; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn describe_configs(
        &self,
        resources: impl IntoIterator<Item = ConfigResource>,
    ) -> AdminResults<ConfigResource, Vec<ConfigEntry>> {
        self.settle(&DescribeConfigs, resources.into_iter().collect()).await
    }

    /// Changes single keys of configurations. A configuration changes as a whole or not at all. A subscription to metrics of
    /// clients is made by its first key, and gone with its last.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::{AlterConfigs, ConfigResource};
    ///
    /// let topic = AlterConfigs::of(ConfigResource::topic("clicks")).set("retention.ms", "3600000");
    /// let metrics = AlterConfigs::of(ConfigResource::client_metrics("latencies"))
    ///     .set("metrics", "org.apache.kafka.producer.")
    ///     .set("interval.ms", "10000");
    /// admin.alter_configs([topic, metrics]).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per resource, with the broker's words: `INVALID_CONFIG`, `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REQUEST` when a key
    /// comes twice or is no list; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn alter_configs(
        &self,
        changes: impl IntoIterator<Item = AlterConfigs>,
    ) -> AdminResults<ConfigResource, ()> {
        self.alter(changes.into_iter().collect(), AlterCall { validate_only: false }).await
    }

    /// Checks whether configurations could be changed so, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::alter_configs`].
    pub async fn validate_configs(
        &self,
        changes: impl IntoIterator<Item = AlterConfigs>,
    ) -> AdminResults<ConfigResource, ()> {
        self.alter(changes.into_iter().collect(), AlterCall { validate_only: true }).await
    }

    /// What has a configuration, in order: resources of some kinds, or of all kinds without any (KIP-1142). Topics, brokers and
    /// their loggers are there anyway; of groups and subscriptions to metrics of clients it names those with a key that was set.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::ConfigResourceType;
    ///
    /// for resource in admin.list_config_resources([ConfigResourceType::ClientMetrics]).await? {
    ///     println!("{resource}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`](crate::Error::UnsupportedApi) when the broker is too old (Apache Kafka 3.7 for [`ConfigResourceType::ClientMetrics`] alone, 4.1
    /// for others), `UNSUPPORTED_VERSION` for a kind that the broker does not list, `CLUSTER_AUTHORIZATION_FAILED`,
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub async fn list_config_resources(
        &self,
        types: impl IntoIterator<Item = ConfigResourceType>,
    ) -> Result<Vec<ConfigResource>> {
        let call = ListConfigResources { types: types.into_iter().collect() };
        self.settle_one(&call).await
    }

    async fn alter(&self, changes: Vec<AlterConfigs>, call: AlterCall) -> AdminResults<ConfigResource, ()> {
        self.settle(&call, changes).await.keyed(|changes| changes.resource)
    }
}

fn check(api: ApiKey, resource: &ConfigResource, said: Option<(ErrorCode, Option<&str>)>) -> Result<()> {
    let (code, message) = match said {
        Some((ErrorCode::None, _)) => return Ok(()),
        Some((code, message)) => (code, message),
        None => (ErrorCode::UnknownServerError, Some("the broker's answer leaves the resource out")),
    };
    let error = BrokerError::new(api, code).message(message);
    Err(match resource {
        ConfigResource::Topic(name) => error.topic(name.clone()).into(),
        ConfigResource::Group(name) => error.group(name.clone()).into(),
        _ => error.into(),
    })
}
