//! A token of OAUTHBEARER that nobody has signed, as Java's client and librdkafka make them for development.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kestrel_settings::Secret;

use super::oauthbearer::json_string;

/// A token of `subject` without a signature (RFC 7515, appendix A.5), valid from `now` for `lifetime`.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use kestrel_security::sasl::unsecured_token;
///
/// let token = unsecured_token("alice", UNIX_EPOCH + Duration::from_secs(1_700_000_000), Duration::from_secs(60));
/// assert!(token.expose().starts_with("eyJhbGciOiJub25lIn0.") && token.expose().ends_with('.'));
/// ```
#[must_use]
pub fn unsecured_token(subject: &str, now: SystemTime, lifetime: Duration) -> Secret {
    let begin = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = begin.saturating_add(lifetime);
    let (begin, end) = (begin.as_secs_f64(), end.as_secs_f64());
    let claims = format!("{{\"sub\":{},\"iat\":{begin},\"exp\":{end}}}", json_string(subject));
    Secret::new(format!("{}.{}.", encoded("{\"alg\":\"none\"}"), encoded(&claims)))
}

fn encoded(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}
