//! What a consumer says to its assignor, as far as the coordinator needs it: the topics. Pure.
//!
//! ```text
//!   version │ topics │ whatever follows in later versions
//!   i16       array of strings
//! ```

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::wire::Reader;

/// The topics that a consumer subscribed to; `None` when the bytes are no subscription.
pub(super) fn subscribed_topics(metadata: &Bytes) -> Option<Vec<ByteString>> {
    const WHAT: &str = "subscription";
    const NOT_FLEXIBLE: bool = false;
    let mut reader = Reader::new(metadata.clone());
    let version = reader.get_i16(WHAT).ok()?;
    if version < 0 {
        return None;
    }
    let count = reader.get_array_length(NOT_FLEXIBLE, WHAT).ok()??;
    (0..count).map(|_| reader.get_string(NOT_FLEXIBLE, WHAT).ok()?).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_and_the_rest_is_not() {
        let said = b"\0\x01\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(subscribed_topics(&Bytes::from_static(said)), Some(vec!["a".into(), "bc".into()]));
        assert_eq!(subscribed_topics(&Bytes::from_static(b"\0\0\0\0\0\0")), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_subscription_says_nothing() {
        for bytes in [&b""[..], b"\xff\xff\0\0\0\0", b"\0\0\xff\xff\xff\xff", b"\0\0\x7f\xff\xff\xff\0\x01a"]
        {
            assert_eq!(subscribed_topics(&Bytes::copy_from_slice(bytes)), None);
        }
    }
}
