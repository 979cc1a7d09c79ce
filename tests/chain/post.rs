//! A post: the place of one member of a stage. Whoever is there is killed after a while, and another one takes over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kestrel_client::{
    ApiKey, AutoOffsetReset, BrokerError, CancellationToken, Client, CommitPolicy, Error, ErrorCode,
    IsolationLevel, Utf8,
};
use kestrel_tests::Dice;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::topic;
use crate::verdict::transformed;

/// How long a member lives.
const LIFETIME: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(2_500));
/// One transaction of so many is aborted by the work.
const ABORTED_ONE_IN: usize = 6;
/// Small, so that there are many transactions.
const FETCH_BYTES: i32 = 2_000;
/// The pause before a member that failed in passing is replaced.
const PAUSE: Duration = Duration::from_millis(100);

/// What was done to the members.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kills: AtomicU64,
    aborts: AtomicU64,
}

impl Tally {
    /// How many members were killed.
    pub(crate) fn kills(&self) -> u64 {
        self.kills.load(Ordering::Relaxed)
    }

    /// How many transactions were aborted by the work.
    pub(crate) fn aborts(&self) -> u64 {
        self.aborts.load(Ordering::Relaxed)
    }
}

/// The place of a member.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) stage: usize,
    /// The member's static id, and its transactional id.
    pub(crate) name: String,
    pub(crate) bootstrap: String,
    /// Nobody is killed any more.
    pub(crate) calm: CancellationToken,
    /// Everybody ends in good order.
    pub(crate) stop: CancellationToken,
    pub(crate) tally: Arc<Tally>,
}

impl Post {
    /// Has one member after the other work here, until the last one is told to stop.
    ///
    /// # Errors
    /// What a member failed of, unless it passes: its broker may be down.
    pub(crate) async fn keep_manned(self, mut dice: Dice) -> Result<(), Error> {
        loop {
            let mut member = Member::start(self.clone(), Dice::new(dice.next_u64()))?;
            let lifetime = dice.between(LIFETIME.0, LIFETIME.1);
            let killed = async {
                sleep(lifetime).await;
                if self.calm.is_cancelled() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = killed => {
                    self.tally.kills.fetch_add(1, Ordering::Relaxed);
                    drop(member);
                }
                ended = &mut member.work => match ended.map_err(Error::other)? {
                    Ok(()) => return Ok(()),
                    Err(error) if error.is_retriable() => sleep(PAUSE).await,
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Works: reads what the stage before has committed, and writes what becomes of it, in transactions.
    async fn work(self, mut dice: Dice) -> Result<(), Error> {
        let Self { stage, name, tally, .. } = self;
        let client = Client::builder(self.bootstrap).client_id(name.as_str()).connect().await?;
        let mut input = client
            .consumer::<String, String>(format!("stage-{stage}"))
            .topics([topic(stage - 1)])
            .key(Utf8)
            .value(Utf8)
            .isolation_level(IsolationLevel::ReadCommitted)
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .commit_policy(CommitPolicy::Manual)
            .group_instance_id(name.as_str())
            .session_timeout(Duration::from_secs(10))
            .heartbeat_interval(Duration::from_millis(300))
            .max_partition_fetch_bytes(FETCH_BYTES)
            .build()
            .await?;
        let mut producer = client.transactional_producer(name.as_str()).build().await?;
        let output = producer.topic::<str, str>(topic(stage)).key(Utf8).value(Utf8).open().await?;
        client
            .exactly_once(&mut input, &mut producer)
            .stop_on(self.stop)
            .commit_interval(Duration::from_millis(30))
            .run(async move |batch, transaction| {
                let mut deliveries = Vec::new();
                for record in batch {
                    let (key, value) =
                        (record.key()?.unwrap_or_default(), record.value()?.unwrap_or_default());
                    let value = transformed(&value, stage);
                    deliveries.push(transaction.record(&output, &*key, &*value).send().await?);
                }
                if dice.once_in(ABORTED_ONE_IN) {
                    // What is aborted was stored, for readers that do not care.
                    for delivery in deliveries {
                        delivery.await?;
                    }
                    tally.aborts.fetch_add(1, Ordering::Relaxed);
                    return Err(BrokerError::new(ApiKey::Produce, ErrorCode::RequestTimedOut).into());
                }
                Ok(())
            })
            .await?;
        input.close().await
    }
}

/// A member in a runtime of its own, which is killed when it is dropped: it is gone from one instant to the next with its
/// connections, as a process after `kill -9` is.
struct Member {
    runtime: Option<Runtime>,
    work: JoinHandle<Result<(), Error>>,
}

impl Member {
    fn start(post: Post, dice: Dice) -> Result<Self, Error> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(Error::other)?;
        let work = runtime.spawn(post.work(dice));
        Ok(Self { runtime: Some(runtime), work })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
