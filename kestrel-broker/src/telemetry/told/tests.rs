//! What is kept of pushes.

use super::*;

fn told() -> Told {
    let software = ("librdkafka".into(), "2.11.0".into());
    Told::of(&Client {
        instance_id: Uuid::from_u128(7),
        client_id: "c",
        software,
        peer: ([127, 0, 0, 1], 1).into(),
    })
}

fn point(metric: &str, kind: Kind, value: f64) -> Point {
    Point { metric: metric.to_owned(), attributes: String::new(), kind, value }
}

fn push(points: Vec<Point>) -> Pushed {
    Pushed { points, ..Pushed::default() }
}

fn series(told: &Told) -> Vec<(&str, Value)> {
    told.series.iter().map(|((metric, _), value)| (&**metric, *value)).collect()
}

const DELTA: Kind = Kind::Counter { is_delta: true };
const TOTAL: Kind = Kind::Counter { is_delta: false };

#[test]
fn gauges_are_the_last_ones_and_deltas_add_up() {
    let mut told = told();
    let first =
        vec![point("gauge", Kind::Gauge, 1.0), point("gone", Kind::Gauge, 9.0), point("delta", DELTA, 2.0)];
    assert_eq!(told.take_in(push(first), 10), 0);
    let second =
        vec![point("gauge", Kind::Gauge, -4.0), point("delta", DELTA, 3.0), point("total", TOTAL, 5.0)];
    assert_eq!(told.take_in(push(second), 10), 0);
    let gauge = ("gauge", Value::Gauge(-4.0));
    assert_eq!(series(&told), [("delta", Value::Counter(5.0)), gauge, ("total", Value::Counter(5.0))]);
    // A counter that is not told stays, and none goes back or becomes nothing.
    told.take_in(push(vec![point("total", TOTAL, f64::NAN), point("delta", DELTA, -1.0)]), 10);
    assert_eq!(series(&told), [("delta", Value::Counter(5.0)), ("total", Value::Counter(5.0))]);
    told.take_in(push(vec![point("total", TOTAL, 6.0)]), 10);
    assert_eq!(series(&told), [("delta", Value::Counter(5.0)), ("total", Value::Counter(6.0))]);
}

#[test]
fn there_are_so_many_series_and_what_is_beyond_is_counted() {
    let mut told = told();
    let many = (0..MAX_SERIES + 5).map(|number| point(&number.to_string(), DELTA, 1.0)).collect();
    assert_eq!(told.take_in(push(many), usize::MAX / 2), 5);
    assert_eq!(told.len(), MAX_SERIES);
    let mut told = self::told();
    let points = || vec![point("a", DELTA, 1.0), point("b", DELTA, 1.0), point("c", Kind::Gauge, 1.0)];
    assert_eq!(told.take_in(push(points()), 2), 1);
    // What has its place keeps it.
    assert_eq!(told.take_in(push(points()), 0), 1);
    assert_eq!(series(&told), [("a", Value::Counter(2.0)), ("b", Value::Counter(2.0))]);
    let long = Point { attributes: "x".repeat(MAX_TEXT_BYTES + 1), ..point("long", DELTA, 1.0) };
    assert_eq!(told.take_in(push(vec![long]), 10), 1);
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(cut("short"), "short");
    let long = format!("{}ü", "x".repeat(MAX_TEXT_BYTES - 1));
    assert_eq!(cut(&long), "x".repeat(MAX_TEXT_BYTES - 1));
}
