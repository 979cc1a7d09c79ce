//! Civil: days of the Gregorian calendar as numbers, and back. Pure.
//!
//! The year begins in March here, so that the leap day is the last one of a year: then months before a day are a straight line.

/// Days in 400 years, after which the calendar repeats itself.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
}

impl Civil {
    /// The day that is so many days after 1970-01-01.
    pub(super) const fn from_days(days: i64) -> Self {
        let days = days + EPOCH_DAYS;
        let era = days.div_euclid(ERA_DAYS);
        let day_of_era = days.rem_euclid(ERA_DAYS);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (ERA_DAYS - 1)) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self { year, month, day: day_of_year - (153 * month_from_march + 2) / 5 + 1 }
    }

    /// How many days after 1970-01-01 it is; `None` for a day that no month has.
    pub(super) fn to_days(self) -> Option<i64> {
        if !(1..=12).contains(&self.month) || !(1..=31).contains(&self.day) {
            return None;
        }
        let year = self.year - i64::from(self.month <= 2);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = year.div_euclid(400) * ERA_DAYS + day_of_era - EPOCH_DAYS;
        (Self::from_days(days) == self).then_some(days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_the_same() {
        for (days, (year, month, day)) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (19_782, (2024, 2, 29)),
            (20_787, (2026, 11, 30)),
            (2_932_896, (9999, 12, 31)),
        ] {
            let civil = Civil { year, month, day };
            assert_eq!((Civil::from_days(days), civil.to_days()), (civil, Some(days)));
        }
        for days in (-200_000..200_000).step_by(17) {
            assert_eq!(Civil::from_days(days).to_days(), Some(days));
        }
    }

    #[test]
    fn days_that_no_month_has_are_none() {
        for (year, month, day) in [(2025, 2, 29), (1900, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 1, 0)] {
            assert_eq!(Civil { year, month, day }.to_days(), None, "{year}-{month}-{day}");
        }
    }
}
