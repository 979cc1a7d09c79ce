//! Logical types: which of them Java takes for valid, and so puts in front of other properties when a schema is normalized.

use super::json::Json;
use super::types::{Fixed, Primitive, Shape, Type};

/// The properties that make up the logical type of `this`, in the order of a normalized schema; none if it has no valid one.
pub(super) fn properties_of_logical_type(this: &Type) -> Vec<&'static str> {
    let property = |name: &str| this.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let Some(Json::Text(logical)) = property("logicalType") else { return Vec::new() };
    let primitive = match this.shape {
        Shape::Primitive(primitive) => Some(primitive),
        _ => None,
    };
    let fixed = match &this.shape {
        Shape::Fixed(fixed) => Some(fixed.size),
        _ => None,
    };
    let is_valid = match logical.as_str() {
        "date" | "time-millis" => primitive == Some(Primitive::Int),
        "time-micros"
        | "timestamp-millis"
        | "timestamp-micros"
        | "timestamp-nanos"
        | "local-timestamp-millis"
        | "local-timestamp-micros"
        | "local-timestamp-nanos" => primitive == Some(Primitive::Long),
        "uuid" => primitive == Some(Primitive::String) || fixed == Some(16),
        "duration" => fixed == Some(12),
        "big-decimal" => primitive == Some(Primitive::Bytes),
        "decimal" => return decimal(this, property("precision"), property("scale")),
        _ => false,
    };
    if is_valid { vec!["logicalType"] } else { Vec::new() }
}

fn decimal(this: &Type, precision: Option<&Json>, scale: Option<&Json>) -> Vec<&'static str> {
    let number = |json: Option<&Json>| match json {
        Some(Json::Number(number)) => number.as_integer::<i32>(),
        _ => None,
    };
    let Some(precision) = number(precision) else { return Vec::new() };
    let Some(scale) = scale.map_or(Some(0), |scale| number(Some(scale))) else { return Vec::new() };
    let most = match &this.shape {
        Shape::Primitive(Primitive::Bytes) => f64::from(i32::MAX),
        Shape::Fixed(Fixed { size, .. }) => (2f64.log10() * (8.0 * f64::from(*size) - 1.0)).floor(),
        _ => 0.0,
    };
    if precision <= 0 || f64::from(precision) > most || scale < 0 || scale > precision {
        return Vec::new();
    }
    // A scale of zero is an ordinary property.
    if scale == 0 { vec!["logicalType", "precision"] } else { vec!["logicalType", "precision", "scale"] }
}
