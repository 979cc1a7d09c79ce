//! Latecomers: questions to which nothing was found, and that wait until the topic has been read to its end.

use std::time::Duration;

use kestrel_client::CancellationToken;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::follower::Asks;
use crate::error::Refusal;

/// The questions that wait at a time; one more is refused.
const WAITING: usize = 1_024;
/// The pause between two readings: who asks for what is not there cannot make the registry ask the brokers without end.
const PAUSE: Duration = Duration::from_millis(10);

type Reply = oneshot::Sender<Result<(), Refusal>>;

/// The task that has the topic read for them. One reading serves all that wait when it begins; those that come later wait for the
/// next one, since what they ask for may have been written after the end that this one reads to.
#[derive(Debug)]
pub(super) struct Latecomers {
    follower: Asks,
    patience: Duration,
    inbox: mpsc::Receiver<Reply>,
}

/// The other end.
#[derive(Debug)]
pub(super) struct Waiting(mpsc::Sender<Reply>);

impl Waiting {
    /// Waits until all that is in the topic now has taken effect.
    ///
    /// # Errors
    /// When that cannot be told, or takes too long.
    pub(super) async fn caught_up(&self) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(reply).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Refusal::busy("too many questions wait for the topic's end")
            }
            mpsc::error::TrySendError::Closed(_) => Refusal::stopping(),
        })?;
        answer.await.unwrap_or_else(|_| Err(Refusal::stopping()))
    }
}

impl Latecomers {
    pub(super) fn new(follower: Asks, patience: Duration) -> (Self, Waiting) {
        let (sender, inbox) = mpsc::channel(WAITING);
        (Self { follower, patience, inbox }, Waiting(sender))
    }

    /// Has the topic read for whoever comes, until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.serve()).await;
    }

    async fn serve(&mut self) {
        let mut waiting = Vec::new();
        while self.inbox.recv_many(&mut waiting, WAITING).await > 0 {
            let read = self.read().await;
            debug!("read to the end for {} questions", waiting.len());
            for reply in waiting.drain(..) {
                let _ = reply.send(read.clone());
            }
            sleep(PAUSE).await;
        }
    }

    async fn read(&self) -> Result<(), Refusal> {
        match timeout(self.patience, self.follower.catch_up()).await {
            Ok(read) => read.map_err(|refusal| Refusal::behind(refusal.message())),
            Err(_) => {
                Err(Refusal::behind(format_args!("the brokers did not answer within {:?}", self.patience)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::store::follower::Ask;

    /// Answers every ask at once, and counts them.
    async fn stand_in(mut asks: mpsc::Receiver<Ask>, count: &mut u32) {
        while let Some(ask) = asks.recv().await {
            *count += 1;
            ask.done();
        }
    }

    /// How often the topic was read for these questions.
    async fn readings(questions: impl AsyncFnOnce(&Waiting)) -> u32 {
        let (asks, inbox) = Asks::to_stand_in();
        let (latecomers, waiting) = Latecomers::new(asks, Duration::from_secs(5));
        let mut count = 0;
        tokio::select! {
            () = stand_in(inbox, &mut count) => {}
            () = latecomers.run(CancellationToken::new()) => {}
            () = questions(&waiting) => {}
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn one_reading_serves_all_that_wait() {
        let count = readings(async |waiting: &Waiting| {
            let asked = || waiting.caught_up();
            let (one, two, three) = tokio::join!(asked(), asked(), asked());
            assert_eq!([one, two, three], [Ok(()), Ok(()), Ok(())]);
        });
        assert_eq!(count.await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn readings_are_no_more_than_so_many_a_second() {
        let count = readings(async |waiting: &Waiting| {
            let without_end = async {
                loop {
                    waiting.caught_up().await.unwrap();
                }
            };
            assert!(timeout(Duration::from_secs(1), without_end).await.is_err());
        });
        let count = count.await;
        assert!((90..=101).contains(&count), "{count}");
    }

    #[tokio::test(start_paused = true)]
    async fn brokers_that_do_not_answer_are_said_to() {
        let (asks, _inbox) = Asks::to_stand_in();
        let (latecomers, waiting) = Latecomers::new(asks, Duration::from_secs(5));
        let asked = tokio::select! {
            asked = waiting.caught_up() => asked,
            () = latecomers.run(CancellationToken::new()) => panic!("it ends when it is stopped"),
        };
        let refused = asked.unwrap_err();
        assert!(refused.code() == 50001 && refused.message().contains("within 5s"), "{refused}");
    }
}
