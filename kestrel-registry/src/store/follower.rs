//! Follower: reads the topic, first to its end and then whatever comes, and lets each record take effect.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_client::{
    AssignedConsumer, AutoOffsetReset, CancellationToken, Client, Error, IsolationLevel, TopicPartition,
};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, info, warn};

use super::state::{self, State};
use crate::error::Refusal;
use crate::machine::Machine;
use crate::record::Chain;

type Reader = AssignedConsumer<Bytes, Bytes>;

/// The pause before the topic is read anew, when that has failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The task that reads. Only what is committed is read, so a write that failed never takes effect.
#[derive(Debug)]
pub(super) struct Follower {
    client: Client,
    partition: TopicPartition,
    patience: Duration,
    reader: Reader,
    state: Arc<State>,
    asks: mpsc::Receiver<Ask>,
}

/// A wish to hear when the topic has been read up to a place.
#[derive(Debug)]
pub(super) struct Ask {
    until: Until,
    reply: oneshot::Sender<Result<(), Error>>,
}

/// A place in the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Its end as of now.
    End,
    /// Before this offset.
    Offset(i64),
}

/// The other end of a follower.
#[derive(Debug, Clone)]
pub(super) struct Asks {
    asks: mpsc::Sender<Ask>,
}

impl Asks {
    /// Waits until all that is in the topic now has taken effect.
    pub(super) async fn catch_up(&self) -> Result<(), Refusal> {
        self.ask(Until::End).await
    }

    /// Waits until everything before this offset has taken effect.
    pub(super) async fn reach(&self, offset: i64) -> Result<(), Refusal> {
        self.ask(Until::Offset(offset)).await
    }

    async fn ask(&self, until: Until) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(Ask { until, reply }).await.is_err() {
            return Err(Refusal::stopping());
        }
        match answer.await {
            Ok(reached) => reached.map_err(|error| Refusal::unavailable(&error)),
            Err(_) => Err(Refusal::stopping()),
        }
    }
}

#[cfg(test)]
impl Asks {
    /// Asks that somebody else answers.
    pub(super) fn to_stand_in() -> (Self, mpsc::Receiver<Ask>) {
        let (asks, inbox) = mpsc::channel(1);
        (Self { asks }, inbox)
    }
}

#[cfg(test)]
impl Ask {
    /// It was read to where it was asked for.
    pub(super) fn done(self) {
        let _ = self.reply.send(Ok(()));
    }
}

/// Why a follower has to begin anew.
enum Interruption {
    Stopped,
    /// The topic does not have what comes after what was read.
    Lost(Error),
    /// The reader gives nothing any more.
    Ended,
}

impl Follower {
    /// Reads the topic to its end.
    pub(super) async fn start(
        client: &Client,
        topic: &Arc<str>,
        patience: Duration,
    ) -> Result<(Self, Asks, Arc<State>), Error> {
        let partition = TopicPartition::new(Arc::clone(topic), 0);
        let (reader, machine) = load(client, &partition, patience).await?;
        let state = Arc::new(State::new(machine));
        let (sender, asks) = mpsc::channel(1);
        let (client, shared) = (client.clone(), Arc::clone(&state));
        let follower = Self { client, partition, patience, reader, state: shared, asks };
        Ok((follower, Asks { asks: sender }, state))
    }

    /// Reads until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let interruption = stop.run_until_cancelled(self.follow()).await.unwrap_or(Interruption::Stopped);
            let topic = &self.partition.topic;
            match interruption {
                Interruption::Stopped => return,
                Interruption::Lost(cause) => error!(
                    "the topic {topic} was cut or made anew, and is read from its beginning: {:#}",
                    Chain(&cause)
                ),
                Interruption::Ended => error!("reading {topic} has ended, and begins anew"),
            }
            if stop.run_until_cancelled(self.reload()).await.is_none() {
                return;
            }
        }
    }

    async fn follow(&mut self) -> Interruption {
        loop {
            let step = tokio::select! {
                record = self.reader.next() => match record {
                    Some(record) => self.state.take(record),
                    None => return Interruption::Ended,
                },
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.answer(ask).await,
                    None => return Interruption::Stopped,
                },
            };
            if let Err(lost) = step {
                return Interruption::Lost(lost);
            }
        }
    }

    /// Reads to where it was asked to, unless whoever asked does not wait any more.
    async fn answer(&mut self, ask: Ask) -> Result<(), Error> {
        let Ask { until, mut reply } = ask;
        let reached = tokio::select! {
            reached = self.read_until(until) => reached,
            () = reply.closed() => return Ok(()),
        };
        let lost = reached.as_ref().err().filter(|error| is_lost(error)).cloned();
        // Whoever asked has gone: nothing is owed.
        let _ = reply.send(reached);
        lost.map_or(Ok(()), Err)
    }

    async fn read_until(&mut self, until: Until) -> Result<(), Error> {
        let ends = match until {
            Until::End => self.reader.end_offsets([&self.partition]).await?,
            Until::Offset(offset) => HashMap::from([(self.partition.clone(), offset)]),
        };
        while let Some(record) = self.reader.next_until(&ends).await {
            self.state.take(record)?;
        }
        Ok(())
    }

    async fn reload(&mut self) {
        loop {
            match load(&self.client, &self.partition, self.patience).await {
                Ok((reader, machine)) => {
                    self.reader = reader;
                    self.state.replace(machine);
                    info!("the topic {} was read from its beginning", self.partition.topic);
                    return;
                }
                Err(cause) => {
                    warn!("the topic {} cannot be read, and is tried again: {cause:#}", self.partition.topic);
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }
}

impl State {
    /// Takes what the reader gives.
    ///
    /// # Errors
    /// When the topic has to be read from its beginning.
    fn take(&self, record: Result<kestrel_client::ConsumerRecord<Bytes, Bytes>, Error>) -> Result<(), Error> {
        match record {
            Ok(record) => self.apply(&record),
            Err(cause) if is_lost(&cause) => return Err(cause),
            // The reader goes on by itself.
            Err(cause) => debug!("reading does not go on yet: {cause:#}"),
        }
        Ok(())
    }
}

fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Position(_) | Error::Ended { .. })
}

/// A reader behind all that is in the topic now, and what it has read.
async fn load(
    client: &Client,
    partition: &TopicPartition,
    patience: Duration,
) -> Result<(Reader, Machine), Error> {
    let reader = client.assigned_consumer().isolation_level(IsolationLevel::ReadCommitted);
    // What is not where it should be is noticed, and not skipped.
    let reader = reader.auto_offset_reset(AutoOffsetReset::None).default_api_timeout(patience);
    let mut reader: Reader = reader.build().await?;
    // Assigned no sooner: a partition without a position is complained of.
    reader.assign([partition])?;
    reader.seek_to_beginning([partition])?;
    let ends = reader.end_offsets([partition]).await?;
    let mut machine = Machine::default();
    while let Some(record) = reader.next_until(&ends).await {
        match record {
            Ok(record) => state::apply(&mut machine, &record),
            Err(cause) if cause.is_retriable() => debug!("reading does not go on yet: {cause:#}"),
            Err(cause) => return Err(cause),
        }
    }
    Ok((reader, machine))
}
