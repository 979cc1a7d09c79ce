//! The two traits every format implements.
//!
//! The client calls them: `ready` where it may wait, then `serialize` and `deserialize` where it may not. They never
//! see a null: a missing key and a tombstone's value have no bytes, and the client handles them before it comes here.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::{DeserializeContext, Ready, SerdeContext, SerdeError, SerializeContext};

/// Turns values of `T` into the bytes of a record's key or value.
///
/// One value of a serializer serves all records of a topic handle, from any task. Ready formats are in this crate; your
/// own is one function:
///
/// ```
/// use bytes::{BufMut, BytesMut};
/// use kestrel_serde::{SerdeContext, SerdeError, SerializeContext, Serializer};
///
/// struct Celsius(f32);
///
/// #[derive(Debug)]
/// struct TenthsOfADegree;
///
/// impl Serializer<Celsius> for TenthsOfADegree {
///     fn serialize(&self, ctx: &mut SerializeContext<'_>, value: &Celsius, out: &mut BytesMut) -> Result<(), SerdeError> {
///         if !value.0.is_finite() {
///             return Err(SerdeError::encode(ctx, "not a temperature"));
///         }
///         out.put_i32((value.0 * 10.0).round() as i32);
///         Ok(())
///     }
/// }
///
/// let mut out = BytesMut::new();
/// TenthsOfADegree.serialize(&mut SerdeContext::value("weather").writing(), &Celsius(-1.5), &mut out)?;
/// assert_eq!(&out[..], (-15_i32).to_be_bytes());
/// # Ok::<(), SerdeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not serialize `{T}`",
    note = "see the table of formats in the documentation of kestrel_serde, or use `serialize_with`",
    note = "a builder has `Unset` where `.key(..)` or `.value(..)` is missing: say there which format it is"
)]
pub trait Serializer<T: ?Sized>: Send + Sync + 'static {
    /// Whether what [`ready`](Self::ready) has prepared can grow old, so that it is asked again before each record that a task can
    /// wait for. The answer is always the same. Default: it is for ever.
    fn may_wait(&self) -> bool {
        false
    }

    /// Makes [`serialize`](Self::serialize) possible for this topic and part.
    ///
    /// Awaited once, when a typed topic handle is opened, and before each record where the format [may
    /// wait](Self::may_wait). Formats with a registry register or fetch their schema here
    /// and keep it; all others take the default, which is ready at once.
    ///
    /// # Errors
    /// Whatever keeps the format from being used: nothing has been sent.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect other than work not done; it may be called again.
    fn ready<'a>(&'a self, ctx: SerdeContext<'a>) -> Ready<'a> {
        let _ = ctx;
        Ready::now()
    }

    /// Appends the bytes of `value` to `out`. Headers that belong to them go to [`ctx`](SerializeContext::add_header).
    ///
    /// `out` may hold other bytes already (the batch under construction): an implementation only appends.
    ///
    /// # Errors
    /// [`SerdeError::Encode`] when the value has no form in this format. Bytes appended before the error mean nothing;
    /// the caller cuts `out` back to the length it had.
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError>;

    /// The bytes of `value` where they lie, if the value holds them as they are: they are then copied once, into the batch.
    ///
    /// A format that overrides it gives what [`serialize`](Self::serialize) would append, never fails there, and adds no headers,
    /// because `serialize` is not called then. The default is `None`.
    fn as_bytes<'a>(&self, value: &'a T) -> Option<&'a [u8]> {
        let _ = value;
        None
    }
}

