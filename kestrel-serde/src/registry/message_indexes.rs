//! The path to a message inside of a Protobuf file, as records have it behind the schema's id. Pure.
//!
//! ```text
//!   count, then so many indexes: of the message at the top, of the message in that one ...   all of them zigzag varints
//!   0                            alone stands for the path [0], the first message of a file, which most records have
//! ```

use bytes::{BufMut, BytesMut};

/// The deepest nesting of messages that is read; `protoc` allows about thirty.
const MAX_LEVELS: usize = 64;

/// The reason why bytes are no path to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidIndexes {
    #[error("the bytes end in the middle of it")]
    Truncated,
    #[error("a number of more than 32 bits")]
    TooLong,
    #[error("a number of more bytes than it needs")]
    Padded,
    #[error("an index or a count below zero")]
    Negative,
    #[error("{0} levels, which is more than messages have")]
    TooDeep(i32),
}

/// Appends a path.
pub(super) fn encode(path: &[i32], out: &mut BytesMut) {
    if path == [0] {
        out.put_u8(0);
        return;
    }
    put(i32::try_from(path.len()).expect("messages are not nested that deep"), out);
    for index in path {
        put(*index, out);
    }
}

/// The length of the path at the begin of `bytes`.
pub(super) fn length(bytes: &[u8]) -> Result<usize, InvalidIndexes> {
    let mut rest = bytes;
    let count = number(&mut rest)?;
    let levels = usize::try_from(count).ok().filter(|levels| *levels <= MAX_LEVELS);
    for _ in 0..levels.ok_or(InvalidIndexes::TooDeep(count))? {
        number(&mut rest)?;
    }
    Ok(bytes.len() - rest.len())
}

/// The path in bytes that [`length`] has found one in.
pub(super) fn decode(bytes: &[u8]) -> Vec<i32> {
    let mut rest = bytes;
    let mut next = || number(&mut rest).unwrap_or_default();
    match next() {
        0 => vec![0],
        count => (0..count).map(|_| next()).collect(),
    }
}

fn put(number: i32, out: &mut BytesMut) {
    let mut zigzag = ((number << 1) ^ (number >> 31)).cast_unsigned();
    while zigzag >= 0x80 {
        let [group, ..] = (zigzag & 0x7f).to_le_bytes();
        out.put_u8(group | 0x80);
        zigzag >>= 7;
    }
    out.put_u8(zigzag.to_le_bytes()[0]);
}

fn number(rest: &mut &[u8]) -> Result<i32, InvalidIndexes> {
    let mut zigzag = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(InvalidIndexes::Truncated)?;
        *rest = after;
        zigzag |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            // One path is written in one way, so that nobody makes plans without end for one message.
            if *byte == 0 && shift > 0 {
                return Err(InvalidIndexes::Padded);
            }
            let zigzag = u32::try_from(zigzag).map_err(|_| InvalidIndexes::TooLong)?;
            let number = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
            return if number < 0 { Err(InvalidIndexes::Negative) } else { Ok(number) };
        }
    }
    Err(InvalidIndexes::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(path: &[i32]) -> BytesMut {
        let mut out = BytesMut::new();
        encode(path, &mut out);
        out
    }

    #[test]
    fn the_bytes_are_those_of_confluents_serializers() {
        for (path, bytes) in [
            (&[0][..], &[0][..]),
            (&[1], &[2, 2]),
            (&[0, 0], &[4, 0, 0]),
            (&[2, 1], &[4, 4, 2]),
            (&[64], &[2, 0x80, 1]),
            (&[100, 3, 0], &[6, 0xc8, 1, 6, 0]),
        ] {
            assert_eq!(encoded(path), bytes, "{path:?}");
            let followed = [bytes, &[0xff; 3]].concat();
            assert_eq!(length(&followed), Ok(bytes.len()));
            assert_eq!(decode(&followed), path);
        }
    }

    #[test]
    fn the_first_message_may_be_written_out() {
        assert_eq!((length(&[2, 0, 7]), decode(&[2, 0, 7])), (Ok(2), vec![0]));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for (bytes, error) in [
            (&[][..], InvalidIndexes::Truncated),
            (&[2], InvalidIndexes::Truncated),
            (&[4, 0], InvalidIndexes::Truncated),
            (&[0x80], InvalidIndexes::Truncated),
            (&[1], InvalidIndexes::Negative),
            (&[2, 3], InvalidIndexes::Negative),
            (&[0xff; 6], InvalidIndexes::TooLong),
            (&[0x80, 0], InvalidIndexes::Padded),
            (&[2, 0x82, 0x80, 0], InvalidIndexes::Padded),
            (&[0xfe, 0xff, 0xff, 0xff, 0x1f], InvalidIndexes::TooLong),
            (&[0x82, 1], InvalidIndexes::TooDeep(65)),
            (&[0xfe, 0xff, 0xff, 0xff, 0x0f], InvalidIndexes::TooDeep(i32::MAX)),
        ] {
            assert_eq!(length(bytes), Err(error), "{bytes:?}");
        }
    }
}
