//! Moment: a time as it is written on a command line. Times are UTC unless they say otherwise. Pure.

use std::time::Duration;

use kestrel_client::Timestamp;

use super::civil::Civil;
use super::parse_duration;

const DAY_MS: i64 = 86_400_000;
/// From so many digits on, a number is milliseconds since 1970; fewer could be a year.
const MILLIS_DIGITS: usize = 10;

/// A time: one of the calendar, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// This one.
    At(Timestamp),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// Reads `2026-11-30T11:13:15Z` (also without seconds, time or zone, or with milliseconds or an offset), milliseconds since 1970,
    /// `now`, or a duration that is counted back from now: `-2h`, `2h`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Ago(Duration::ZERO));
        }
        if text.len() >= MILLIS_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let millis = text.parse().map_err(|_| "too many digits for milliseconds since 1970")?;
            return Ok(Self::At(Timestamp::from_millis(millis)));
        }
        if let Ok(duration) = parse_duration(text.strip_prefix('-').unwrap_or(text)) {
            return Ok(Self::Ago(duration));
        }
        date_time(text).map(|millis| Self::At(Timestamp::from_millis(millis))).ok_or_else(|| {
            "expected a time such as 2026-11-30T11:13:15Z, 2026-11-30, milliseconds since 1970, or -2h for two hours ago"
                .to_owned()
        })
    }

    /// The time that it is when it is `now`.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(timestamp) => timestamp,
            Self::Ago(duration) => now.saturating_sub(duration),
        }
    }
}

/// A time of the calendar in ISO 8601, in milliseconds since 1970; `None` before 1970.
fn date_time(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let mut numbers = date.splitn(3, '-').map(digits);
    let civil = Civil { year: numbers.next()??, month: numbers.next()??, day: numbers.next()?? };
    let (clock, offset_minutes) = zone(time)?;
    let millis = civil.to_days()? * DAY_MS + clock_ms(clock)? - offset_minutes * 60_000;
    (millis >= 0).then_some(millis)
}

/// A time of the day, and how many minutes its zone is before UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, 0)) };
    let (clock, zone) = time.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let zone = zone.get(1..)?;
    let (hours, minutes) = zone.split_once(':').or_else(|| zone.split_at_checked(2))?;
    Some((clock, sign * (digits(hours)? * 60 + digits(minutes)?)))
}

fn clock_ms(clock: &str) -> Option<i64> {
    if clock.is_empty() {
        return Some(0);
    }
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let (seconds, fraction) =
        parts.next().map_or(("0", ""), |text| text.split_once('.').unwrap_or((text, "")));
    let seconds = digits(seconds)?;
    let millis = if fraction.is_empty() { 0 } else { digits(format!("{fraction:0<3}").get(..3)?)? };
    (hours < 24 && minutes < 60 && seconds < 60)
        .then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + millis)
}

fn digits(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// A time in ISO 8601, in UTC; `-` for none.
pub(crate) fn write_timestamp(timestamp: Timestamp) -> String {
    let millis = timestamp.as_millis();
    if millis < 0 {
        return "-".to_owned();
    }
    let Civil { year, month, day } = Civil::from_days(millis / DAY_MS);
    let of_day = millis % DAY_MS;
    let (seconds, fraction) = (of_day / 1_000, of_day % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{fraction:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        match Moment::parse(text) {
            Ok(Moment::At(timestamp)) => timestamp.as_millis(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn times_of_the_calendar_are_read() {
        // As `date --date=2026-11-30T11:13:15Z +%s` says.
        assert_eq!(at("2026-11-30T11:13:15Z"), 1_796_037_195_000);
        for (text, other) in [
            ("2026-11-30T11:13:15.000Z", "2026-11-30T11:13:15Z"),
            ("2026-11-30 11:13:15", "2026-11-30T11:13:15Z"),
            ("2026-11-30T12:13:15+01:00", "2026-11-30T11:13:15Z"),
            ("2026-11-30T06:43:15-0430", "2026-11-30T11:13:15Z"),
            ("2026-11-30T00:00", "2026-11-30"),
        ] {
            assert_eq!(at(text), at(other), "{text}");
        }
        assert_eq!(at("2026-11-30T11:13:15.25Z") - at("2026-11-30T11:13:15Z"), 250);
        assert_eq!(at("1796037195000"), 1_796_037_195_000);
    }

    #[test]
    fn times_before_now_are_read() {
        let two_hours = Moment::Ago(Duration::from_secs(7_200));
        assert_eq!((Moment::parse("-2h"), Moment::parse("2h")), (Ok(two_hours), Ok(two_hours)));
        assert_eq!(two_hours.resolve(Timestamp::from_millis(7_200_001)), Timestamp::from_millis(1));
        assert_eq!(
            Moment::parse("now").map(|now| now.resolve(Timestamp::from_millis(7))),
            Ok(Timestamp::from_millis(7))
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-02-30",
            "2026-11-30T25:00",
            "2026-11-30T10",
            "1969-12-31",
            "yesterday",
            "2026-11-30T10:00:00+1",
            "99999999999999999999",
        ] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        for text in ["2026-11-30T11:13:15.250Z", "1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z"] {
            assert_eq!(write_timestamp(Timestamp::from_millis(at(text))), text);
        }
        assert_eq!(write_timestamp(Timestamp::NONE), "-");
    }
}
