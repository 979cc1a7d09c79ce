//! Failure: why work on a record has failed, whether there is hope, and whether the record may be given up for it.

use std::error::Error as StdError;
use std::fmt;
use std::iter;
use std::sync::Arc;

use kestrel_serde::{BoxError, SerdeError};

use crate::error::{Chain, Error, SharedError, is_of_the_record};

/// Why the work on a record has failed.
///
/// | | the record is tried | and then |
/// |---|---|---|
/// | [`lasting`](Self::lasting): it is at fault itself | once | gets its remedy: [`Handling::then`](crate::Handling::then) |
/// | [`passing`](Self::passing): something may be there soon | [`attempts`](crate::Handling::attempts) times | gets its remedy |
/// | by `?`, from any error | `attempts` times | is kept: the loop ends with an error |
/// | [`fatal`](Self::fatal): nothing can be worked on | once | is kept: the loop ends with an error |
///
/// `?` gives up no record, because nobody knows whether it is at fault: when a database is down, every record fails. Of errors of this
/// crate, and of those that have one as their [`source`](StdError::source), more is known. A value that cannot be written and a record
/// that is too large are lasting. What is not [retriable](Error::is_retriable) is fatal: a producer that is closed or fenced, a right that is
/// missing.
///
/// ```
/// use kestrel_client::Failure;
///
/// fn parse(text: &str) -> Result<u64, Failure> {
///     text.parse().map_err(Failure::lasting) // it will not be a number tomorrow
/// }
///
/// fn read(path: &str) -> Result<String, Failure> {
///     Ok(std::fs::read_to_string(path)?) // it may be there tomorrow
/// }
///
/// assert!(!parse("seven").unwrap_err().is_passing());
/// assert!(read("/nowhere").unwrap_err().is_passing());
/// ```
///
/// It is no [`std::error::Error`] itself, so that `?` can make it of all others.
#[derive(Clone)]
pub struct Failure {
    cause: SharedError,
    kind: Kind,
}

/// What a failure says of the record, and of another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lasting,
    Passing,
    /// It may pass, and whether the record is at fault is not known.
    Unknown,
    Fatal,
}

impl Failure {
    /// What may succeed when it is tried again, and what is worth no more than so many attempts: a service that does not answer, a
    /// lock that is taken.
    pub fn passing(cause: impl Into<BoxError>) -> Self {
        Self { cause: Arc::from(cause.into()), kind: Kind::Passing }
    }

    /// What fails as often as it is tried, because of the record: it is not what it should be.
    pub fn lasting(cause: impl Into<BoxError>) -> Self {
        Self { cause: Arc::from(cause.into()), kind: Kind::Lasting }
    }

    /// What keeps every record from being worked on until somebody changes something: the loop ends, and the record is kept.
    ///
    /// ```
    /// use kestrel_client::Failure;
    ///
    /// let failure = Failure::fatal("the password for the database has expired");
    /// assert!(!failure.is_passing());
    /// ```
    pub fn fatal(cause: impl Into<BoxError>) -> Self {
        Self { cause: Arc::from(cause.into()), kind: Kind::Fatal }
    }

