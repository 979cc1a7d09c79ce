//! What a client has told of itself: its own view, in series. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use kestrel_protocol::Uuid;

use super::client::Client;
use super::otlp::{Kind, Point, Pushed};

/// How many series one client may have.
const MAX_SERIES: usize = 1_000;
/// The longest text of attributes, and the longest id of a client that is shown, in bytes.
const MAX_TEXT_BYTES: usize = 1_000;

/// What all clients have told.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientView {
    /// How many instances are known, of which some only ask.
    pub(crate) instances: usize,
    /// Those that have pushed, by id.
    pub(crate) told: Vec<(Uuid, Arc<Told>)>,
    /// Points that were pushed and not kept, of all time.
    pub(crate) left_out: u64,
}

/// What a client has told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Its `client.id`; cut off where it is too long.
    pub(crate) client_id: String,
    /// The name of its software.
    pub(crate) software_name: String,
    /// The version of that.
    pub(crate) software_version: String,
    /// The address that it connects from.
    pub(crate) address: String,
    /// What it says of itself: `name=value` with commas between.
    pub(crate) attributes: String,
    /// Its series, by the name of the metric and the attributes of the point.
    pub(crate) series: BTreeMap<(String, String), Value>,
}

/// The value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// As it was told last.
    Gauge(f64),
    /// What was told of a sum that only grows, added up where the client tells differences.
    Counter(f64),
}

impl Told {
    /// A client that has told nothing yet.
    pub(super) fn of(client: &Client<'_>) -> Self {
        Self {
            client_id: cut(client.client_id),
            software_name: client.software.0.to_string(),
            software_version: client.software.1.to_string(),
            address: client.peer.ip().to_string(),
            attributes: String::new(),
            series: BTreeMap::new(),
        }
    }

    /// How many series it has.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Takes in what was pushed, with `room` for more series; gives how many points there was no room for. A gauge that is not told any
    /// more is forgotten: its topic or its node is no matter of the client's any more.
    pub(super) fn take_in(&mut self, pushed: Pushed, room: usize) -> u64 {
        let Pushed { attributes, points, mut left_out } = pushed;
        self.attributes = cut(&attributes);
        let most = (self.len() + room).min(MAX_SERIES);
        self.series.retain(|_, value| matches!(value, Value::Counter(_)));
        for Point { metric, attributes, kind, value } in points {
            if attributes.len() > MAX_TEXT_BYTES {
                left_out += 1;
                continue;
            }
            let key = (metric, attributes);
            if self.len() >= most && !self.series.contains_key(&key) {
                left_out += 1;
                continue;
            }
            let series = self.series.entry(key).or_insert(match kind {
                Kind::Gauge => Value::Gauge(value),
                Kind::Counter { .. } => Value::Counter(0.0),
            });
            series.take_in(kind, value);
        }
        left_out
    }
}

impl Value {
    /// Its value if it is a gauge.
    pub(crate) const fn gauge(self) -> Option<f64> {
        match self {
            Self::Gauge(value) => Some(value),
            Self::Counter(_) => None,
        }
    }

    /// Its value if it is a counter.
    pub(crate) const fn counter(self) -> Option<f64> {
        match self {
            Self::Counter(value) => Some(value),
            Self::Gauge(_) => None,
        }
    }

    fn take_in(&mut self, kind: Kind, value: f64) {
        let before = match *self {
            Self::Counter(before) => before,
            Self::Gauge(_) => 0.0,
        };
        *self = match kind {
            Kind::Gauge => Self::Gauge(value),
            // Nobody counts backwards.
            Kind::Counter { .. } if !value.is_finite() || value < 0.0 => Self::Counter(before),
            Kind::Counter { is_delta: true } => Self::Counter(before + value),
            Kind::Counter { is_delta: false } => Self::Counter(value),
        };
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    let end = (0..=MAX_TEXT_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
