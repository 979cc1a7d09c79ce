//! The rules: what a customer may do with a card within a minute. Pure; `main` feeds them with payments and sends what they say.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How far back the rules look, in milliseconds.
pub(crate) const WINDOW_MS: i64 = 60_000;
/// So many payments a customer may make within the window.
const MOST_PAYMENTS: usize = 5;
/// So many cents a customer may pay within the window.
const MOST_CENTS: u64 = 200_000;

/// A payment by card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payment {
    /// The payment's number.
    pub(crate) id: u64,
    /// Whose card it was: the record key.
    pub(crate) customer: String,
    /// How much was paid, in cents.
    pub(crate) cents: u64,
    /// Where it was paid.
    pub(crate) country: String,
    /// When it was paid, in milliseconds since the Unix epoch: the record timestamp.
    pub(crate) time_ms: i64,
}

/// A rule that a payment can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Rule {
    /// More than five payments in a minute.
    TooOften,
    /// More than 2,000.00 in a minute.
    TooMuch,
    /// Payments in two countries within a minute.
    TwoCountries,
}

/// A payment that has broken a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// Whose card it was: the record key.
    pub(crate) customer: String,
    /// The payment.
    pub(crate) payment: u64,
    /// The rule.
    pub(crate) rule: Rule,
}

/// The payments of one customer within the last minute.
#[derive(Debug, Default)]
pub(crate) struct LastMinute(VecDeque<Payment>);

impl LastMinute {
    /// Adds the customer's next payment; gives the rules that it breaks.
    pub(crate) fn pay(&mut self, payment: &Payment) -> Vec<Alert> {
        while self.0.front().is_some_and(|oldest| payment.time_ms - oldest.time_ms > WINDOW_MS) {
            self.0.pop_front();
        }
        self.0.push_back(payment.clone());
        let broken = [
            (Rule::TooOften, self.0.len() > MOST_PAYMENTS),
            (Rule::TooMuch, self.0.iter().map(|payment| payment.cents).sum::<u64>() > MOST_CENTS),
            (Rule::TwoCountries, self.0.iter().any(|other| other.country != payment.country)),
        ];
        let alert = |rule| Alert { customer: payment.customer.clone(), payment: payment.id, rule };
        broken.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| alert(rule)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(payments: &[(i64, u64, &str)]) -> Vec<Vec<Rule>> {
        let mut minute = LastMinute::default();
        let pay = |(id, &(second, cents, country)): (u64, &(i64, u64, &str))| {
            let (customer, country) = ("c".to_owned(), country.to_owned());
            let alerts = minute.pay(&Payment { id, customer, cents, country, time_ms: second * 1000 });
            assert!(alerts.iter().all(|alert| alert.payment == id));
            alerts.into_iter().map(|alert| alert.rule).collect()
        };
        (0..).zip(payments).map(pay).collect()
    }

    #[test]
    fn the_sixth_payment_of_a_minute_is_too_often() {
        let often = rules(&[0, 10, 20, 30, 40, 50, 70, 80].map(|second| (second, 100, "IS")));
        let broken: Vec<_> = often.iter().map(|rules| rules.contains(&Rule::TooOften)).collect();
        assert_eq!(broken, [false, false, false, false, false, true, true, true]);
        assert!(rules(&[0, 10, 20, 30, 40, 61].map(|second| (second, 100, "IS"))).concat().is_empty());
    }

    #[test]
    fn what_is_paid_in_a_minute_is_added_up() {
        assert_eq!(rules(&[(0, 150_000, "IS"), (60, 50_001, "IS")])[1], [Rule::TooMuch]);
        assert!(rules(&[(0, 150_000, "IS"), (60, 50_000, "IS"), (61, 150_000, "IS")]).concat().is_empty());
    }

    #[test]
    fn nobody_is_in_two_countries_within_a_minute() {
        let travels = rules(&[(0, 100, "IS"), (30, 100, "NZ"), (91, 100, "NZ")]);
        assert_eq!(travels, [vec![], vec![Rule::TwoCountries], vec![]]);
    }
}
