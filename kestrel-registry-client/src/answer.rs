//! Reads what a registry has answered: what was asked for, or an error with the registry's number for it. Pure.

use hyper::StatusCode;
use kestrel_serde::registry::{RegistryError, RegistryErrorKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The longest text of an answer that an error repeats, in characters.
const LONGEST_PROBLEM: usize = 500;

/// The body of a refusal. What else is in it is of no interest.
#[derive(Deserialize)]
struct Refusal {
    error_code: Option<i32>,
    message: Option<String>,
}

/// What was asked for, or why it was not given.
pub(crate) fn read<A: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<A, RegistryError> {
    if !status.is_success() {
        return Err(refusal(status, body));
    }
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|cause| {
        let problem = format!("an answer that is none of a schema registry: {}", cut(body));
        RegistryError::new(RegistryErrorKind::Answer, problem).with_code(code(status)).caused_by(cause)
    })
}

/// A text that is not JSON: a schema itself.
pub(crate) fn read_text(status: StatusCode, body: &[u8]) -> Result<String, RegistryError> {
    if status.is_success() {
        Ok(String::from_utf8_lossy(body).into_owned())
    } else {
        Err(refusal(status, body))
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> RegistryError {
    let Ok(Refusal { error_code: Some(error_code), message }) = serde_json::from_slice(body) else {
        return foreign(status, body);
    };
    let problem = message.unwrap_or_else(|| status.to_string());
    RegistryError::new(RegistryErrorKind::of_code(error_code), cut(problem.as_bytes())).with_code(error_code)
}

/// An error of something that is no registry, or stands before one.
fn foreign(status: StatusCode, body: &[u8]) -> RegistryError {
    let kind = match RegistryErrorKind::of_code(code(status)) {
        // What a registry has decided it says with a number of its own.
        RegistryErrorKind::Incompatible | RegistryErrorKind::Invalid
            if status != StatusCode::PAYLOAD_TOO_LARGE =>
        {
            RegistryErrorKind::Answer
        }
        kind => kind,
    };
    let words = cut(body);
    let problem = if words.is_empty() { status.to_string() } else { format!("{status}: {words}") };
    RegistryError::new(kind, problem).with_code(code(status))
}

fn code(status: StatusCode) -> i32 {
    i32::from(status.as_u16())
}

fn cut(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..4 * LONGEST_PROBLEM).unwrap_or(text));
    text.trim().chars().take(LONGEST_PROBLEM).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_u32(status: u16, body: &str) -> Result<Option<u32>, RegistryError> {
        read(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn answers_are_read_and_errors_keep_their_numbers() {
        assert_eq!(read_u32(200, "7").unwrap(), Some(7));
        assert_eq!(read_u32(204, "").unwrap(), None);
        let body = r#"{"error_code":40403,"message":"Schema 7 not found","more":[]}"#;
        let error = read_u32(404, body).unwrap_err();
        assert_eq!((error.kind(), error.code()), (RegistryErrorKind::NotFound, Some(40403)));
        assert_eq!(error.message(), "Schema 7 not found");
        assert_eq!(
            read_u32(409, r#"{"error_code":409}"#).unwrap_err().kind(),
            RegistryErrorKind::Incompatible
        );
    }

    #[test]
    fn what_no_registry_says_is_told_from_what_one_says() {
        for (status, body, kind) in [
            (404, "<html>no such page</html>", RegistryErrorKind::Answer),
            (404, "{}", RegistryErrorKind::Answer),
            (404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#, RegistryErrorKind::Answer),
            (400, "<html>bad request</html>", RegistryErrorKind::Answer),
            (413, "<html>too large</html>", RegistryErrorKind::Invalid),
            (302, "", RegistryErrorKind::Answer),
            (200, "<html>welcome</html>", RegistryErrorKind::Answer),
            (401, "", RegistryErrorKind::Denied),
            (403, "no", RegistryErrorKind::Denied),
            (502, "bad gateway", RegistryErrorKind::Unavailable),
        ] {
            let error = read_u32(status, body).unwrap_err();
            assert_eq!((error.kind(), error.code()), (kind, Some(i32::from(status))), "{status} {body}");
        }
        let error = read_u32(500, &"é".repeat(10_000)).unwrap_err();
        assert!(error.to_string().chars().count() < LONGEST_PROBLEM + 200);
    }
}
