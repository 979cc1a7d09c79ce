//! KeySet: the keys of an issuer, as its JWKS document has them.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::{KeySetError, TokenError};
use super::jws::Jws;
use super::public_key::PublicKey;

/// The most keys that are read. An issuer has two or three; a token that names none is tried with all that fit.
const MAX_KEYS: usize = 64;
/// How much of a name that somebody else chose is repeated, in characters.
const LONGEST_ID: usize = 100;

/// The keys of an issuer of tokens (RFC 7517). Those that verify nothing here are left out.
///
/// ```
/// use kestrel_security::jwt::KeySet;
///
/// let keys = KeySet::from_json(br#"{"keys": [{"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}]}"#)?;
/// assert!(keys.is_empty());
/// assert_eq!(keys.left_out(), ["the key \"shared\": it is a shared secret"]);
/// # Ok::<(), kestrel_security::jwt::KeySetError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    left_out: Vec<String>,
}

impl KeySet {
    /// Reads a JWKS document.
    ///
    /// # Errors
    /// When it is none, or has more than 64 keys.
    pub fn from_json(document: &[u8]) -> Result<Self, KeySetError> {
        let document: Value =
            serde_json::from_slice(document).map_err(|_| KeySetError::Malformed("it is not JSON"))?;
        let Some(entries) = document.get("keys").and_then(Value::as_array) else {
            return Err(KeySetError::Malformed("it has no list `keys`"));
        };
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooMany { count: entries.len(), most: MAX_KEYS });
        }
        let mut set = Self::default();
        let none = Map::new();
        for entry in entries.iter().map(|entry| entry.as_object().unwrap_or(&none)) {
            match PublicKey::from_json(entry) {
                Ok(key) => set.keys.push(key),
                Err(problem) => {
                    let id = entry.get("kid").and_then(Value::as_str);
                    set.left_out.push(format!("the key {}: {problem}", shown(id)));
                }
            }
        }
        Ok(set)
    }

    /// Whether there is no key that verifies anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys verify something.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that were left out, each with the reason.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Checks the signature of a token.
    pub(super) fn verify(&self, token: &Jws<'_>) -> Result<(), TokenError> {
        let algorithm = Algorithm::of_name(&token.algorithm);
        let algorithm = algorithm.ok_or_else(|| TokenError::Algorithm(shortened(&token.algorithm)))?;
        // A key without a name may be the one of any token; a token without one may be of any key.
        let is_named = |key: &&PublicKey| match (&key.id, &token.key_id) {
            (Some(id), Some(wanted)) => id == wanted,
            _ => true,
        };
        let mut fitting = self.keys.iter().filter(is_named).filter(|key| key.is_for(algorithm)).peekable();
        if fitting.peek().is_none() {
            // The key that it names is there, and is for something else: no other one may be fetched.
            if token.key_id.is_some() && self.keys.iter().any(|key| key.id == token.key_id) {
                return Err(TokenError::Signature);
            }
            let id = shown(token.key_id.as_deref());
            return Err(TokenError::UnknownKey(format!("alg {}, kid {id}", algorithm.name())));
        }
        let signed = token.signed.as_bytes();
        match fitting.any(|key| key.verifies(algorithm, signed, &token.signature)) {
            true => Ok(()),
            false => Err(TokenError::Signature),
        }
    }
}

/// A key's name, fit for a log.
fn shown(id: Option<&str>) -> String {
    id.map_or_else(|| "without a name".to_owned(), |id| format!("{:?}", shortened(id)))
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_ID).collect()
}
