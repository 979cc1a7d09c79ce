//! Jws: a token in its three parts (RFC 7515, compact serialization).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::error::TokenError;

/// A token, read and not verified.
pub(super) struct Jws<'a> {
    /// `alg`: the algorithm of the signature.
    pub(super) algorithm: String,
    /// `kid`: the name of the key.
    pub(super) key_id: Option<String>,
    /// What is signed.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
    pub(super) claims: Map<String, Value>,
}

impl<'a> Jws<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed("it has one part"))?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed("it has two parts"))?;
        if claims.contains('.') {
            return Err(TokenError::Malformed("it has more than three parts"));
        }
        let header = object(header, "its header is not an object of JSON in base64url")?;
        // What is marked as critical has to be understood or refused (RFC 7515, 4.1.11).
        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let text = |name| header.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            algorithm: text("alg").ok_or(TokenError::Malformed("its header has no `alg`"))?,
            key_id: text("kid"),
            signed,
            signature: decoded(signature).ok_or(TokenError::Malformed("its signature is not base64url"))?,
            claims: object(claims, "its claims are not an object of JSON in base64url")?,
        })
    }
}

fn object(part: &str, problem: &'static str) -> Result<Map<String, Value>, TokenError> {
    let object = decoded(part).and_then(|json| serde_json::from_slice(&json).ok());
    object.ok_or(TokenError::Malformed(problem))
}

/// The bytes of a part. Without padding and with zeros for bits that are too many, so that each token has one form only.
pub(super) fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
