//! Values to send: text-like bytes that compress about as well as log lines, different for each record, made without allocating.

/// How many different places a value can begin at.
const POOL_BYTES: usize = 1 << 20;

/// A pool of bytes from which each record takes a window.
#[derive(Debug)]
pub(crate) struct Payload {
    pool: Vec<u8>,
    size_bytes: usize,
}

impl Payload {
    /// Values of `size_bytes` each.
    pub(crate) fn new(size_bytes: usize) -> Self {
        let words = ["order", "user", "click", "status=200", "latency_ms=", "region=eu-west", "cart", "\n"];
        let mut pool = Vec::with_capacity(POOL_BYTES + size_bytes + 32);
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        while pool.len() < POOL_BYTES + size_bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let word = usize::try_from(state % 8).expect("below eight");
            pool.extend_from_slice(words[word].as_bytes());
            pool.extend_from_slice(format!(" {:x} ", state >> 40).as_bytes());
        }
        Self { pool, size_bytes }
    }

    /// The value of record `index`.
    pub(crate) fn value(&self, index: u64) -> &[u8] {
        // A stride that is coprime with the pool visits every place before it repeats one.
        let start = usize::try_from(index.wrapping_mul(7919) % POOL_BYTES as u64).expect("below 1 MiB");
        &self.pool[start..start + self.size_bytes]
    }
}
