//! OrRaw: a format whose values are either what they should be, or the bytes that they are.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use kestrel_serde::{DeserializeContext, Deserializer, Ready, SerdeError};

/// A deserializer that gives the bytes of what another one refuses: no record of it is poison.
///
/// The type of a consumer's values says so, and only of the consumer that asks for it: `Result<T, Undecoded>` in place of `T`.
///
/// ```
/// use kestrel_client::{Consumer, Error, Int64, OrRaw, Record, Undecoded, Utf8, testing};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let records = [&b"\0\0\0\0\0\0\0\x07"[..], b"seven"].map(|value| Record::to("numbers").value(value));
/// let consumer = testing::from_records(records).key(Utf8).value(OrRaw(Int64));
/// let (mut consumer, _): (Consumer<String, Result<i64, Undecoded>>, _) = consumer.build()?;
/// while let Some(record) = consumer.next().await {
///     match record?.value {
///         Some(Ok(number)) => assert_eq!(number, 7),
///         Some(Err(raw)) => assert_eq!(raw.bytes, "seven"),
///         None => {}
///     }
/// }
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
///
/// What is no fault of the record, such as a registry that is down or refuses, is still the error that it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrRaw<D>(pub D);

/// Bytes that a deserializer has refused; see [`OrRaw`]. As an error it says what the deserializer said, so that `?` takes it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Undecoded {
    /// The bytes, as they were stored.
    pub bytes: Bytes,
    /// What the deserializer said.
    pub cause: SerdeError,
}

impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Undecoded {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The cause's text is this one's.
        self.cause.source()
    }
}

impl<T, D: Deserializer<T>> Deserializer<Result<T, Undecoded>> for OrRaw<D> {
    fn may_wait(&self) -> bool {
        self.0.may_wait()
    }

    fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
        match self.0.ready(ctx, bytes).known() {
            Some(known) => Ready::from(without_refusal(known)),
            None => Ready::when(async move { without_refusal(self.0.ready(ctx, bytes).await) }),
        }
    }

    fn deserialize_now(
        &self,
        ctx: &DeserializeContext<'_>,
        bytes: &Bytes,
    ) -> Option<Result<Result<T, Undecoded>, SerdeError>> {
        Some(or_raw(self.0.deserialize_now(ctx, bytes)?, bytes))
    }

    fn deserialize(
        &self,
        ctx: &DeserializeContext<'_>,
        bytes: &Bytes,
    ) -> Result<Result<T, Undecoded>, SerdeError> {
        or_raw(self.0.deserialize(ctx, bytes), bytes)
    }
}

/// The value, or the bytes if they are to blame.
fn or_raw<T>(decoded: Result<T, SerdeError>, bytes: &Bytes) -> Result<Result<T, Undecoded>, SerdeError> {
    match decoded {
        Ok(value) => Ok(Ok(value)),
        Err(cause) if !cause.is_poison() => Err(cause),
        Err(cause) => Ok(Err(Undecoded { bytes: bytes.clone(), cause })),
    }
}

/// What it can never be ready for is said by `deserialize`, which has the bytes.
fn without_refusal(ready: Result<(), SerdeError>) -> Result<(), SerdeError> {
    ready.or_else(|error| if error.is_poison() { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use kestrel_serde::{Int64, SerdeContext};

    use super::*;

    #[test]
    fn bytes_that_are_refused_are_an_error_that_says_why() {
        let ctx = SerdeContext::value("numbers").reading();
        let read: Result<i64, Undecoded> = OrRaw(Int64).deserialize(&ctx, &Bytes::from("seven")).unwrap();
        let refused = read.unwrap_err();
        assert_eq!(refused.bytes, "seven");
        assert_eq!(refused.to_string(), "cannot decode the value of topic numbers");
        assert_eq!(format!("{refused:#}"), format!("{:#}", refused.cause));
        assert!(refused.source().is_some(), "what the format said");
    }
}