    /// Whether it may succeed when it is tried again.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Passing | Kind::Unknown)
    }

    /// Whether the record may be given up for it.
    pub(super) const fn gives_up_the_record(&self) -> bool {
        matches!(self.kind, Kind::Passing | Kind::Lasting)
    }

    /// What has failed, to be downcast.
    #[must_use]
    pub fn cause(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.cause
    }

    /// As an error of this crate, for events that have one.
    pub(super) fn to_error(&self) -> Error {
        let known = self.cause.downcast_ref::<Error>();
        known.cloned().unwrap_or_else(|| Error::Other { cause: Arc::clone(&self.cause) })
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let chain = iter::successors(Some(&error as &(dyn StdError + 'static)), |&error| error.source());
        let kind = chain.filter_map(Kind::of_known).next().unwrap_or(Kind::Unknown);
        Self { cause: Arc::new(error), kind }
    }
}

impl Kind {
    /// The kind of an error, if it is one that says whether the record is at fault.
    fn of_known(error: &(dyn StdError + 'static)) -> Option<Self> {
        let (is_of_the_record, is_retriable) = match error.downcast_ref() {
            // What is behind it says more.
            Some(Error::Other { .. }) => return None,
            Some(error) => (error.is_of_the_record(), error.is_retriable()),
            None => {
                let error: &SerdeError = error.downcast_ref()?;
                (is_of_the_record(error), error.is_retriable())
            }
        };
        Some(match (is_of_the_record, is_retriable) {
            (true, _) => Self::Lasting,
            (false, true) => Self::Unknown,
            (false, false) => Self::Fatal,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.alternate() {
            true => write!(f, "{}", Chain(self.cause())),
            false => write!(f, "{}", self.cause),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("cause", &self.cause).field("kind", &self.kind).finish()
    }
}

/// A record whose work has failed, where that ends the loop: what is behind the [`Error::Other`] of
/// [`Handling::run`](super::Handling::run). It was not given up: whoever reads the partition next gets it again.
///
/// ```
/// use kestrel_client::{Error, HandlingError};
///
/// fn offset(error: &Error) -> Option<i64> {
///     match error {
///         Error::Other { cause, .. } => cause.downcast_ref::<HandlingError>().map(|failed| failed.offset),
///         _ => None,
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HandlingError {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// What the work has failed with last.
    pub cause: SharedError,
}

impl HandlingError {
    pub(super) fn new(
        (topic, partition): (Arc<str>, i32),
        offset: i64,
        attempts: u32,
        failure: Failure,
    ) -> Self {
        Self { topic, partition, offset, attempts, cause: failure.cause }
    }
}

impl fmt::Display for HandlingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, offset, attempts, .. } = self;
        let times = if *attempts == 1 { "once" } else { &*format!("{attempts} times") };
        write!(f, "the record at offset {offset} of partition {partition} of topic {topic} was tried {times}")
    }
}

impl StdError for HandlingError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use kestrel_protocol::{ApiKey, ErrorCode};
    use kestrel_serde::SerdeContext;

    use super::*;
    use crate::error::BrokerError;

    /// An application's own error, as `thiserror` makes it.
    #[derive(Debug)]
    struct Wrapped(Error);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the order was not written")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    fn kinds(error: Error) -> [Kind; 3] {
        let behind = Error::other(Wrapped(error.clone()));
        [Failure::from(error.clone()), Failure::from(Wrapped(error)), Failure::from(behind)]
            .map(|failure| failure.kind)
    }

    #[test]
    fn what_is_broken_beside_the_record_gives_up_no_record() {
        let code = |code| Error::from(BrokerError::new(ApiKey::Produce, code));
        let fenced = Error::ProducerFenced {
            transactional_id: "orders".into(),
            cause: Box::new(code(ErrorCode::ProducerFenced)),
        };
        let fatal = [
            Error::closed("producer"),
            Error::ProducerFailed { cause: Box::new(code(ErrorCode::ClusterAuthorizationFailed)) },
            fenced,
            code(ErrorCode::TopicAuthorizationFailed),
            Error::authentication("broker", "the password is wrong"),
            Error::config("acks", "no such value"),
            Error::from(SerdeError::schema("the registry refuses the password")),
        ];
        for error in fatal {
            assert_eq!(kinds(error.clone()), [Kind::Fatal; 3], "{error:#}");
        }
        let passing = [
            Error::timeout("delivery", std::time::Duration::from_secs(120), "delivery.timeout.ms"),
            Error::disconnected("broker", "reset", false),
            code(ErrorCode::NotEnoughReplicas),
            Error::UnknownTopic { topic: "orders".into() },
            Error::from(SerdeError::unavailable("the registry does not answer")),
        ];
        for error in passing {
            assert_eq!(kinds(error.clone()), [Kind::Unknown; 3], "{error:#}");
        }
        let foreign = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert!(foreign.is_passing() && !foreign.gives_up_the_record());
        assert!(!Failure::fatal("no password").gives_up_the_record());
    }

    #[test]
    fn a_record_that_is_at_fault_itself_is_tried_once() {
        let at_fault = [
            Error::from(SerdeError::encode(&SerdeContext::value("orders"), "a map with two equal keys")),
            Error::RecordTooLarge { size_bytes: 2, limit_bytes: 1, setting: "max.request.size" },
            BrokerError::new(ApiKey::Produce, ErrorCode::MessageTooLarge).into(),
            BrokerError::new(ApiKey::Produce, ErrorCode::InvalidRecord).into(),
        ];
        for error in at_fault {
            assert_eq!(kinds(error.clone()), [Kind::Lasting; 3], "{error:#}");
        }
        let serde = Failure::from(SerdeError::decode(&SerdeContext::value("orders"), "no number"));
        assert!(serde.gives_up_the_record() && !serde.is_passing());
    }
}
