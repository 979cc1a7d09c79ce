//! Durations as people write them (`1h30m`, `500ms`, `7d`) and as Java does (`PT1H30M`). Pure.

use std::time::Duration;

/// The units, the longest first.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration: numbers with units, or ISO 8601.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed = if text.starts_with('P') { kestrel_settings::parse_iso_duration(text) } else { units(text) };
    parsed.ok_or_else(|| "expected a duration such as 90s, 1h30m, 7d or PT15M".to_owned())
}

fn units(mut text: &str) -> Option<Duration> {
    let mut total: u64 = 0;
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = text.split_at(digits);
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(unit);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*millis)?)?;
        text = rest;
    }
    (total > 0).then(|| Duration::from_millis(total))
}

/// The two largest units of a duration, as `parse_duration` reads them.
pub(crate) fn write_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let days_and_less = UNITS.get(1..).unwrap_or_default();
    let mut left = millis;
    let mut written = Vec::new();
    for (unit, size) in days_and_less {
        if left >= *size {
            written.push(format!("{}{unit}", left / size));
            left %= size;
        }
    }
    if written.is_empty() { "0s".to_owned() } else { written.into_iter().take(2).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1w", 604_800_000),
            ("PT15M", 900_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "h", "1y", "1h-3m", "0s", "99999999999999999999d", "PT", "-5m"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_two_largest_units_are_shown() {
        for (millis, text) in
            [(0, "0s"), (999, "999ms"), (1_500, "1s500ms"), (93_784_000, "1d2h"), (3_600_000, "1h")]
        {
            assert_eq!(write_duration(Duration::from_millis(millis)), text);
        }
    }
}
