//! A schema in one or two words, for the text of errors.
//!
//! Never the whole schema: a real one fills pages.

use apache_avro::Schema;
use apache_avro::schema::{DecimalSchema, UuidSchema};

/// `long`, `timestamp-millis`, `record Position`, `union of null and string`.
pub(super) fn describe(schema: &Schema) -> String {
    match schema {
        Schema::Null => "null".into(),
        Schema::Boolean => "boolean".into(),
        Schema::Int => "int".into(),
        Schema::Long => "long".into(),
        Schema::Float => "float".into(),
        Schema::Double => "double".into(),
        Schema::Bytes => "bytes".into(),
        Schema::String => "string".into(),
        Schema::Array(_) => "array".into(),
        Schema::Map(_) => "map".into(),
        Schema::Union(union) => {
            let branches: Vec<_> = union.variants().iter().map(describe).collect();
            format!("union of {}", branches.join(", "))
        }
        Schema::Record(record) => format!("record {}", record.name),
        Schema::Enum(symbols) => format!("enum {}", symbols.name),
        Schema::Fixed(fixed) => format!("fixed {} of {} bytes", fixed.name, fixed.size),
        Schema::Ref { name } => name.to_string(),
        logical => meaning(logical).unwrap_or_default(),
    }
}

/// What a logical type says beyond its bytes; `None` for the types that say nothing more.
///
/// Two meanings that differ are two schemas that do not fit each other.
pub(super) fn meaning(schema: &Schema) -> Option<String> {
    let meaning = match schema {
        Schema::Decimal(DecimalSchema { precision, scale, .. }) => {
            return Some(format!("decimal({precision}, {scale})"));
        }
        Schema::BigDecimal => "big-decimal",
        Schema::Uuid(UuidSchema::String) => "uuid as text",
        Schema::Uuid(UuidSchema::Bytes | UuidSchema::Fixed(_)) => "uuid as bytes",
        Schema::Date => "date",
        Schema::TimeMillis => "time-millis",
        Schema::TimeMicros => "time-micros",
        Schema::TimestampMillis => "timestamp-millis",
        Schema::TimestampMicros => "timestamp-micros",
        Schema::TimestampNanos => "timestamp-nanos",
        Schema::LocalTimestampMillis => "local-timestamp-millis",
        Schema::LocalTimestampMicros => "local-timestamp-micros",
        Schema::LocalTimestampNanos => "local-timestamp-nanos",
        Schema::Duration(_) => "duration",
        _ => return None,
    };
    Some(meaning.into())
}
