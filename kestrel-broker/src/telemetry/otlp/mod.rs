//! Reads OTLP's `MetricsData` as far as clients of Kafka have it (KIP-714): gauges and sums, with numbers. Pure.
//!
//! Histograms and summaries are counted and left out: no client's metrics have them. Field numbers are those of
//! `opentelemetry/proto/metrics/v1/metrics.proto`, which never change.

mod protobuf;

pub(super) use protobuf::Malformed;
use protobuf::{Field, Fields, text};

/// How many points of a push are looked at; the rest is counted.
const MAX_POINTS: usize = 4_096;
/// The longest name of a metric that is looked at, in bytes: each of its points gets a copy.
const MAX_NAME_BYTES: usize = 255;

/// What a client has pushed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pushed {
    /// What it says of itself: `name=value` with commas between, by name.
    pub(super) attributes: String,
    /// The points, in their order.
    pub(super) points: Vec<Point>,
    /// How many points are none of these: beyond the limit, or of a kind that is not read.
    pub(super) left_out: u64,
}

/// A value at the time of the push.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    /// The name of the metric.
    pub(super) metric: String,
    /// What it is about: `name=value` with commas between, by name.
    pub(super) attributes: String,
    pub(super) kind: Kind,
    pub(super) value: f64,
}

/// A kind of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows; a delta is what was added since the push before.
    Counter {
        /// Whether it is a delta.
        is_delta: bool,
    },
}

/// `AGGREGATION_TEMPORALITY_DELTA`.
const DELTA: u64 = 1;

/// Reads a `MetricsData`.
pub(super) fn read(bytes: &[u8]) -> Result<Pushed, Malformed> {
    let mut pushed = Pushed::default();
    for field in Fields::of(bytes) {
        if let (1, Field::Bytes(resource_metrics)) = field? {
            read_resource_metrics(resource_metrics, &mut pushed)?;
        }
    }
    Ok(pushed)
}

fn read_resource_metrics(bytes: &[u8], pushed: &mut Pushed) -> Result<(), Malformed> {
    for field in Fields::of(bytes) {
        match field? {
            (1, Field::Bytes(resource)) => pushed.attributes = attributes(resource, 1)?,
            (2, Field::Bytes(scope_metrics)) => {
                for field in Fields::of(scope_metrics) {
                    if let (2, Field::Bytes(metric)) = field? {
                        read_metric(metric, pushed)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_metric(bytes: &[u8], pushed: &mut Pushed) -> Result<(), Malformed> {
    let (mut name, mut data) = ("", None);
    for field in Fields::of(bytes) {
        match field? {
            (1, Field::Bytes(bytes)) => name = text(bytes)?,
            (5, Field::Bytes(gauge)) => data = Some((Kind::Gauge, gauge)),
            (7, Field::Bytes(sum)) => data = Some((kind_of_sum(sum)?, sum)),
            (9..=11, Field::Bytes(_)) => pushed.left_out += 1,
            _ => {}
        }
    }
    let Some((kind, data)) = data else { return Ok(()) };
    for field in Fields::of(data) {
        let (1, Field::Bytes(point)) = field? else { continue };
        if pushed.points.len() >= MAX_POINTS || name.len() > MAX_NAME_BYTES {
            pushed.left_out += 1;
        } else if let Some(value) = value(point)? {
            let attributes = attributes(point, 7)?;
            pushed.points.push(Point { metric: name.to_owned(), attributes, kind, value });
        }
    }
    Ok(())
}

/// A sum that may go down is a gauge to whoever reads it; clients have none with deltas.
fn kind_of_sum(sum: &[u8]) -> Result<Kind, Malformed> {
    let (mut is_delta, mut is_monotonic) = (false, false);
    for field in Fields::of(sum) {
        match field? {
            (2, Field::Varint(temporality)) => is_delta = temporality == DELTA,
            (3, Field::Varint(flag)) => is_monotonic = flag != 0,
            _ => {}
        }
    }
    Ok(if is_monotonic { Kind::Counter { is_delta } } else { Kind::Gauge })
}

/// The value of a `NumberDataPoint`; none where it has none.
#[expect(clippy::cast_precision_loss, reason = "a metric of more than 53 bits may be off by one")]
fn value(point: &[u8]) -> Result<Option<f64>, Malformed> {
    let mut value = None;
    for field in Fields::of(point) {
        match field? {
            (4, Field::Fixed64(bits)) => value = Some(f64::from_bits(bits)),
            (6, Field::Fixed64(bits)) => value = Some(bits.cast_signed() as f64),
            _ => {}
        }
    }
    Ok(value)
}

/// The attributes in the field of this number, as one text.
fn attributes(message: &[u8], number: u32) -> Result<String, Malformed> {
    let mut pairs = Vec::new();
    for field in Fields::of(message) {
        match field? {
            (found, Field::Bytes(pair)) if found == number => pairs.extend(key_value(pair)?),
            _ => {}
        }
    }
    pairs.sort_unstable();
    Ok(pairs.join(","))
}

/// A `KeyValue` whose value is a text, a number or a flag.
fn key_value(bytes: &[u8]) -> Result<Option<String>, Malformed> {
    let (mut key, mut value) = ("", None);
    for field in Fields::of(bytes) {
        match field? {
            (1, Field::Bytes(bytes)) => key = text(bytes)?,
            (2, Field::Bytes(any)) => value = any_value(any)?,
            _ => {}
        }
    }
    Ok(value.map(|value| format!("{key}={value}")))
}

fn any_value(bytes: &[u8]) -> Result<Option<String>, Malformed> {
    let mut value = None;
    for field in Fields::of(bytes) {
        value = match field? {
            (1, Field::Bytes(bytes)) => Some(text(bytes)?.to_owned()),
            (2, Field::Varint(flag)) => Some((flag != 0).to_string()),
            (3, Field::Varint(number)) => Some(number.cast_signed().to_string()),
            (4, Field::Fixed64(bits)) => Some(f64::from_bits(bits).to_string()),
            _ => value,
        };
    }
    Ok(value)
}

#[cfg(test)]
pub(super) mod tests;
