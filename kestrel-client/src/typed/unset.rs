//! The format of a key or value that nobody has said anything about.

use bytes::Bytes;
use kestrel_serde::{DeserializeContext, Deserializer, Raw, SerdeError};

/// No format: of a builder whose `key` or `value` was not called. Consumers take bytes as they are with it, producers
/// nothing but [`NoKey`](crate::NoKey).
///
/// A consumer of anything else does not compile without a format, and says where it is missing:
///
/// ```compile_fail,E0277
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// let consumer = client.consumer::<String, String>("billing").topics(["clicks"]).build().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Unset;

impl Deserializer<Bytes> for Unset {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<Bytes, SerdeError> {
        Raw.deserialize(ctx, bytes)
    }
}

impl Deserializer<Vec<u8>> for Unset {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<Vec<u8>, SerdeError> {
        Raw.deserialize(ctx, bytes)
    }
}
