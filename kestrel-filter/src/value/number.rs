//! Numbers: whole ones are exact, others binary fractions, and both are compared without rounding. Pure.

use std::cmp::Ordering;

use crate::undecided::Cause;

/// A number of a record or of a filter. A fraction is always finite.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Whole(i128),
    Fraction(f64),
}

impl Number {
    /// The number of JSON, exact wherever the decoder was.
    pub(crate) fn of_json(number: &serde_json::Number) -> Result<Self, Cause> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        match whole {
            Some(whole) => Ok(Self::Whole(whole)),
            None => finite(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// The number that a text is: digits with a sign, a point and an exponent if need be.
    pub(crate) fn of_text(text: &str) -> Result<Self, Cause> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Whole).map_err(|_| Cause::OutOfRange);
        }
        // Neither `inf` nor `nan`, which Rust would read too.
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Cause::NoNumber);
        }
        text.parse().map_err(|_| Cause::NoNumber).and_then(finite)
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.cmp(&right),
            (Self::Whole(left), Self::Fraction(right)) => whole_beside_fraction(left, right),
            (Self::Fraction(left), Self::Whole(right)) => whole_beside_fraction(right, left).reverse(),
            (Self::Fraction(left), Self::Fraction(right)) => {
                left.partial_cmp(&right).unwrap_or(Ordering::Equal)
            }
        }
    }

    pub(crate) fn plus(self, other: Self) -> Result<Self, Cause> {
        self.exactly(other, i128::checked_add, |left, right| left + right)
    }

    pub(crate) fn minus(self, other: Self) -> Result<Self, Cause> {
        self.exactly(other, i128::checked_sub, |left, right| left - right)
    }

    pub(crate) fn times(self, other: Self) -> Result<Self, Cause> {
        self.exactly(other, i128::checked_mul, |left, right| left * right)
    }

    /// The quotient, which is whole only if nothing is left over.
    pub(crate) fn divided_by(self, other: Self) -> Result<Self, Cause> {
        match (self, other) {
            (_, zero) if zero.is_zero() => Err(Cause::DivisionByZero),
            (Self::Whole(left), Self::Whole(right)) if left.checked_rem(right) == Some(0) => {
                left.checked_div(right).map(Self::Whole).ok_or(Cause::OutOfRange)
            }
            (left, right) => finite(left.approximately() / right.approximately()),
        }
    }

    /// What a division leaves over, with the sign of what is divided.
    pub(crate) fn modulo(self, other: Self) -> Result<Self, Cause> {
        if other.is_zero() {
            return Err(Cause::DivisionByZero);
        }
        self.exactly(other, i128::checked_rem, |left, right| left % right)
    }

    pub(crate) fn negated(self) -> Result<Self, Cause> {
        match self {
            Self::Whole(whole) => whole.checked_neg().map(Self::Whole).ok_or(Cause::OutOfRange),
            Self::Fraction(fraction) => Ok(Self::Fraction(-fraction)),
        }
    }

    pub(crate) fn absolute(self) -> Result<Self, Cause> {
        match self.compare(Self::Whole(0)) {
            Ordering::Less => self.negated(),
            _ => Ok(self),
        }
    }

    /// The largest whole number that is not above this one, and whether it is this one; saturated far beyond 64 bits.
    pub(crate) fn floor(self) -> (i128, bool) {
        match self {
            Self::Whole(whole) => (whole, true),
            Self::Fraction(fraction) => {
                let floor = fraction.floor();
                #[expect(clippy::cast_possible_truncation, reason = "saturation is what is asked for")]
                let whole = floor as i128;
                (whole, whole_beside_fraction(whole, fraction) == Ordering::Equal)
            }
        }
    }

    fn is_zero(self) -> bool {
        self.compare(Self::Whole(0)) == Ordering::Equal
    }

    #[expect(clippy::cast_precision_loss, reason = "beside a fraction a sum is one")]
    const fn approximately(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Fraction(fraction) => fraction,
        }
    }

    /// Works on whole numbers exactly or not at all, and on fractions as processors do.
    fn exactly(
        self,
        other: Self,
        whole: impl Fn(i128, i128) -> Option<i128>,
        fraction: impl Fn(f64, f64) -> f64,
    ) -> Result<Self, Cause> {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => {
                whole(left, right).map(Self::Whole).ok_or(Cause::OutOfRange)
            }
            (left, right) => finite(fraction(left.approximately(), right.approximately())),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Ordering::Equal
    }
}

fn finite(fraction: f64) -> Result<Number, Cause> {
    if fraction.is_finite() { Ok(Number::Fraction(fraction)) } else { Err(Cause::OutOfRange) }
}

/// Beyond this one, which is 2^127, no fraction has a whole number of 128 bits below it.
const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

fn whole_beside_fraction(whole: i128, fraction: f64) -> Ordering {
    if fraction >= LIMIT {
        return Ordering::Less;
    }
    if fraction < -LIMIT {
        return Ordering::Greater;
    }
    let trunc = fraction.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    let beside = whole.cmp(&(trunc as i128));
    beside.then(0.0_f64.partial_cmp(&(fraction - trunc)).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_fractions_are_compared_exactly() {
        let beyond = Number::Whole((1 << 53) + 1);
        assert_eq!(beyond.compare(Number::Fraction(9_007_199_254_740_992.0)), Ordering::Greater);
        assert_eq!(Number::Whole(2).compare(Number::Fraction(2.5)), Ordering::Less);
        assert_eq!(Number::Whole(-2).compare(Number::Fraction(-2.5)), Ordering::Greater);
        assert_eq!(Number::Fraction(1e300).compare(Number::Whole(i128::MAX)), Ordering::Greater);
        assert_eq!(Number::Fraction(-1e300).compare(Number::Whole(i128::MIN)), Ordering::Less);
        assert_eq!(Number::Fraction(-0.0), Number::Whole(0));
    }

    #[test]
    fn a_quotient_is_whole_if_nothing_is_left_over() {
        assert_eq!(Number::Whole(6).divided_by(Number::Whole(3)), Ok(Number::Whole(2)));
        assert_eq!(Number::Whole(7).divided_by(Number::Whole(2)), Ok(Number::Fraction(3.5)));
        assert_eq!(Number::Whole(7).divided_by(Number::Fraction(-0.0)), Err(Cause::DivisionByZero));
        assert_eq!(Number::Whole(i128::MIN).modulo(Number::Whole(-1)), Err(Cause::OutOfRange));
    }

    #[test]
    fn a_text_is_a_number_or_it_is_none() {
        assert_eq!(Number::of_text("9007199254740993"), Ok(Number::Whole(9_007_199_254_740_993)));
        assert_eq!(Number::of_text("-4.5e1"), Ok(Number::Whole(-45)));
        for text in ["", "-", "inf", "nan", "-infinity", "7 ", "0x10", "1_000", ".5"] {
            assert_eq!(Number::of_text(text), Err(Cause::NoNumber), "{text}");
        }
        assert_eq!(Number::of_text("1e999"), Err(Cause::OutOfRange));
        assert_eq!(Number::of_text(&"9".repeat(50)), Err(Cause::OutOfRange));
    }
}
