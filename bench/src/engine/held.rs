//! Deliveries under way, observed one by one, in bounded number.

use std::collections::VecDeque;

use super::work::Outcome;

/// Deliveries that are held before the older half of them is awaited.
const HELD_DELIVERIES: usize = 100_000;

/// Holds what a client returned for each record until it is known what became of it.
#[derive(Debug)]
pub(super) struct Held<D> {
    deliveries: VecDeque<D>,
    outcome: Outcome,
}

impl<D, T, E> Held<D>
where
    D: Future<Output = Result<T, E>> + Unpin,
{
    pub(super) fn new() -> Self {
        Self { deliveries: VecDeque::new(), outcome: Outcome::default() }
    }

    /// Takes a delivery, and waits for older ones when there are many.
    pub(super) async fn hold(&mut self, delivery: D) {
        self.deliveries.push_back(delivery);
        if self.deliveries.len() >= HELD_DELIVERIES {
            self.drain(HELD_DELIVERIES / 2).await;
        }
    }

    /// Waits for all of them.
    pub(super) async fn finish(mut self) -> Outcome {
        self.drain(0).await;
        self.outcome
    }

    async fn drain(&mut self, left: usize) {
        while self.deliveries.len() > left {
            let Some(delivery) = self.deliveries.pop_front() else { return };
            match delivery.await {
                Ok(_) => self.outcome.acked += 1,
                Err(_) => self.outcome.errors += 1,
            }
        }
    }
}
