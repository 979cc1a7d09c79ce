//! Numbers and times as people read them.

use kestrel_client::Timestamp;

/// A number with a comma between thousands.
///
/// ```
/// assert_eq!(kestrel_examples::thousands(1_707), "1,707");
/// ```
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in (first..digits.len()).step_by(3).map(|start| &digits[start..start + 3]) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(group);
    }
    text
}

/// A record's timestamp as date and time of day in UTC.
///
/// ```
/// use kestrel_client::Timestamp;
/// assert_eq!(kestrel_examples::utc(Timestamp::from_millis(1_517_932_242_400)), "2018-02-06 15:50:42");
/// ```
#[must_use]
pub fn utc(timestamp: Timestamp) -> String {
    let seconds = timestamp.as_millis().div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a day counted from 1970. Years are counted from March here, so that leap days come last.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = days_since_1970 + 719_468; // since 1 March of the year 0
    let (era, day) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153; // 0 is March
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let is_before_january = month < 10;
    let month = if is_before_january { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(!is_before_january), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        let dates = [-1, 0, 58, 59, 789, 790, 11_016, 20_778].map(date);
        let expected = [
            (1969, 12, 31),
            (1970, 1, 1),
            (1970, 2, 28),
            (1970, 3, 1),
            (1972, 2, 29),
            (1972, 3, 1),
            (2000, 2, 29),
            (2026, 11, 21),
        ];
        assert_eq!(dates, expected);
    }

    #[test]
    fn thousands_are_set_apart() {
        let texts = [0, 12, 999, 1_000, 45_678, 1_234_567].map(thousands);
        assert_eq!(texts, ["0", "12", "999", "1,000", "45,678", "1,234,567"]);
    }
}
