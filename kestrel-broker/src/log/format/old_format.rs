//! Messages in the formats 0 and 1, which Apache Kafka wrote before 0.11: told from damage, and not read. Pure.
//!
//! ```text
//!   offset 8 │ size 4 │ CRC-32 4 │ magic 1 │ attributes 1 │ timestamp 8 (format 1) │ key │ value
//! ```
//!
//! Called by the scan, which walks over them, and by the loader, which refuses a log that begins with one.

/// How many bytes of a message come before what its size counts.
const SIZE_END: usize = 12;
/// Where the checksum is, and where what it covers begins.
const CRC_AT: usize = 12;
const MAGIC_AT: usize = 16;
/// How many bytes tell that something may be a message of an old format, and how large it is.
pub(in crate::log) const HEAD_BYTES: usize = 17;
/// The least that a message has: checksum, magic, attributes, and the lengths of key and value.
const LEAST_SIZE: i32 = 14;

/// The beginning of what may be a message of an old format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct OldMessage {
    /// Its offset; of a compressed one, that of the last message in it.
    pub(in crate::log) offset: i64,
    /// 0 or 1.
    pub(in crate::log) magic: i8,
    /// How many bytes it has as a whole.
    pub(in crate::log) size_bytes: usize,
}

impl OldMessage {
    /// What `head`, the first bytes at some place of a log, would be; `None` when it is of another format.
    pub(in crate::log) fn parse(head: &[u8]) -> Option<Self> {
        let offset = i64::from_be_bytes(*head.first_chunk()?);
        let size = i32::from_be_bytes(*head.get(8..)?.first_chunk()?);
        let magic = i8::from_be_bytes([*head.get(MAGIC_AT)?]);
        let is_old = (0..=1).contains(&magic) && size >= LEAST_SIZE && offset >= 0;
        let size_bytes = usize::try_from(size).ok()?.checked_add(SIZE_END)?;
        is_old.then_some(Self { offset, magic, size_bytes })
    }

    /// Whether `bytes`, all of the message, are whole: without that it is damage that looks like an old format.
    pub(in crate::log) fn is_whole(self, bytes: &[u8]) -> bool {
        let stored =
            bytes.get(CRC_AT..).and_then(|rest| rest.first_chunk()).map(|crc| u32::from_be_bytes(*crc));
        bytes.len() == self.size_bytes && stored == bytes.get(MAGIC_AT..).map(crc32)
    }
}

/// The CRC-32 of zip and Ethernet. Four bits at a time: it is only asked about logs that are not served.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let shifted = |crc: u32| (0..4).fold(crc, |crc, _| (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg()));
    !bytes.iter().fold(u32::MAX, |crc, byte| shifted(shifted(crc ^ u32::from(*byte))))
}

#[cfg(test)]
pub(in crate::log) mod tests {
    use super::*;

    /// A message as Apache Kafka 0.10 and before wrote it.
    pub(in crate::log) fn message(magic: i8, offset: i64, value: &[u8]) -> Vec<u8> {
        let mut body = vec![magic.cast_unsigned(), 0];
        if magic == 1 {
            body.extend_from_slice(&1_500_000_000_000_i64.to_be_bytes());
        }
        body.extend_from_slice(&(-1_i32).to_be_bytes());
        body.extend_from_slice(&i32::try_from(value.len()).unwrap().to_be_bytes());
        body.extend_from_slice(value);
        let size = i32::try_from(body.len() + 4).unwrap();
        [&offset.to_be_bytes()[..], &size.to_be_bytes(), &crc32(&body).to_be_bytes(), &body].concat()
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_whole_message_is_told_from_a_damaged_one() {
        for magic in [0, 1] {
            let bytes = message(magic, 7, b"value");
            let parsed = OldMessage::parse(&bytes).unwrap();
            assert_eq!(parsed, OldMessage { offset: 7, magic, size_bytes: bytes.len() });
            assert!(parsed.is_whole(&bytes));
            for position in CRC_AT..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[position] ^= 0x40;
                let is_whole = OldMessage::parse(&damaged).is_some_and(|message| message.is_whole(&damaged));
                assert!(!is_whole, "flipped at {position}");
            }
            assert_eq!(OldMessage::parse(&bytes[..HEAD_BYTES - 1]), None);
        }
        assert_eq!(OldMessage::parse(&[0; HEAD_BYTES]), None);
        assert_eq!(OldMessage::parse(&message(2, 7, b"value")), None);
    }
}
