//! The answer of a token endpoint (RFC 6749, sections 5.1 and 5.2). Pure.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kestrel_protocol::Timestamp;
use kestrel_security::http::hyper::StatusCode;
use serde_json::Value;

use super::error::OidcError;
use crate::oauth::token::Token;

/// The longest reason that an error repeats, in characters.
const LONGEST_REASON: usize = 300;

/// The token of an answer that came at `now`.
pub(super) fn read(status: StatusCode, body: &[u8], now: Timestamp) -> Result<Token, OidcError> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    if status != StatusCode::OK && status != StatusCode::CREATED {
        let reason = answer.as_ref().and_then(reason).unwrap_or_else(|| "without a reason".to_owned());
        return Err(OidcError::Refused { status, reason });
    }
    let answer = answer.ok_or(OidcError::Answer("it is no JSON"))?;
    let text = answer.get("access_token").and_then(Value::as_str).map(str::trim);
    let text = text.filter(|text| !text.is_empty()).ok_or(OidcError::Answer("it has no access_token"))?;
    let token = Token::new(text);
    Ok(match end_of_jwt(text).or_else(|| end_of_answer(&answer, now)) {
        Some(end) => token.expires_at(end),
        None => token,
    })
}

/// What an answer says of why it is a refusal.
fn reason(answer: &Value) -> Option<String> {
    let text = |name| answer.get(name).and_then(Value::as_str);
    let (code, description) = match text("error") {
        Some(error) => (error, text("error_description")),
        None => (text("errorCode")?, text("errorSummary")),
    };
    let whole = description.map_or_else(|| code.to_owned(), |description| format!("{code} - {description}"));
    let printable = whole.chars().map(|c| if c.is_control() { ' ' } else { c });
    Some(printable.take(LONGEST_REASON).collect())
}

/// When a JWT ends by its own words. They are the broker's to check; here they say when to ask for the next one.
fn end_of_jwt(token: &str) -> Option<Timestamp> {
    let mut parts = token.split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let end = Duration::try_from_secs_f64(claims.get("exp")?.as_f64()?).ok()?;
    Some(Timestamp::from_millis(i64::try_from(end.as_millis()).ok()?))
}

fn end_of_answer(answer: &Value, now: Timestamp) -> Option<Timestamp> {
    let lifetime = Duration::try_from_secs_f64(answer.get("expires_in")?.as_f64()?).ok()?;
    Some(now.saturating_add(lifetime))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of(body: &str) -> Result<Token, OidcError> {
        read(StatusCode::OK, body.as_bytes(), Timestamp::from_millis(1_000))
    }

    fn jwt(claims: &str) -> String {
        format!(
            "{}.{}.c2lnbmVk",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#),
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    #[test]
    fn a_token_ends_when_it_says_so_or_when_the_answer_does() {
        for (token, end) in [
            (jwt(r#"{"sub":"alice","exp":1700000000}"#), Some(1_700_000_000_000)),
            (jwt(r#"{"exp":1700000000.5}"#), Some(1_700_000_000_500)),
            (jwt(r#"{"exp":"soon"}"#), Some(3_601_000)),
            (jwt(r#"{"exp":-1}"#), Some(3_601_000)),
            ("opaque".to_owned(), Some(3_601_000)),
        ] {
            let fetched = token_of(&format!(r#"{{"access_token":"{token}","expires_in":3600}}"#)).unwrap();
            assert_eq!(fetched.text().expose(), token);
            assert_eq!(fetched.end(), end.map(Timestamp::from_millis), "{token}");
        }
        assert_eq!(token_of(r#"{"access_token":" opaque "}"#).unwrap(), Token::new("opaque"));
    }

    #[test]
    fn what_has_no_token_in_it_is_refused_without_being_repeated() {
        for body in [
            "",
            "<html>",
            "[]",
            r#"{"access_token":""}"#,
            r#"{"access_token":5}"#,
            r#"{"id_token":"opensesame"}"#,
        ] {
            let error = token_of(body).unwrap_err();
            assert!(matches!(error, OidcError::Answer(_)) && !error.to_string().contains("opensesame"));
        }
    }

    #[test]
    fn a_refusal_says_why_and_whether_to_try_again() {
        let refused =
            |status, body: &str| read(status, body.as_bytes(), Timestamp::from_millis(0)).unwrap_err();
        for (status, body, text, may_pass) in [
            (
                StatusCode::UNAUTHORIZED,
                r#"{"error":"invalid_client","error_description":"Bad\nsecret"}"#,
                "the token endpoint answered 401 Unauthorized: invalid_client - Bad secret",
                false,
            ),
            (
                StatusCode::BAD_REQUEST,
                r#"{"errorCode":"E1","errorSummary":"no scope"}"#,
                "the token endpoint answered 400 Bad Request: E1 - no scope",
                false,
            ),
            (
                StatusCode::BAD_GATEWAY,
                "<html>",
                "the token endpoint answered 502 Bad Gateway: without a reason",
                true,
            ),
            (
                StatusCode::TOO_MANY_REQUESTS,
                r#"{"error":"slow_down"}"#,
                "the token endpoint answered 429 Too Many Requests: slow_down",
                true,
            ),
        ] {
            let error = refused(status, body);
            assert_eq!((error.to_string(), error.may_pass()), (text.to_owned(), may_pass));
        }
    }
}
