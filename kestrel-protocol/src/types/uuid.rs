//! The 16 bytes that Kafka calls a uuid, and the text that stands for them.

use std::fmt;

/// 16 bytes that identify a topic for life (KIP-516), a data directory or a process; printed as Kafka prints them.
///
/// ```
/// use kestrel_protocol::Uuid;
/// assert_eq!(Uuid::NIL.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
/// assert_eq!("AAAAAAAAAAAAAAAAAAAAAQ".parse(), Ok(Uuid::from_u128(1)));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// A string that is not the 22 characters of URL-safe base64 that Kafka writes for a [`Uuid`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Kafka uuid: expected 22 characters of URL-safe base64 without padding")]
pub struct ParseUuidError;

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// All zero: the wire's "no id".
    pub const NIL: Self = Self([0; 16]);

    /// The uuid whose bytes are those of `value`, most significant first.
    #[must_use]
    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    /// A random (version 4) uuid made from 16 random bytes.
    #[must_use]
    pub const fn from_random_bytes(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// Whether this is [`Uuid::NIL`].
    #[must_use]
    pub fn is_nil(self) -> bool {
        self == Self::NIL
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 128 bits are 21 groups of six and a last group of two, which base64 pads with four zero bits.
        let bits = u128::from_be_bytes(self.0);
        for group in 0..22u32 {
            let six = if group < 21 { bits >> (122 - 6 * group) } else { bits << 4 } & 0x3f;
            let index = usize::try_from(six).expect("six bits fit");
            write!(f, "{}", char::from(BASE64_URL[index]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl std::str::FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        if text.len() != 22 {
            return Err(ParseUuidError);
        }
        let mut bits: u128 = 0;
        for (group, byte) in text.bytes().enumerate() {
            let six = BASE64_URL.iter().position(|&c| c == byte).ok_or(ParseUuidError)? as u128;
            bits = if group < 21 { (bits << 6) | six } else { (bits << 2) | (six >> 4) };
        }
        Ok(Self::from_u128(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_prints_as_apache_kafka_prints_it() {
        // Both pairs taken from org.apache.kafka.common.Uuid.
        let one: Uuid = "4L6g3nShT-eMCtK--X86sw".parse().unwrap();
        assert_eq!(one.0, 0xe0be_a0de_74a1_4fe7_8c0a_d2be_f97f_3ab3_u128.to_be_bytes());
        assert_eq!(one.to_string(), "4L6g3nShT-eMCtK--X86sw");
    }

    #[test]
    fn what_is_not_a_uuid_is_refused() {
        for text in ["", "short", "4L6g3nShT-eMCtK--X86s+", "4L6g3nShT-eMCtK--X86sw=="] {
            assert_eq!(text.parse::<Uuid>(), Err(ParseUuidError), "{text}");
        }
    }
}
