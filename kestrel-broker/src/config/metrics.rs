//! Where metrics are served, and which: settings that Apache Kafka has no key for.

use super::Endpoint;

/// The settings of the metrics of a broker.
#[derive(Debug, Clone)]
pub(crate) struct MetricsSettings {
    /// Where they are served.
    pub(crate) listen: Endpoint,
    /// Which metrics there are.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody asks in a build without HTTP"))]
    pub(crate) detail: Detail,
}

/// How much is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Of topics and groups.
    #[default]
    Topics,
    /// Of each partition too.
    Partitions,
}
