//! GetTelemetrySubscriptions, version 0 (KIP-714): which of its metrics a client is to push, and how often.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::Uuid;
use kestrel_protocol::messages::get_telemetry_subscriptions::{
    GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
};

use super::{Handler, RequestContext, State};
use crate::cluster::ResourceKind;
use crate::telemetry::Granted;

/// The codecs that a push may have besides none, the best first: zstd, lz4, gzip, snappy.
const CODECS: [i8; 4] = [4, 3, 1, 2];

impl Handler for GetTelemetrySubscriptionsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> GetTelemetrySubscriptionsResponse {
        state.know_subscriptions();
        let client = context.client(self.client_instance_id);
        match state.telemetry.grant(&client, random_id(), context.received_at) {
            Ok(granted) => response(granted, state.telemetry.max_bytes()),
            Err(error) => self.refusal(error),
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> GetTelemetrySubscriptionsResponse {
        GetTelemetrySubscriptionsResponse { error_code, ..Default::default() }
    }
}

impl State {
    /// Lets the telemetry know the subscriptions of the metadata as it is now.
    pub(super) fn know_subscriptions(&self) {
        let image = self.cluster.image();
        let configs = image.configs_of(ResourceKind::ClientMetrics);
        self.telemetry.subscribe(image.last_offset(), configs.map(|(name, configs)| (name, &**configs)));
    }
}

fn response(granted: Granted, max_bytes: usize) -> GetTelemetrySubscriptionsResponse {
    let Granted { instance_id, subscription_id, push_interval, metrics } = granted;
    GetTelemetrySubscriptionsResponse {
        client_instance_id: instance_id,
        subscription_id,
        accepted_compression_types: CODECS.to_vec(),
        push_interval_ms: i32::try_from(push_interval.as_millis()).unwrap_or(i32::MAX),
        telemetry_max_bytes: i32::try_from(max_bytes).unwrap_or(i32::MAX),
        // A client that tells differences keeps no totals, and here they are added up.
        delta_temporality: true,
        requested_metrics: metrics.into_iter().map(Into::into).collect(),
        ..Default::default()
    }
}

/// An id for a client that has none, as Apache Kafka makes them: none begins with a dash.
fn random_id() -> Uuid {
    loop {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        let id = Uuid::from_random_bytes(bytes);
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests;
