//! Why a token or a set of keys is of no use. No text has a token, or a part of one that could be used, in it.

use super::super::sasl::InvalidToken;

/// The reason why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The text is not a token in three parts.
    #[error("it is not a JWT: {0}")]
    Malformed(&'static str),
    /// The algorithm is none that is accepted here.
    #[error(
        "its algorithm {0:?} is not accepted: a signature has to be of RS, PS or ES with 256, 384 or 512 bits, or EdDSA"
    )]
    Algorithm(String),
    /// The header wants something that is not understood.
    #[error("its header has `crit`, of which nothing is understood here")]
    Critical,
    /// No key of the issuer fits. Fetching the keys again may help.
    #[error("no key of the issuer fits it ({0})")]
    UnknownKey(String),
    /// A key fits and the signature is not of it.
    #[error("its signature is not of the issuer's key")]
    Signature,
    /// A claim is missing, or not what it has to be.
    #[error("its claim {claim:?} {problem}")]
    #[non_exhaustive]
    Claim {
        /// The name of the claim.
        claim: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A scope is missing that tokens need.
    #[error("it lacks the scope {0:?}")]
    Scope(String),
}

impl TokenError {
    pub(super) fn claim(claim: &str, problem: &'static str) -> Self {
        Self::Claim { claim: claim.to_owned(), problem }
    }
}

/// What a client is told: no more than that the token is refused, but for a scope that it lacks.
impl From<TokenError> for InvalidToken {
    fn from(error: TokenError) -> Self {
        let reason = error.to_string();
        match error {
            TokenError::Scope(scope) => {
                Self { status: "insufficient_scope".to_owned(), scope: Some(scope), ..Self::new(reason) }
            }
            _ => Self::new(reason),
        }
    }
}

/// The reason why a text is not a set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// The text is not JSON, or not an object with `keys`.
    #[error("it is not a JWKS document: {0}")]
    Malformed(&'static str),
    /// There are more keys than are read.
    #[error("it has {count} keys, and {most} are the most that are read")]
    #[non_exhaustive]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many are read at most.
        most: usize,
    },
}
