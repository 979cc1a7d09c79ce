//! The types of bodies: which a call may have, and which its answer gets.

use hyper::header::HeaderValue;

use crate::error::Refusal;

/// The types of answers, the one that is sent unless another is wanted first.
const OFFERED: [&str; 3] =
    ["application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json", "application/json"];
/// What a body may be called besides.
const BYTES: &str = "application/octet-stream";

/// The type of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MediaType(&'static str);

impl Default for MediaType {
    fn default() -> Self {
        Self(OFFERED[0])
    }
}

impl MediaType {
    /// The type that a client wants, by its `Accept` header; of those that it likes alike, the first that is offered.
    ///
    /// # Errors
    /// When it wants none of those that are offered.
    pub(super) fn wanted(accept: Option<&str>) -> Result<Self, Refusal> {
        let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
            return Ok(Self::default());
        };
        let liking = |offered: &str| accept.split(',').filter_map(|range| quality(range, offered)).max();
        let likings = OFFERED.iter().rev().map(|offered| (liking(offered).unwrap_or(0), *offered));
        match likings.max_by_key(|(liking, _)| *liking) {
            Some((liking, offered)) if liking > 0 => Ok(Self(offered)),
            _ => Err(Refusal::not_acceptable()),
        }
    }

    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.0)
    }
}

/// How much a range of types likes a type, in thousandths; none if the type is not of the range.
fn quality(range: &str, offered: &str) -> Option<u32> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?;
    let matches = name == "*/*" || name == "application/*" || name.eq_ignore_ascii_case(offered);
    let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse::<f32>().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1,000")]
    let thousandths = (quality.unwrap_or(1.0).clamp(0.0, 1.0) * 1_000.0) as u32;
    matches.then_some(thousandths)
}

/// Whether a body of this type may be read as JSON.
///
/// # Errors
/// When it is called something else. Without a name it is taken for JSON.
pub(super) fn check_body(content_type: Option<&str>) -> Result<(), Refusal> {
    let Some(content_type) = content_type else { return Ok(()) };
    let name = content_type.split(';').next().unwrap_or_default().trim();
    let mut known = OFFERED.iter().chain([&BYTES]);
    if known.any(|known| known.eq_ignore_ascii_case(name)) {
        Ok(())
    } else {
        Err(Refusal::unsupported_media_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wish_that_can_be_met_is() {
        for (accept, wanted) in [
            (None, OFFERED[0]),
            (Some("*/*"), OFFERED[0]),
            (Some("application/json"), OFFERED[2]),
            (Some("application/json, */*;q=0.1"), OFFERED[2]),
            (
                Some(
                    "application/vnd.schemaregistry.v1+json,application/vnd.schemaregistry+json,application/json",
                ),
                OFFERED[0],
            ),
            (Some("text/html, application/vnd.schemaregistry+json;q=0.5"), OFFERED[1]),
        ] {
            assert_eq!(MediaType::wanted(accept).unwrap(), MediaType(wanted), "{accept:?}");
        }
        assert_eq!(MediaType::wanted(Some("text/html")).unwrap_err().code(), 406);
        assert_eq!(MediaType::wanted(Some("application/json;q=0")).unwrap_err().code(), 406);
    }

    #[test]
    fn a_body_is_called_json_or_nothing() {
        for fits in [None, Some("application/json; charset=utf-8"), Some(OFFERED[0]), Some(BYTES)] {
            assert!(check_body(fits).is_ok(), "{fits:?}");
        }
        assert_eq!(check_body(Some("text/plain")).unwrap_err().code(), 415);
    }
}
