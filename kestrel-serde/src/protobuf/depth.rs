//! Depth: what lies too deep in encoded messages for a reader.

use bytes::{Buf, BytesMut};
use prost::DecodeError;
use prost::encoding::decode_varint;

use crate::{SerdeError, SerializeContext};

/// How many messages may lie in a message, each in the one before: prost reads no more.
const MAX_LEVELS: usize = 100;

/// The fewest bytes of a message or group in another one: a key, and its length or its end.
const BYTES_OF_A_LEVEL: usize = 2;

/// Refuses the message that was written to `out` from `start` on if no reader takes it, and takes it back.
///
/// Only what may lie so deep by its bytes is read again.
pub(super) fn check(
    ctx: &SerializeContext<'_>,
    out: &mut BytesMut,
    start: usize,
    read: impl FnOnce(&[u8]) -> Result<(), DecodeError>,
) -> Result<(), SerdeError> {
    let message = &out[start..];
    if !may_hold(message, MAX_LEVELS + 1) || read(message).is_ok() {
        return Ok(());
    }
    out.truncate(start);
    let problem = format!("more than {MAX_LEVELS} messages lie in each other, which no reader takes");
    Err(SerdeError::encode(ctx, problem))
}

/// Whether so many messages may lie in each other in the fields of a message. No where there are fewer; yes may be said of texts and bytes
/// that look like messages.
fn may_hold(message: &[u8], levels: usize) -> bool {
    // Most fields of most messages are too short to be looked into.
    if message.len() < levels * BYTES_OF_A_LEVEL {
        return false;
    }
    fields_may_hold(message, levels).unwrap_or(false)
}

/// None when the bytes are no fields.
fn fields_may_hold(mut fields: &[u8], mut levels: usize) -> Option<bool> {
    while levels > 0 && !fields.is_empty() {
        let key = decode_varint(&mut fields).ok()?;
        if key >> 3 == 0 {
            return None;
        }
        match key & 7 {
            0 => drop(decode_varint(&mut fields).ok()?),
            1 => fields = fields.get(8..)?,
            2 => {
                let len = decode_varint(&mut fields).ok()?;
                let inner = fields.get(..usize::try_from(len).ok()?)?;
                if may_hold(inner, levels - 1) {
                    return Some(true);
                }
                fields.advance(inner.len());
            }
            3 => levels -= 1,
            4 => levels += 1,
            5 => fields = fields.get(4..)?,
            _ => return None,
        }
    }
    Some(levels == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize, of: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        (0..levels).fold(Vec::new(), |inner, _| of(&inner))
    }

    fn shortest(inner: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        prost::encoding::bytes::encode(1, &inner.to_vec(), &mut bytes);
        bytes
    }

    fn among_others(inner: &[u8]) -> Vec<u8> {
        [&[0x08, 1], &*shortest(inner), &[0x1d, 0, 0, 0, 0]].concat()
    }

    fn group(inner: &[u8]) -> Vec<u8> {
        [&[0x0b], inner, &[0x0c]].concat()
    }

    #[test]
    fn no_level_is_overlooked() {
        for levels in 1..=120 {
            for bytes in [nested(levels, shortest), nested(levels, among_others), nested(levels, group)] {
                assert!(may_hold(&bytes, levels), "{levels}");
                assert!(!may_hold(&bytes, levels + 1), "{levels}");
            }
        }
    }

    #[test]
    fn what_is_no_message_holds_none() {
        let text = "A long text, such as the comment of an order, which begins as a field might. ".repeat(40);
        for bytes in [text.as_bytes(), &[0; 1_000], &[0xff; 1_000], &[0x0a; 1_000]] {
            assert!(!may_hold(bytes, 4), "{bytes:?}");
        }
    }
}
