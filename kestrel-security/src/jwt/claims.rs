//! Claims: what a token says, read with the care that what a stranger says needs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::error::TokenError;

/// The claims of a token.
pub(super) struct Claims(pub(super) Map<String, Value>);

/// When a token is valid.
pub(super) struct Times {
    pub(super) expires_at: SystemTime,
    pub(super) issued_at: Option<SystemTime>,
}

impl Claims {
    /// Checks the times of a token against the clock, of which the issuer's may differ by `skew`.
    ///
    /// # Errors
    /// When it has no end, is over, is not valid yet, or contradicts itself.
    pub(super) fn times(&self, now: SystemTime, skew: Duration) -> Result<Times, TokenError> {
        let expires_at = self.time("exp")?.ok_or_else(|| TokenError::claim("exp", "is missing"))?;
        let (not_before, issued_at) = (self.time("nbf")?, self.time("iat")?);
        if later(expires_at, skew) <= now {
            return Err(TokenError::claim("exp", "is over"));
        }
        if not_before.is_some_and(|begin| begin > later(now, skew)) {
            return Err(TokenError::claim("nbf", "is still to come"));
        }
        if [not_before, issued_at].into_iter().flatten().any(|begin| begin > expires_at) {
            return Err(TokenError::claim("exp", "is before its beginning"));
        }
        Ok(Times { expires_at, issued_at })
    }

    /// The name of the principal.
    pub(super) fn subject(&self, claim: &str) -> Result<String, TokenError> {
        let subject = self.0.get(claim).ok_or_else(|| TokenError::claim(claim, "is missing"))?;
        let subject = subject.as_str().ok_or_else(|| TokenError::claim(claim, "is not a text"))?.trim();
        if subject.is_empty() {
            return Err(TokenError::claim(claim, "is empty"));
        }
        Ok(subject.to_owned())
    }

    /// Checks that the token is of an issuer.
    pub(super) fn check_issuer(&self, expected: &str) -> Result<(), TokenError> {
        match self.0.get("iss").and_then(Value::as_str) {
            Some(issuer) if issuer == expected => Ok(()),
            Some(_) => Err(TokenError::claim("iss", "is another issuer's")),
            None => Err(TokenError::claim("iss", "is missing")),
        }
    }

    /// Checks that the token is for one of those that are expected; for none of them, if it is for anybody.
    pub(super) fn check_audience(&self, expected: &[String]) -> Result<(), TokenError> {
        let audience = self.texts("aud")?;
        match audience {
            None if expected.is_empty() => Ok(()),
            None => Err(TokenError::claim("aud", "is missing")),
            Some(audience) if audience.iter().any(|name| expected.iter().any(|wanted| wanted == name)) => {
                Ok(())
            }
            Some(_) => Err(TokenError::claim("aud", "is somebody else")),
        }
    }

    /// The scopes of a token: one text, or a list of texts.
    pub(super) fn scopes(&self, claim: &str) -> Result<Vec<&str>, TokenError> {
        let scopes = self.texts(claim)?.unwrap_or_default();
        if scopes.iter().any(|scope| scope.trim().is_empty()) {
            return Err(TokenError::claim(claim, "has an empty scope"));
        }
        Ok(scopes)
    }

    /// A claim that is a text or a list of texts.
    fn texts(&self, claim: &str) -> Result<Option<Vec<&str>>, TokenError> {
        let texts = match self.0.get(claim) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => Some(vec![&**text]),
            Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
            Some(_) => None,
        };
        texts.map(Some).ok_or_else(|| TokenError::claim(claim, "is neither a text nor a list of texts"))
    }

    /// A claim that is a time, in seconds.
    fn time(&self, claim: &str) -> Result<Option<SystemTime>, TokenError> {
        let Some(value) = self.0.get(claim) else { return Ok(None) };
        let seconds = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = seconds.and_then(whole_millis).and_then(|since| UNIX_EPOCH.checked_add(since));
        time.map(Some).ok_or_else(|| TokenError::claim(claim, "is not a time"))
    }
}

/// The nearest millisecond: a fraction of a second is none that a float has, and may come out later than the clock that it is of.
fn whole_millis(time: Duration) -> Option<Duration> {
    let millis = time.checked_add(Duration::from_micros(500))?.as_millis();
    u64::try_from(millis).ok().map(Duration::from_millis)
}

/// A time later by so much, or the time itself at the end of all times.
pub(super) fn later(time: SystemTime, by: Duration) -> SystemTime {
    time.checked_add(by).unwrap_or(time)
}
