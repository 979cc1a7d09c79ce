//! SipHash-2-4 with 128 bits: what stands for a key in the offset map.
//!
//! A key is not kept but its hash, so two keys with one hash would be taken for one, and the older record of them dropped. With
//! 128 bits and 5 million keys (a full map) the chance is 1 in 10^25 per cleaning; as the hash has a secret key, drawn anew at
//! each start, nobody can make such keys on purpose. Apache Kafka relies on MD5 in the same way, for which that is known how to.

use siphasher::sip128::{Hash128, SipHasher24};

/// The hash with its secret key.
#[derive(Debug, Clone, Copy)]
pub(super) struct HashKey(SipHasher24);

impl HashKey {
    /// A key of these random bytes.
    pub(super) fn new(bytes: [u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(&bytes))
    }

    /// The hash of `data`.
    pub(super) fn hash(self, data: &[u8]) -> [u64; 2] {
        let Hash128 { h1, h2 } = self.0.hash(data);
        [h1, h2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of the vectors that the authors of SipHash publish: key 00 01 .. 0f, data 00 01 02 ...
    #[test]
    fn it_is_siphash_2_4_128() {
        let key = HashKey::new(std::array::from_fn(|index| u8::try_from(index).unwrap()));
        let hash = |length: u8| {
            let data: Vec<u8> = (0..length).collect();
            let [first, second] = key.hash(&data);
            [first.to_le_bytes(), second.to_le_bytes()].concat()
        };
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        assert_eq!(hash(0), hex("a3817f04ba25a8e66df67214c7550293"));
        assert_eq!(hash(1), hex("da87c1d86b99af44347659119b22fc45"));
        assert_ne!(hash(8), hash(9));
    }
}
