//! Types whose derived schemas have Avro's logical types, as Kafka Connect's converters and ksqlDB know them.
//!
//! Numbers and bytes with a meaning, and no calendar: the crates for dates and decimals of a program convert from and to them.
//!
//! | type | in the schema | Kafka Connect | ksqlDB |
//! |---|---|---|---|
//! | [`Decimal<9, 2>`](Decimal) | `bytes`, `decimal` of 9 digits, 2 of them behind the point | `Decimal` | `DECIMAL(9, 2)` |
//! | [`Date`] | `int`, `date` | `Date` | `DATE` |
//! | [`TimeMillis`] | `int`, `time-millis` | `Time` | `TIME` |
//! | [`TimestampMillis`] | `long`, `timestamp-millis` | `Timestamp` | `TIMESTAMP` |
//! | [`TimestampMicros`] | `long`, `timestamp-micros` | a long | `BIGINT` |
//! | [`UuidText`] | `string`, `uuid` | a string | `VARCHAR` |
//!
//! ```
//! use apache_avro::AvroSchema;
//! use kestrel_serde::Avro;
//! use kestrel_serde::logical::{Date, Decimal, UuidText};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, AvroSchema, Serialize, Deserialize)]
//! struct Payment {
//!     amount: Decimal<9, 2>,
//!     day: Date,
//!     refunds: Option<UuidText>,
//! }
//!
//! let payment = Payment { amount: "12.34".parse()?, day: Date(20_787), refunds: None };
//! assert_eq!((payment.amount.unscaled(), payment.amount.to_string()), (1_234, "12.34".into()));
//! let schema = Avro::of::<Payment>()?.schema_text();
//! assert!(schema.contains(r#"{"type":"bytes","logicalType":"decimal","scale":2,"precision":9}"#), "{schema}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use apache_avro::schema::{
    DecimalSchema, InnerDecimalSchema, Name, NamespaceRef, RecordField, Schema, UuidSchema,
};
use apache_avro::{AvroSchemaComponent, Uuid};
use serde::de::{self, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Says a schema that is no record.
macro_rules! plain_schema {
    ($schema:expr) => {
        fn get_schema_in_ctxt(_: &mut HashSet<Name>, _: NamespaceRef<'_>) -> Schema {
            $schema
        }

        fn get_record_fields_in_ctxt(_: &mut HashSet<Name>, _: NamespaceRef<'_>) -> Option<Vec<RecordField>> {
            None
        }
    };
}

/// A number with a meaning.
macro_rules! numbers {
    ($($(#[$attribute:meta])* $name:ident($number:ty) is $schema:ident;)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $number);

        impl AvroSchemaComponent for $name {
            plain_schema!(Schema::$schema);
        }
    )*};
}

numbers! {
    /// A day, in days since 1970-01-01.
    ///
    /// ```
    /// use apache_avro::Schema;
    /// use kestrel_serde::{Avro, logical::Date};
    ///
    /// assert_eq!(Avro::of::<Date>()?.schema(), &Schema::Date);
    /// # Ok::<(), kestrel_serde::SerdeError>(())
    /// ```
    Date(i32) is Date;
    /// A time of a day, in milliseconds since midnight.
    ///
    /// ```
    /// use kestrel_serde::logical::TimeMillis;
    ///
    /// assert!(TimeMillis(12 * 60 * 60 * 1_000) > TimeMillis::default());
    /// ```
    TimeMillis(i32) is TimeMillis;
    /// An instant, in milliseconds since 1970-01-01 in UTC.
    ///
    /// ```
    /// use kestrel_serde::logical::TimestampMillis;
    ///
    /// assert!(TimestampMillis(1_796_014_800_000) > TimestampMillis(-1));
    /// ```
    TimestampMillis(i64) is TimestampMillis;
    /// An instant, in microseconds since 1970-01-01 in UTC.
    ///
    /// ```
    /// use kestrel_serde::logical::TimestampMicros;
    ///
    /// assert_eq!(TimestampMicros(1_500).0 / 1_000, 1);
    /// ```
    TimestampMicros(i64) is TimestampMicros;
}

/// A decimal number of up to 38 digits, in as few bytes as its value needs.
///
/// ```
/// use kestrel_serde::logical::Decimal;
///
/// let price: Decimal<9, 2> = "-12.3".parse()?;
/// assert_eq!((price.unscaled(), price.to_string()), (-1_230, "-12.30".into()));
/// assert_eq!(price, Decimal::new(-1_230));
/// assert!("0.001".parse::<Decimal<9, 2>>().is_err(), "no digit is dropped");
/// # Ok::<(), kestrel_serde::logical::InvalidDecimal>(())
/// ```
///
/// To write a value of more than `PRECISION` digits is an error. A precision above 38, or a scale above the precision, does not
/// compile.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal<const PRECISION: u32, const SCALE: u32>(i128);

/// The reason why a text is no [`Decimal`] of its precision and scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no decimal number of {precision} digits, {scale} of them behind the point")]
pub struct InvalidDecimal {
    precision: u32,
    scale: u32,
}

impl<const PRECISION: u32, const SCALE: u32> Decimal<PRECISION, SCALE> {
    /// The number that is so many units of its last digit: 1,234 is 12.34 with a scale of 2.
    #[must_use]
    pub const fn new(unscaled: i128) -> Self {
        let () = Self::VALID;
        Self(unscaled)
    }

    /// How many units of its last digit it is.
    #[must_use]
    pub const fn unscaled(self) -> i128 {
        self.0
    }

    fn fits(self) -> bool {
        10_u128.checked_pow(PRECISION).is_none_or(|limit| self.0.unsigned_abs() < limit)
    }

    const VALID: () =
        assert!(0 < PRECISION && PRECISION <= 38 && SCALE <= PRECISION, "no such decimal numbers");
    const INVALID: InvalidDecimal = InvalidDecimal { precision: PRECISION, scale: SCALE };
}

impl<const PRECISION: u32, const SCALE: u32> AvroSchemaComponent for Decimal<PRECISION, SCALE> {
    plain_schema!({
        let () = Self::VALID;
        let inner = InnerDecimalSchema::Bytes;
        Schema::Decimal(DecimalSchema { precision: PRECISION as usize, scale: SCALE as usize, inner })
    });
}

impl<const PRECISION: u32, const SCALE: u32> Serialize for Decimal<PRECISION, SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.fits() {
            return Err(S::Error::custom(format_args!("{self} is {}", Self::INVALID)));
        }
        let bytes = self.0.to_be_bytes();
        // What only repeats the sign is left out, as by Java's BigInteger.
        let sign = if self.0 < 0 { 0xff } else { 0 };
        let repeated = bytes.windows(2).take_while(|pair| pair[0] == sign && (pair[0] ^ pair[1]) & 0x80 == 0);
        let repeated = repeated.count();
        serializer.serialize_bytes(bytes.get(repeated..).unwrap_or_default())
    }
}

