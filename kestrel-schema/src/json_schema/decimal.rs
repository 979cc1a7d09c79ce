//! Exact numbers, since `0.3` is a multiple of `0.1` in a schema although it is none in binary.

use std::cmp::Ordering;

use serde_json::Number;

/// A number of a schema as digits and a power of ten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    digits: i128,
    exponent: i32,
    /// For numbers too far apart to be written with one exponent.
    nearly: f64,
}

impl Decimal {
    pub(super) fn of(number: &Number) -> Self {
        let text = number.to_string();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Self {
            // At most 20 digits, which is what 64 bits print as.
            digits: format!("{whole}{fraction}").parse().unwrap_or_default(),
            exponent: exponent.parse::<i32>().unwrap_or_default()
                - i32::try_from(fraction.len()).unwrap_or_default(),
            nearly: number.as_f64().unwrap_or_default(),
        }
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match self.aligned(other) {
            Some((a, b)) => a.cmp(&b),
            None => self.nearly.total_cmp(&other.nearly),
        }
    }

    /// Its digits without zeros at their end, and the power of ten: the same for numbers that are equal.
    pub(super) fn normal(self) -> (i128, i32) {
        let Self { mut digits, mut exponent, .. } = self;
        if digits == 0 {
            return (0, 0);
        }
        while digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        (digits, exponent)
    }

    /// Whether it is one of `other`, times an integer. Nothing but zero is a multiple of zero.
    pub(super) fn is_multiple_of(self, other: Self) -> bool {
        self.aligned(other).is_some_and(|(a, b)| if b == 0 { a == 0 } else { a % b == 0 })
    }

    /// The digits of both with the smaller one's exponent, unless that is too long.
    fn aligned(self, other: Self) -> Option<(i128, i128)> {
        let exponent = self.exponent.min(other.exponent);
        let digits = |number: Self| {
            let shift = u32::try_from(number.exponent - exponent).ok()?;
            if number.digits == 0 { Some(0) } else { number.digits.checked_mul(10_i128.checked_pow(shift)?) }
        };
        Some((digits(self)?, digits(other)?))
    }
}
