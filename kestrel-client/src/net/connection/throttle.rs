//! Throttles: what an answer says of how long the broker reads nothing.

use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::{Message, Request, decode_response};

use super::Shared;
use crate::environment::{self, after};
use crate::observer::Throttled;

/// The longest throttle that is nothing to speak of.
const LONG_THROTTLE: Duration = Duration::from_secs(10);

impl Shared {
    /// Waits as long as the broker says that it reads nothing: what is sent before would only wait there, and time out
    /// (KIP-219). Versions from before that were held back before they were answered.
    pub(super) fn hold_back<R: Request>(&self, response: &R::Response, version: i16) {
        let throttle = Duration::from_millis(u64::try_from(response.throttle_time_ms()).unwrap_or(0));
        if throttle.is_zero() {
            return;
        }
        if throttle > LONG_THROTTLE {
            let broker = &self.options.broker;
            self.long_throttle.call_once(|| {
                tracing::warn!(%broker, ?throttle, "the broker holds the client back for long: it is far above its quota");
            });
        }
        let broker = self.options.broker.observed();
        self.observer.tell(|observer| observer.on_throttled(&Throttled { broker, api: R::KEY, throttle }));
        if version >= R::KEY.throttled_after_answer_from() {
            let longer = self.outbox.mute(throttle);
            let mut waits = self.waits();
            waits.in_flight.postpone(longer);
            waits.active_at = waits.active_at.max(after(environment::now(), throttle));
        }
    }

    /// Nobody waits for an answer any more: a throttle in it counts all the same.
    pub(super) fn hear_throttle<R: Request>(&self, frame: Bytes, version: i16) {
        if let Ok(response) = decode_response::<R>(frame, version) {
            self.hold_back::<R>(&response, version);
        }
    }
}
