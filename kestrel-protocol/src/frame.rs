//! Frames: a four-byte length, then that many bytes. The length is checked before anything is allocated for it.

use bytes::{Buf, Bytes, BytesMut};

/// How many bytes the length takes.
const LENGTH_BYTES: usize = 4;

/// A length that no frame of this connection may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {claimed_bytes} bytes was announced, and between 0 and {limit_bytes} are allowed")]
pub struct FrameSizeError {
    /// The size that the peer announced, in bytes.
    pub claimed_bytes: i32,
    /// The limit, in bytes.
    pub limit_bytes: usize,
}

/// Cuts a stream of bytes into frames.
///
/// ```
/// use kestrel_protocol::FrameDecoder;
/// let decoder = FrameDecoder::new(1024);
/// let mut received = bytes::BytesMut::from(&b"\0\0\0\x03abc\0\0"[..]);
/// assert_eq!(decoder.decode(&mut received).unwrap().unwrap(), "abc");
/// assert_eq!(decoder.decode(&mut received), Ok(None));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FrameDecoder {
    limit_bytes: usize,
}

impl FrameDecoder {
    /// A decoder that refuses frames of more than `limit_bytes`.
    #[must_use]
    pub const fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes }
    }

    /// Takes the next whole frame out of `received`, without its length; `None` when more bytes are needed.
    ///
    /// Reserves room for the rest of a frame whose length has arrived, so that it is read in one piece.
    ///
    /// # Errors
    /// When the announced length is negative or above the limit: the connection is of no further use.
    pub fn decode(&self, received: &mut BytesMut) -> Result<Option<Bytes>, FrameSizeError> {
        let Some((length, _)) = received.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let claimed_bytes = i32::from_be_bytes(*length);
        let length = usize::try_from(claimed_bytes)
            .ok()
            .filter(|length| *length <= self.limit_bytes)
            .ok_or(FrameSizeError { claimed_bytes, limit_bytes: self.limit_bytes })?;
        if received.len() < LENGTH_BYTES + length {
            received.reserve(LENGTH_BYTES + length - received.len());
            return Ok(None);
        }
        received.advance(LENGTH_BYTES);
        Ok(Some(received.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_whatever_the_pieces() {
        let stream = [&[0, 0, 0, 2, 1, 2][..], &[0, 0, 0, 0], &[0, 0, 0, 1, 3]].concat();
        for cut in 0..stream.len() {
            let decoder = FrameDecoder::new(16);
            let mut received = BytesMut::new();
            let mut frames = Vec::new();
            for piece in [&stream[..cut], &stream[cut..]] {
                received.extend_from_slice(piece);
                while let Some(frame) = decoder.decode(&mut received).unwrap() {
                    frames.push(frame.to_vec());
                }
            }
            assert_eq!(frames, [vec![1, 2], vec![], vec![3]], "cut at {cut}");
        }
    }

    #[test]
    fn an_impossible_length_is_refused_before_its_bytes_come() {
        for claimed in [-1, 17, i32::MAX, i32::MIN] {
            let mut received = BytesMut::from(&claimed.to_be_bytes()[..]);
            let error = FrameDecoder::new(16).decode(&mut received).unwrap_err();
            assert_eq!(error, FrameSizeError { claimed_bytes: claimed, limit_bytes: 16 });
            assert!(received.capacity() < 64);
        }
    }
}
