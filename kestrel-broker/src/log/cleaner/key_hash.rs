//! SipHash-2-4 with 128 bits: what stands for a key in the offset map.
//!
//! A key is not kept but its hash, so two keys with one hash would be taken for one, and the older record of them dropped. With
//! 128 bits and 5 million keys (a full map) the chance is 1 in 10^25 per cleaning; as the hash has a secret key, drawn anew at
//! each start, nobody can make such keys on purpose. Apache Kafka relies on MD5 in the same way, for which that is known how to.

/// The secret key of the hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct HashKey([u64; 2]);

impl HashKey {
    /// A key of these random bytes.
    pub(super) fn new(bytes: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the halves")]
        Self([number as u64, (number >> 64) as u64])
    }

    /// The hash of `data`.
    pub(super) fn hash(self, data: &[u8]) -> [u64; 2] {
        let [k0, k1] = self.0;
        let mut state = State([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ]);
        let (words, rest) = data.as_chunks::<8>();
        for word in words {
            state.take(u64::from_le_bytes(*word));
        }
        // The last word: what is left, and the length's lowest byte.
        let mut last = (data.len() as u64) << 56;
        for (index, &byte) in rest.iter().enumerate() {
            last |= u64::from(byte) << (8 * index);
        }
        state.take(last);
        let State([_, _, v2, _]) = &mut state;
        *v2 ^= 0xee;
        state.rounds(4);
        let first = state.folded();
        let State([_, v1, ..]) = &mut state;
        *v1 ^= 0xdd;
        state.rounds(4);
        [first, state.folded()]
    }
}

struct State([u64; 4]);

impl State {
    #[inline]
    fn take(&mut self, word: u64) {
        let [_, _, _, v3] = &mut self.0;
        *v3 ^= word;
        self.rounds(2);
        let [v0, ..] = &mut self.0;
        *v0 ^= word;
    }

    #[inline]
    fn rounds(&mut self, count: usize) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        for _ in 0..count {
            v0 = v0.wrapping_add(v1);
            v1 = v1.rotate_left(13) ^ v0;
            v0 = v0.rotate_left(32);
            v2 = v2.wrapping_add(v3);
            v3 = v3.rotate_left(16) ^ v2;
            v0 = v0.wrapping_add(v3);
            v3 = v3.rotate_left(21) ^ v0;
            v2 = v2.wrapping_add(v1);
            v1 = v1.rotate_left(17) ^ v2;
            v2 = v2.rotate_left(32);
        }
        self.0 = [v0, v1, v2, v3];
    }

    #[inline]
    fn folded(&self) -> u64 {
        let [v0, v1, v2, v3] = self.0;
        v0 ^ v1 ^ v2 ^ v3
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
