//! Numbers of JSON, read and printed as Jackson does for Avro's Java implementation.

use std::fmt;

/// A number: an integer of any size, or a double.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::avro) enum Number {
    /// Its digits, without a plus and without leading zeros; never `-0`.
    Integer(String),
    Double(f64),
}

impl Number {
    /// The number that a token of JSON's grammar stands for.
    pub(super) fn of_token(token: &str) -> Option<Self> {
        if token.contains(['.', 'e', 'E']) {
            return token.parse().ok().map(Self::Double);
        }
        Some(Self::Integer(if token == "-0" { "0" } else { token }.to_owned()))
    }

    /// The number as an integer of this type, if it is one and fits.
    pub(in crate::avro) fn as_integer<I: std::str::FromStr>(&self) -> Option<I> {
        match self {
            Self::Integer(digits) => digits.parse().ok(),
            Self::Double(_) => None,
        }
    }

    pub(in crate::avro) fn as_double(&self) -> f64 {
        match self {
            Self::Integer(digits) => digits.parse().unwrap_or(f64::NAN),
            Self::Double(double) => *double,
        }
    }
}

/// As Java prints them: what is no number between quotes, since JSON has no way to say it.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(digits) => f.write_str(digits),
            Self::Double(double) if double.is_nan() => f.write_str("\"NaN\""),
            Self::Double(double) if double.is_infinite() => {
                f.write_str(if *double > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" })
            }
            Self::Double(double) => write_double(*double, f),
        }
    }
}

/// `Double.toString` of Java 19 and newer: the fewest digits that tell it apart, plain from 0.001 up to ten million.
fn write_double(double: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let scientific = format!("{double:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an e");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a whole exponent");
    if double == 0.0 || (-3..7).contains(&exponent) {
        let plain = format!("{double}");
        let point = if plain.contains('.') { "" } else { ".0" };
        return write!(f, "{plain}{point}");
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    write!(f, "{mantissa}{point}E{exponent}")
}
