//! Negotiation: which format a scraper wants, by its `Accept`. Pure.

use super::text::Format;

/// The format that is wanted most; of two that are wanted alike OpenMetrics. Who says nothing gets the older one, which people read.
pub(super) fn wanted(accept: Option<&str>) -> Format {
    let Some(accept) = accept else { return Format::Prometheus };
    let weight_of = |names: &[&str]| -> u32 {
        let weights = accept.split(',').filter_map(|range| weight(range, names));
        weights.max().unwrap_or_default()
    };
    let open_metrics = weight_of(&["application/openmetrics-text"]);
    let prometheus = weight_of(&["text/plain", "text/*", "*/*"]);
    if open_metrics > 0 && open_metrics >= prometheus { Format::OpenMetrics } else { Format::Prometheus }
}

/// The weight of a media range in thousandths, if it is one of these; of a version that is not written here there is none.
fn weight(range: &str, names: &[&str]) -> Option<u32> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?;
    if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let mut weight = 1000;
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key.trim().to_ascii_lowercase().as_str() {
            "q" => weight = thousandths(value.trim()),
            "version" if !["1.0.0", "0.0.4"].contains(&value.trim()) => return None,
            _ => {}
        }
    }
    Some(weight)
}

/// A weight from 0 to 1, of which more than three digits have no meaning; what is none counts as 0.
fn thousandths(text: &str) -> u32 {
    match text.split_once('.') {
        None => {
            if text == "1" {
                1000
            } else {
                0
            }
        }
        Some(("0", digits)) => {
            format!("{digits:0<3}").get(..3).and_then(|three| three.parse().ok()).unwrap_or(0)
        }
        Some(("1", _)) => 1000,
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_that_is_wanted_most_is_given() {
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (Some(prometheus_3), Format::OpenMetrics),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (Some("application/openmetrics-text, text/plain"), Format::OpenMetrics),
            (Some("application/openmetrics-text;version=0.0.1"), Format::Prometheus),
            (Some("application/openmetrics-text;q=0, */*"), Format::Prometheus),
            (
                Some("text/plain;version=0.0.4;q=0.7, application/openmetrics-text;version=1.0.0;q=0.25"),
                Format::Prometheus,
            ),
            (Some("text/html,*/*;q=0.8"), Format::Prometheus),
            (Some(""), Format::Prometheus),
            (None, Format::Prometheus),
        ] {
            assert_eq!(wanted(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn weights_are_thousandths() {
        for (text, weight) in [
            ("1", 1000),
            ("1.000", 1000),
            ("0.5", 500),
            ("0.25", 250),
            ("0.1234", 123),
            ("0", 0),
            ("x", 0),
            ("0.é", 0),
        ] {
            assert_eq!(thousandths(text), weight, "{text}");
        }
    }
}
