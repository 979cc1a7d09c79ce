//! A place in a topic as `--from` and `--to` name it. Pure.

use std::ops::Range;
use std::str::FromStr;

use kestrel_client::Timestamp;

use crate::values::Moment;

/// Where reading begins or ends, in every partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first record that the log holds.
    Beginning,
    /// After the last record.
    End,
    /// This offset.
    Offset(i64),
    /// So many offsets before the end.
    BeforeEnd(i64),
    /// The first record of this time or a later one.
    Time(Moment),
}

impl FromStr for Place {
    type Err = String;

    /// Reads `beginning`, `end`, an offset, `-N` for N before the end, `@` and milliseconds since 1970, or whatever is a [`Moment`].
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number
                .then(|| digits.parse::<i64>().map_err(|_| format!("{digits} is larger than any offset")))
        };
        match text {
            "beginning" | "earliest" | "start" => return Ok(Self::Beginning),
            "end" | "latest" => return Ok(Self::End),
            _ => {}
        }
        if let Some(millis) = text.strip_prefix('@').and_then(number) {
            return Ok(Self::Time(Moment::At(Timestamp::from_millis(millis?))));
        }
        if let Some(offset) = number(text) {
            return Ok(Self::Offset(offset?));
        }
        if let Some(before) = text.strip_prefix('-').and_then(number) {
            return Ok(Self::BeforeEnd(before?));
        }
        Moment::parse(text).map(Self::Time).map_err(|_| {
            "expected beginning, end, an offset, -100 for a hundred before the end, a time such as 2026-11-30T08:15Z, or -2h \
             for two hours ago"
                .to_owned()
        })
    }
}

impl Place {
    /// The time that the log has to be searched for; nothing before 1970.
    pub(crate) fn time(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Time(moment) => Some(moment.resolve(now).max(Timestamp::from_millis(0))),
            _ => None,
        }
    }

    /// The offset in a log that holds `log`, in which `found` is the first record of the place's time.
    pub(crate) fn resolve(self, log: &Range<i64>, found: Option<i64>) -> i64 {
        let offset = match self {
            Self::Beginning => log.start,
            Self::End => log.end,
            Self::Offset(offset) => offset,
            Self::BeforeEnd(count) => log.end.saturating_sub(count),
            Self::Time(_) => found.unwrap_or(log.end),
        };
        offset.clamp(log.start, log.end.max(log.start))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn places_are_read() {
        let time = |millis| Place::Time(Moment::At(Timestamp::from_millis(millis)));
        for (text, place) in [
            ("beginning", Place::Beginning),
            ("latest", Place::End),
            ("0", Place::Offset(0)),
            ("-5", Place::BeforeEnd(5)),
            ("@1796026500000", time(1_796_026_500_000)),
            ("2026-11-30T08:15:00Z", time(1_796_026_500_000)),
            ("-2h", Place::Time(Moment::Ago(Duration::from_secs(7_200)))),
        ] {
            assert_eq!(text.parse(), Ok(place), "{text}");
        }
        for text in ["", "-", "@", "yesterday", "1.5", "99999999999999999999", "--5"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_is_within_what_the_log_holds() {
        let log = 10..20;
        let time = Place::Time(Moment::Ago(Duration::ZERO));
        for (place, found, offset) in [
            (Place::Beginning, None, 10),
            (Place::End, None, 20),
            (Place::Offset(3), None, 10),
            (Place::Offset(99), None, 20),
            (Place::BeforeEnd(4), None, 16),
            (Place::BeforeEnd(400), None, 10),
            (time, Some(12), 12),
            (time, None, 20),
        ] {
            assert_eq!(place.resolve(&log, found), offset, "{place:?} {found:?}");
        }
        let long_ago = Moment::Ago(Duration::MAX);
        assert_eq!(Place::Time(long_ago).time(Timestamp::from_millis(5)), Some(Timestamp::from_millis(0)));
    }
}
