//! Byte runs that go to the socket with one vectored write, without being copied together.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// A queue of byte runs as one [`Buf`].
#[derive(Debug, Default)]
pub(super) struct Chunks {
    runs: VecDeque<Bytes>,
    remaining: usize,
}

impl Chunks {
    /// How many runs are left.
    pub(super) fn count(&self) -> usize {
        self.runs.len()
    }
}

impl Extend<Bytes> for Chunks {
    fn extend<I: IntoIterator<Item = Bytes>>(&mut self, runs: I) {
        for run in runs.into_iter().filter(|run| !run.is_empty()) {
            self.remaining += run.len();
            self.runs.push_back(run);
        }
    }
}

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.runs.front().map_or(&[], Bytes::as_ref)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, run) in slices.iter_mut().zip(&self.runs) {
            *slice = IoSlice::new(run);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "cannot advance past the last run");
        self.remaining -= count;
        while let Some(front) = self.runs.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_consumed_in_order_whatever_the_steps() {
        for step in 1..8 {
            let mut chunks = Chunks::default();
            chunks.extend(["ab", "", "cde", "f"].map(|run| Bytes::from_static(run.as_bytes())));
            assert_eq!((chunks.count(), chunks.remaining()), (3, 6));
            let mut seen = Vec::new();
            while chunks.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let filled = chunks.chunks_vectored(&mut slices);
                let visible: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                let taken = step.min(visible.len());
                seen.extend_from_slice(&visible[..taken]);
                chunks.advance(taken);
            }
            assert_eq!(seen, b"abcdef", "step {step}");
            assert_eq!(chunks.count(), 0);
        }
    }
}