/// Turns the bytes of a record's key or value into a `T`.
///
/// One value of a deserializer serves all records of a consumer, from any task.
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::{DeserializeContext, Deserializer, SerdeContext, SerdeError};
///
/// #[derive(Debug)]
/// struct Length;
///
/// impl Deserializer<usize> for Length {
///     fn deserialize(&self, _: &DeserializeContext<'_>, bytes: &Bytes) -> Result<usize, SerdeError> {
///         Ok(bytes.len())
///     }
/// }
///
/// let bytes = Bytes::from_static(b"four");
/// assert_eq!(Length.deserialize(&SerdeContext::value("words").reading(), &bytes)?, 4);
/// # Ok::<(), SerdeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not deserialize `{T}`",
    note = "see the table of formats in the documentation of kestrel_serde, or use `deserialize_with`",
    note = "a builder has `Unset` where `.key(..)` or `.value(..)` is missing: say there which format it is"
)]
pub trait Deserializer<T>: Send + Sync + 'static {
    /// Whether [`ready`](Self::ready) may have to wait. A format that overrides `ready` says `true` here.
    ///
    /// The client then awaits `ready` for all records of a batch before it hands the batch out; otherwise it spares
    /// itself the look at each record. The answer is always the same.
    fn may_wait(&self) -> bool {
        false
    }

    /// Makes [`deserialize`](Self::deserialize) possible for these bytes.
    ///
    /// Asked before each `deserialize`, of a format that [may wait](Self::may_wait) for all records of a batch before the first
    /// one is handed out. Formats with a registry find the schema's id here, in the bytes or in a
    /// [header](DeserializeContext::header); they give [`Ready::now`] when they have that schema, and otherwise fetch it, once,
    /// and keep it. All others take the default, which is ready at once and costs nothing.
    ///
    /// # Errors
    /// Whatever keeps the schema from being known. The record is not lost, and the same call is made again, unless it [is
    /// poison](SerdeError::is_poison).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect other than work not done; it may be called again.
    fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
        let _ = (ctx, bytes);
        Ready::now()
    }

    /// Reads a `T` as [`deserialize`](Self::deserialize) does, if nothing has to be waited for: `None` if
    /// [`ready`](Self::ready) has to be awaited first.
    ///
    /// The client tries this before all else. The default asks `ready` and then `deserialize`; a format that finds the same thing in
    /// both overrides it, and finds it once.
    ///
    /// # Errors
    /// Those of both.
    fn deserialize_now(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Option<Result<T, SerdeError>> {
        let is_ready = self.ready(*ctx, bytes).known()?;
        Some(is_ready.and_then(|()| self.deserialize(ctx, bytes)))
    }

    /// Reads a `T` from `bytes`, which hold exactly one key or value.
    ///
    /// The bytes may be a slice of a whole fetched batch. A `T` that keeps a clone of them is made without a copy, and
    /// keeps that batch in memory as long as it lives.
    ///
    /// # Errors
    /// [`SerdeError::Decode`] when the bytes are not a `T` in this format: a poison pill. No other error is one.
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError>;
}

/// A format behind a pointer is that format.
macro_rules! behind_a_pointer {
    ($pointer:ident, $(#[$serializer:meta])* ; $(#[$deserializer:meta])*) => {
        $(#[$serializer])*
        impl<T: ?Sized, S: Serializer<T> + ?Sized> Serializer<T> for $pointer<S> {
            fn may_wait(&self) -> bool {
                S::may_wait(self)
            }

            fn ready<'a>(&'a self, ctx: SerdeContext<'a>) -> Ready<'a> {
                S::ready(self, ctx)
            }

            fn serialize(&self, ctx: &mut SerializeContext<'_>, value: &T, out: &mut BytesMut) -> Result<(), SerdeError> {
                S::serialize(self, ctx, value, out)
            }

            fn as_bytes<'a>(&self, value: &'a T) -> Option<&'a [u8]> {
                S::as_bytes(self, value)
            }
        }

        $(#[$deserializer])*
        impl<T, D: Deserializer<T> + ?Sized> Deserializer<T> for $pointer<D> {
            fn may_wait(&self) -> bool {
                D::may_wait(self)
            }

            fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
                D::ready(self, ctx, bytes)
            }

            fn deserialize_now(
                &self,
                ctx: &DeserializeContext<'_>,
                bytes: &Bytes,
            ) -> Option<Result<T, SerdeError>> {
                D::deserialize_now(self, ctx, bytes)
            }

            fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
                D::deserialize(self, ctx, bytes)
            }
        }
    };
}

behind_a_pointer! {
    Arc,
    /// A shared serializer: one parsed schema or one registry behind many topic handles; `Arc<dyn Serializer<T>>` too.
    ;
    /// A shared deserializer: one parsed schema or one registry behind many consumers; `Arc<dyn Deserializer<T>>` too.
}

behind_a_pointer! {
    Box,
    /// A serializer of a type that is chosen at run time: `Box<dyn Serializer<T>>`.
    ;
    /// A deserializer of a type that is chosen at run time: `Box<dyn Deserializer<T>>`.
}
