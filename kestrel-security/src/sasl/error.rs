//! Why a client's exchange failed.

/// The longest text of a broker that an error repeats, in characters.
const LONGEST_REASON: usize = 500;

/// Why an authentication failed, on the client's side. No text has a password or a token in it.
///
/// ```
/// use kestrel_security::sasl::{Nonce, SaslClient, SaslError, ScramMechanism};
/// use kestrel_settings::Secret;
///
/// let password = Secret::new("opensesame");
/// let nonce = Nonce::from_random([1; 24]);
/// let mut client = SaslClient::scram(ScramMechanism::Sha256, "alice", &password, nonce);
/// let error = client.handle(b"r=another,s=c2FsdA==,i=4096").unwrap_err();
/// assert_eq!(error, SaslError::WrongNonce);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// A message of the broker is not what the mechanism says.
    #[error("the broker's {message} is malformed: {problem}")]
    #[non_exhaustive]
    Malformed {
        /// Which message.
        message: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The broker goes on after the exchange is over.
    #[error("the broker sent a challenge after the exchange was over")]
    OutOfTurn,
    /// The broker's nonce is not this exchange's.
    #[error(
        "the broker's nonce does not begin with the client's, or adds nothing: its answer is of another exchange"
    )]
    WrongNonce,
    /// The broker asks for a proof that would give the password away.
    #[error(
        "the broker asks for {iterations} iterations, and fewer than {least} do not protect a password: \
         store the user's credentials anew with at least {least}"
    )]
    #[non_exhaustive]
    TooFewIterations {
        /// How many the broker asks for.
        iterations: u32,
        /// The fewest that are accepted.
        least: u32,
    },
    /// The broker asks for work without end.
    #[error("the broker asks for {iterations} iterations, and the most that are done for it are {most}")]
    #[non_exhaustive]
    TooManyIterations {
        /// How many the broker asks for.
        iterations: u32,
        /// The most that are accepted.
        most: u32,
    },
    /// The broker accepted a password whose keys it does not have.
    #[error("the broker did not prove that it knows the user: this may be somebody else's server")]
    WrongServerSignature,
    /// The broker refused the exchange.
    #[error("the broker refused: {reason}")]
    #[non_exhaustive]
    Refused {
        /// What the broker says, without control characters and shortened.
        reason: String,
    },
}

impl SaslError {
    /// The broker's refusal, fit for a log: a hostile broker chooses the text.
    pub(super) fn refused(reason: &str) -> Self {
        let printable = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self::Refused { reason: printable.take(LONGEST_REASON).collect() }
    }
}
