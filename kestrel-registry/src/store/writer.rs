//! Writer: the task that writes, one request after the other.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use kestrel_client::CancellationToken;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::follower::Asks;
use super::judge::Judge;
use super::pen::{PenCase, WriteFailure};
use crate::error::Refusal;
use crate::machine::{Answer, Request};

/// The first pause after another registry was faster; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// A request that may need records to be written.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) request: Arc<Request>,
    /// When it is answered that it took too long.
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Answer, Refusal>>,
}

/// The task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    judge: Judge,
    follower: Asks,
    pen: PenCase,
}

impl Writer {
    pub(super) const fn new(judge: Judge, follower: Asks, pen: PenCase) -> Self {
        Self { judge, follower, pen }
    }

    /// Writes what it is sent until it is stopped: what it is at then comes to its end.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Write>, stop: CancellationToken) {
        while let Some(Some(write)) = stop.run_until_cancelled(inbox.recv()).await {
            let Write { request, deadline, reply } = write;
            let answer = match tokio::time::timeout_at(deadline, self.answer(&request)).await {
                Ok(answer) => answer,
                Err(_) => {
                    warn!(
                        "a write took too long: the brokers do not answer, or other registries write all the time"
                    );
                    // It may be in the middle of a transaction.
                    self.pen.put_away().await;
                    Err(Refusal::timed_out("the write may be done or not; nothing else was changed"))
                }
            };
            // Nobody waits for it any more: it is done all the same.
            let _ = reply.send(answer);
        }
        self.pen.put_away().await;
    }

    async fn answer(&mut self, request: &Arc<Request>) -> Result<Answer, Refusal> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(request).await? {
                Some(answer) => return Ok(answer),
                None => tokio::time::sleep(jittered(pause)).await,
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Decides on the end of the topic, and writes what was decided. Nothing when another registry has written meanwhile.
    async fn attempt(&mut self, request: &Arc<Request>) -> Result<Option<Answer>, Refusal> {
        self.follower.catch_up().await?;
        let decision = self.judge.decide_now(request).await?;
        if decision.records.is_empty() {
            return Ok(Some(decision.answer));
        }
        if self.pen.is_put_away() {
            // Decided once more with the pen in hand: from then on nobody else writes unnoticed.
            self.pen.take().await.map_err(|error| Refusal::unavailable(&error))?;
            return Box::pin(self.attempt(request)).await;
        }
        match self.pen.write(&decision.records).await {
            Ok(end) => {
                self.follower.reach(end).await?;
                Ok(Some(decision.answer))
            }
            Err(WriteFailure::Again(error)) => {
                debug!("another registry has written, and it is decided anew: {error:#}");
                Ok(None)
            }
            Err(WriteFailure::TooLarge(error)) => Err(Refusal::too_large(format!("{error:#}"))),
            Err(WriteFailure::Failed(error)) => Err(Refusal::unavailable(&error)),
        }
    }
}

/// Between half and one and a half of a pause, so that two registries do not meet again and again.
fn jittered(pause: Duration) -> Duration {
    let dice = RandomState::new().build_hasher().finish() % 1_000;
    let thousandths = 500 + u32::try_from(dice).unwrap_or_default();
    pause * thousandths / 1_000
}
