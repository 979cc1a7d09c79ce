//! Times and durations in nanoseconds, read from text and written. UTC where no offset is said; pure.

use std::fmt::{self, Write};

/// The nanoseconds of each unit of a duration, the largest first.
pub(crate) const UNITS: [(&str, i128); 8] = [
    ("w", 7 * 86_400 * SECOND),
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("us", 1_000),
    ("ns", 1),
];
pub(crate) const SECOND: i128 = 1_000_000_000;
pub(crate) const MILLISECOND: i128 = 1_000_000;
const DAY: i128 = 86_400 * SECOND;

/// The time that a text is: `2026-11-30`, or that with `T08:15` or a space and more digits, and an offset from UTC.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let mut digits = Cursor(text);
    let year = digits.number(4)?;
    let month = digits.after("-")?.number(2)?;
    let day = digits.after("-")?.number(2)?;
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let midnight = i128::from(day_number(year, month, day)) * DAY;
    if digits.0.is_empty() {
        return Some(midnight);
    }
    digits.0 = digits.0.strip_prefix(['T', 't', ' '])?;
    let time = digits.time_of_day()?;
    let offset = if digits.0.is_empty() { 0 } else { parse_offset(digits.0)? };
    Some(midnight + time - offset)
}

/// The offset from UTC that a text is: `Z`, `+01:00`, `+0100` or `+01`.
pub(crate) fn parse_offset(text: &str) -> Option<i128> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let mut digits = Cursor(rest);
    let hours = digits.number(2)?;
    let minutes = if digits.0.is_empty() {
        0
    } else {
        digits.0 = digits.0.strip_prefix(':').unwrap_or(digits.0);
        digits.number(2)?
    };
    let is_offset = digits.0.is_empty() && hours < 24 && minutes < 60;
    is_offset.then(|| sign * i128::from(hours * 3_600 + minutes * 60) * SECOND)
}

/// The text of which nothing has been read yet.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn after(&mut self, mark: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(mark)?;
        Some(self)
    }

    /// A number of exactly so many digits.
    fn number(&mut self, length: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    /// Hours and minutes, and what there is of seconds, in nanoseconds.
    fn time_of_day(&mut self) -> Option<i128> {
        let (hours, minutes) = (self.number(2)?, self.after(":")?.number(2)?);
        let seconds = if self.0.starts_with(':') { self.after(":")?.number(2)? } else { 0 };
        let fraction = if self.0.starts_with(['.', ',']) { self.fraction()? } else { 0 };
        let is_time = hours < 24 && minutes < 60 && seconds < 60;
        is_time.then(|| i128::from(hours * 3_600 + minutes * 60 + seconds) * SECOND + fraction)
    }

    /// A point and one to nine digits.
    fn fraction(&mut self) -> Option<i128> {
        let rest = self.0.get(1..)?;
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        let missing = u32::try_from(9_usize.checked_sub(length)?).ok()?;
        digits.parse().ok().map(|number: i128| number * 10_i128.pow(missing))
    }
}

/// A day of the calendar that everybody uses, reckoned back as if it had always been used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Day {
    year: i128,
    month: i128,
    day: i128,
}

impl Day {
    /// The day on which a time is.
    pub(crate) const fn of(time: i128) -> Self {
        // Days since 0000-03-01, so that the leap day is the last of a year.
        let days = time.div_euclid(DAY) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let is_next_year = if month <= 2 { 1 } else { 0 };
        Self { year: year + era * 400 + is_next_year, month, day: of_year - (153 * from_march + 2) / 5 + 1 }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The hour of a time, from 0 to 23.
pub(crate) const fn hour(time: i128) -> i128 {
    time.rem_euclid(DAY) / (3_600 * SECOND)
}

/// The day of the week of a time: 1 is Monday, 7 is Sunday.
pub(crate) const fn weekday(time: i128) -> i128 {
    // 1970-01-01 was a Thursday.
    (time.div_euclid(DAY) + 3).rem_euclid(7) + 1
}

/// A time as text, in UTC: `2026-11-30T08:15:00.25Z`.
pub(crate) fn write_time(time: i128) -> String {
    let (seconds, nanos) = (time.rem_euclid(DAY) / SECOND, time.rem_euclid(SECOND));
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let mut text = format!("{}T{hours:02}:{minutes:02}:{:02}", Day::of(time), seconds % 60);
    if nanos > 0 {
        let _infallible = write!(text, ".{}", format!("{nanos:09}").trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// A duration as a filter has it: `1h30m`.
pub(crate) fn write_duration(duration: i128) -> String {
    let mut text = if duration < 0 { "-".to_owned() } else { String::new() };
    let mut rest = duration.unsigned_abs();
    for (unit, length) in UNITS {
        let length = length.unsigned_abs();
        if rest >= length {
            let _infallible = write!(text, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    if duration == 0 { "0s".to_owned() } else { text }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970-01-01 to a day of a year from 0 to 9999.
const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let years = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (years.div_euclid(400), years.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_time_or_it_is_none() {
        let morning = 1_796_026_500 * SECOND;
        for text in [
            "2026-11-30T08:15:00Z",
            "2026-11-30 08:15",
            "2026-11-30T09:15+01:00",
            "2026-11-30T02:45:00.000-0530",
            "2026-11-30T10:15:00+02",
        ] {
            assert_eq!(parse(text), Some(morning), "{text}");
        }
        assert_eq!(parse("1969-12-31T23:59:59.999999999Z"), Some(-1));
        for text in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-11-30T",
            "2026-11-30T24:00",
            "2026-11-30T08",
            "2026-11-30Z",
            "2026-11-30T08:15:00 Z",
            "2026-11-30T08:15:00.Z",
            "2026-11-30T08:15:00.1234567890Z",
            "+026-11-30",
            "2026-1é",
            "2026-11-30T08:15:00+24:00",
            "30.11.2026",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_written_as_they_are_read() {
        for days in (-719_468..=2_932_000).step_by(97) {
            let text = Day::of(days * DAY).to_string();
            assert!(text.starts_with('-') || parse(&text) == Some(days * DAY), "{text}");
        }
        assert_eq!(write_time(1_796_026_500 * SECOND + 250 * MILLISECOND), "2026-11-30T08:15:00.25Z");
        assert_eq!(write_time(-1), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn hours_and_weekdays_are_those_of_the_calendar() {
        let monday = parse("2026-11-30T08:15:00Z").unwrap();
        assert_eq!((hour(monday), weekday(monday)), (8, 1));
        assert_eq!((hour(-1), weekday(-1)), (23, 3));
    }

    #[test]
    fn durations_are_written_in_the_largest_units() {
        assert_eq!(write_duration(90 * 60 * SECOND), "1h30m");
        assert_eq!(write_duration(-1_500 * MILLISECOND), "-1s500ms");
        assert_eq!(write_duration(0), "0s");
    }
}