impl<'de, const PRECISION: u32, const SCALE: u32> Deserialize<'de> for Decimal<PRECISION, SCALE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(DecimalVisitor).map(Self)
    }
}

struct DecimalVisitor;

impl Visitor<'_> for DecimalVisitor {
    type Value = i128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a decimal number of at most 128 bits")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<i128, E> {
        let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let sign = if is_negative { 0xff } else { 0 };
        let (repeated, last) = bytes.split_at(bytes.len().saturating_sub(16));
        let mut number = [sign; 16];
        number[16 - last.len()..].copy_from_slice(last);
        let number = i128::from_be_bytes(number);
        if repeated.iter().any(|byte| *byte != sign) || (number < 0) != is_negative {
            return Err(E::custom("a decimal number of more than 128 bits"));
        }
        Ok(number)
    }
}

impl<const PRECISION: u32, const SCALE: u32> FromStr for Decimal<PRECISION, SCALE> {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let missing = (SCALE as usize).checked_sub(fraction.len()).ok_or(Self::INVALID)?;
        let has_digits = text.bytes().any(|byte| byte.is_ascii_digit());
        if !has_digits || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Self::INVALID);
        }
        let digits = format!("{whole}{fraction}{:0<missing$}", "");
        digits.parse().map(Self).ok().filter(|decimal| decimal.fits()).ok_or(Self::INVALID)
    }
}

impl<const PRECISION: u32, const SCALE: u32> fmt::Display for Decimal<PRECISION, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>width$}", self.0.unsigned_abs(), width = SCALE as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - SCALE as usize);
        let point = if SCALE == 0 { "" } else { "." };
        f.pad_integral(self.0 >= 0, "", &format!("{whole}{point}{fraction}"))
    }
}

impl<const PRECISION: u32, const SCALE: u32> fmt::Debug for Decimal<PRECISION, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A UUID as text, which is how other languages write one. A plain `Uuid` in a struct is 16 bytes.
///
/// ```
/// use kestrel_serde::logical::UuidText;
///
/// let id = UuidText("67e55044-10b1-426f-9247-bb680e5fe0c8".parse()?);
/// assert_eq!(id.0.get_version_num(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UuidText(pub Uuid);

impl AvroSchemaComponent for UuidText {
    plain_schema!(Schema::Uuid(UuidSchema::String));
}

impl Serialize for UuidText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de> Deserialize<'de> for UuidText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(UuidVisitor)
    }
}

struct UuidVisitor;

impl Visitor<'_> for UuidVisitor {
    type Value = UuidText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<UuidText, E> {
        Uuid::parse_str(text).map(UuidText).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests;
