//! What a subscription of client metrics may be (KIP-714), with the errors that Apache Kafka has for it.

use kestrel_protocol::ErrorCode;

use super::configs::check_value;
use crate::cluster::error::ApiError;
use crate::cluster::image::ConfigMap;
use crate::config::{CLIENT_METRICS, INTERVALS_MS, client_metrics_key};
use crate::telemetry::Criteria;

/// Whether a subscription may have these values.
pub(super) fn check_client_metrics(after: &ConfigMap) -> Result<(), ApiError> {
    let refused = |message: String| ApiError::new(ErrorCode::InvalidRequest, message);
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidConfig, message);
    let mut keys = Vec::with_capacity(after.len());
    for (name, value) in after {
        let unknown = || refused(format!("Unknown client metrics configuration: {name}"));
        keys.push((client_metrics_key(name).ok_or_else(unknown)?, value));
    }
    keys.iter().try_for_each(|(key, value)| check_value(key, value)).map_err(invalid)?;
    if let Some(value) = after.get(CLIENT_METRICS.interval_ms.name) {
        let name = CLIENT_METRICS.interval_ms.name;
        if !value.trim().parse().is_ok_and(|interval_ms| INTERVALS_MS.contains(&interval_ms)) {
            return Err(refused(format!(
                "Invalid value {value} for {name}, interval must be between 100 and 3600000 (1 hour)"
            )));
        }
    }
    let criteria = after.get(CLIENT_METRICS.criteria.name);
    criteria.map_or(Ok(()), |value| Criteria::parse(value).map(drop).map_err(invalid))
}
