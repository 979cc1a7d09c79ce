//! PushTelemetry, version 0 (KIP-714): the metrics of a client, which [`telemetry`](crate::telemetry) keeps to be seen.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::push_telemetry::{PushTelemetryRequest, PushTelemetryResponse};
use kestrel_protocol::record::Compression;

use super::{Handler, RequestContext, State};
use crate::telemetry::Push;

impl Handler for PushTelemetryRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> PushTelemetryResponse {
        state.know_subscriptions();
        let codec = u8::try_from(self.compression_type).ok();
        let push = Push {
            subscription_id: self.subscription_id,
            is_last: self.terminating,
            codec: codec.and_then(|id| Compression::from_id(id).ok()),
            metrics: &self.metrics,
        };
        let client = context.client(self.client_instance_id);
        let pushed = state.telemetry.push(&client, &push, context.received_at);
        self.refusal(pushed.err().unwrap_or(ErrorCode::None))
    }

    fn refusal(&self, error_code: ErrorCode) -> PushTelemetryResponse {
        PushTelemetryResponse { error_code, ..Default::default() }
    }
}
