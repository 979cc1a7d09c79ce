//! Reader: takes the answers of a connection from its stream, and gives each to whoever waits for it.
//!
//! Part of the connection's task.

use std::io;

use bytes::{Bytes, BytesMut};
use kestrel_protocol::{FrameDecoder, FrameSizeError, correlation_id};
use kestrel_serde::BoxError;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Shared;

/// How much is asked for at once when no frame has announced its size, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// Hands out answers until the stream ends; gives the reason.
pub(super) async fn read_all_answers<R: AsyncRead + Unpin>(
    reader: &mut R,
    shared: &Shared,
    is_authenticated: bool,
) -> BoxError {
    let decoder = FrameDecoder::new(shared.options.receive_limit_bytes);
    let mut received = BytesMut::new();
    let mut is_answered = false;
    loop {
        loop {
            match decoder.decode(&mut received) {
                Ok(Some(frame)) => {
                    is_answered = true;
                    if let Err(cause) = hand_out(frame, shared) {
                        return cause;
                    }
                }
                Ok(None) => break,
                Err(error) => return too_large(error),
            }
        }
        if received.capacity() == received.len() {
            received.reserve(READ_BYTES);
        }
        match reader.read_buf(&mut received).await {
            Ok(0) => {
                let closed = match is_answered || is_authenticated {
                    true => "the broker closed the connection",
                    false => {
                        "the broker closed the connection before its first answer, as a listener does that wants SASL \
                         (setting security.protocol)"
                    }
                };
                return io::Error::new(io::ErrorKind::UnexpectedEof, closed).into();
            }
            Ok(_) => {}
            Err(error) => return error.into(),
        }
    }
}

/// Why an answer is not read, with the setting that lets it be.
fn too_large(error: FrameSizeError) -> BoxError {
    let FrameSizeError { claimed_bytes, limit_bytes } = error;
    if claimed_bytes < 0 {
        return format!("{error}: is this a Kafka listener?").into();
    }
    format!(
        "an answer of {claimed_bytes} bytes is above the limit of {limit_bytes} bytes (setting receive.message.max.bytes)"
    )
    .into()
}

fn hand_out(frame: Bytes, shared: &Shared) -> Result<(), BoxError> {
    let correlation_id = correlation_id(&frame)?;
    let mut waits = shared.waits();
    let waiter = waits.in_flight.answer(correlation_id)?;
    if waits.drained.is_some() {
        waits.tell_if_drained();
    }
    drop(waits);
    shared.settle(waiter, Ok(frame));
    Ok(())
}
