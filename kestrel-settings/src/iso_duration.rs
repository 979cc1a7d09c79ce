//! Durations in the part of ISO 8601 that Java's `Duration` reads.

use std::time::Duration;

/// Reads `PnDTnHnMn.nS`, no part of it negative; `None` for anything else.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(kestrel_settings::parse_iso_duration("PT1H30M"), Some(Duration::from_secs(5400)));
/// assert_eq!(kestrel_settings::parse_iso_duration("90 minutes"), None);
/// ```
#[must_use]
pub fn parse_iso_duration(text: &str) -> Option<Duration> {
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let total = units(days, &[('D', 86_400)])?;
    total.checked_add(units(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)
}

/// The sum of numbers with units, each unit at most once and in order; only the last unit may have a fraction.
fn units(mut text: &str, units: &[(char, u64)]) -> Option<Duration> {
    let mut total = Duration::ZERO;
    for &(unit, seconds) in units {
        let Some((number, rest)) = text.split_once(unit) else { continue };
        total = total.checked_add(match number.split_once('.') {
            Some((whole, fraction)) if seconds == 1 && fraction.len() <= 9 => {
                let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
                Duration::new(whole.parse().ok()?, nanos)
            }
            Some(_) => return None,
            None => Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?),
        })?;
        text = rest;
    }
    text.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_java_reads_them() {
        for (text, millis) in
            [("P1DT2H3M4.5S", 93_784_500), ("PT0S", 0), ("P7D", 604_800_000), ("PT0.001S", 1)]
        {
            assert_eq!(parse_iso_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "P", "PT", "-PT1S", "PT1X", "PT1M2H", "1H", "PT1.5H", "P99999999999999999D"] {
            assert_eq!(parse_iso_duration(wrong), None, "{wrong}");
        }
    }
}
