//! Two registries on one topic are killed at random instants, their broker too, while both are written to and the broker compacts the
//! topic: whatever was acknowledged is there, under its id and its version, and what was deleted for good stays away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join;
use kestrel_broker::Durability;
use kestrel_client::admin::NewTopic;
use kestrel_client::{AssignedConsumer, AutoOffsetReset, Client};
use kestrel_registry_client::{Level, RegistryClient, RegistryError, Schema};
use kestrel_tests::{BrokerProcess, Dice, RegistryProcess, built_broker, eventually};

const SEED: u64 = 14;
const ROUNDS: usize = 6;
/// How many calls are acknowledged before somebody is killed, and again before the round ends.
const ACKNOWLEDGED: usize = 12;
const SUBJECTS: usize = 5;
const SCHEMAS: usize = 30;
const TOPIC: &str = "_schemas";

/// What one writer knows of its own subjects, which nobody else writes.
#[derive(Debug, Default)]
struct Ledger {
    /// Versions that are there: the id, and the number of the schema.
    versions: BTreeMap<(usize, i32), (i32, usize)>,
    /// Subjects of which nothing is there.
    erased: BTreeSet<usize>,
    /// What every id that was ever given is: the number of the schema.
    ids: BTreeMap<i32, usize>,
}

impl Ledger {
    fn forget(&mut self, subject: usize) {
        self.versions.retain(|(of, _), _| *of != subject);
        self.erased.remove(&subject);
    }
}

fn schema(number: usize) -> Schema {
    Schema::avro(format!(r#"{{"type":"fixed","name":"F","size":{}}}"#, number + 1))
}

fn client(registry: &RegistryProcess) -> RegistryClient {
    RegistryClient::builder(registry.url()).retries(0).build().unwrap()
}

/// Someone who writes through one registry.
struct Writer {
    name: &'static str,
    dice: Dice,
    ledger: Ledger,
}

impl Writer {
    fn subject(&self, number: usize) -> String {
        format!("{}-{number}", self.name)
    }

    /// Makes calls until it is enough, or one is not acknowledged: then nothing is known any more of the subject that it was for.
    async fn write(&mut self, client: &RegistryClient, acknowledged: &AtomicUsize, enough: usize) {
        while acknowledged.load(Ordering::Relaxed) < enough {
            let (subject, number) = (self.dice.roll(SUBJECTS), self.dice.roll(SCHEMAS));
            let is_deletion = self.dice.once_in(4);
            let called = if is_deletion {
                self.erase(client, subject).await
            } else {
                self.register(client, subject, number).await
            };
            if called.is_err() {
                self.ledger.forget(subject);
                return;
            }
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn register(
        &mut self,
        client: &RegistryClient,
        subject: usize,
        number: usize,
    ) -> Result<(), RegistryError> {
        let registered = client.subject(self.subject(subject)).register(schema(number)).await?;
        let (id, version) = (registered.id.unwrap(), registered.version.unwrap());
        self.ledger.erased.remove(&subject);
        self.ledger.versions.insert((subject, version), (id, number));
        let known = *self.ledger.ids.entry(id).or_insert(number);
        assert_eq!(known, number, "the id {id} is two schemas");
        Ok(())
    }

    /// Deletes a subject in two steps; that it is not there, or half deleted, is as good.
    async fn erase(&mut self, client: &RegistryClient, subject: usize) -> Result<(), RegistryError> {
        let deleted = client.subject(self.subject(subject));
        for deletion in [deleted.delete(), deleted.delete().permanently()] {
            match deletion.await {
                Err(error) if !matches!(error.code(), Some(40401 | 40404)) => return Err(error),
                _ => {}
            }
        }
        self.ledger.forget(subject);
        self.ledger.erased.insert(subject);
        Ok(())
    }

    /// Holds what a registry says against the ledger.
    async fn verify(&self, client: &RegistryClient) {
        for ((subject, version), (id, number)) in &self.ledger.versions {
            let subject = self.subject(*subject);
            let found = client.subject(&subject).version(*version).await.unwrap();
            assert_eq!((found.id, found.schema), (Some(*id), Some(schema(*number))), "{subject} {version}");
            assert_eq!(client.schema(*id).await.unwrap().schema, Some(schema(*number)), "{id}");
        }
        for subject in &self.ledger.erased {
            let subject = self.subject(*subject);
            let found = client.subject(&subject).versions().with_deleted().await;
            assert_eq!(found.unwrap_err().code(), Some(40401), "{subject} has come back");
        }
    }
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    One,
    Other,
    Both,
    Broker,
}

impl Victim {
    const ALL: [Self; 4] = [Self::One, Self::Other, Self::Both, Self::Broker];

    /// Whether the two writers will notice.
    const fn hits(self) -> [bool; 2] {
        match self {
            Self::One => [true, false],
            Self::Other => [false, true],
            Self::Both | Self::Broker => [true, true],
        }
    }
}

/// The broker, the two registries and the two writers.
struct Stage {
    broker: BrokerProcess,
    log: std::path::PathBuf,
    registries: [Option<RegistryProcess>; 2],
    writers: [Writer; 2],
    dice: Dice,
}

impl Stage {
    async fn set_up(folder: &Path) -> Self {
        let program = built_broker(Path::new(env!("CARGO_BIN_EXE_kestrel-kill")));
        let broker = BrokerProcess::new(program, folder, &["log.cleaner.backoff.ms=50"]).unwrap();
        let mut dice = Dice::new(SEED);
        let writers =
            ["one", "other"].map(|name| Writer { name, dice: dice.split(), ledger: Ledger::default() });
        let log = folder.join("registries.log");
        let mut stage = Self { broker, log, registries: [None, None], writers, dice };
        stage.start_broker().await;
        let topic = NewTopic::new(TOPIC).partitions(1).config("cleanup.policy", "compact");
        let topic =
            topic.config("internal.segment.bytes", "4000").config("min.cleanable.dirty.ratio", "0.01");
        let topic = topic.config("delete.retention.ms", "0").config("file.delete.delay.ms", "200");
        stage.client().await.admin().create_topics([topic]).await.into_result().unwrap();
        stage.start_registries().await;
        let first = client(stage.registries[0].as_ref().unwrap());
        first.set_config(Level::None).await.unwrap();
        stage
    }

    async fn client(&self) -> Client {
        Client::builder(self.broker.address()).connect().await.unwrap()
    }

    async fn start_broker(&mut self) {
        self.broker.spawn(Durability::Os).unwrap();
        self.broker.ready().await.unwrap();
    }

    async fn start_registries(&mut self) {
        for registry in &mut self.registries {
            if registry.is_none() {
                let program = Path::new(env!("CARGO_BIN_EXE_kestrel-registry-process"));
                let started = RegistryProcess::start(program, self.broker.address(), TOPIC, &self.log).await;
                *registry = Some(started.unwrap());
            }
        }
    }

    /// Both write; when enough is acknowledged somebody is killed, in the middle of what comes next. Who is not killed writes on.
    async fn play(&mut self) {
        let victim = *Victim::ALL.get(self.dice.roll(Victim::ALL.len())).unwrap();
        let Self { broker, registries, writers: [first, second], .. } = self;
        let [one, other] = registries.each_ref().map(|registry| client(registry.as_ref().unwrap()));
        let acknowledged = AtomicUsize::new(0);
        let enough = |is_hit| if is_hit { usize::MAX } else { 3 * ACKNOWLEDGED };
        let hits = victim.hits();
        let writing = join(
            first.write(&one, &acknowledged, enough(hits[0])),
            second.write(&other, &acknowledged, enough(hits[1])),
        );
        let killing = async {
            let look = async || (acknowledged.load(Ordering::Relaxed) >= ACKNOWLEDGED).then_some(());
            eventually("calls are acknowledged", look).await;
            if victim == Victim::Broker {
                return broker.kill().await.unwrap();
            }
            for (registry, is_hit) in registries.iter_mut().zip(hits) {
                if let Some(registry) = registry.take_if(|_| is_hit) {
                    registry.kill().await.unwrap();
                }
            }
        };
        join(writing, killing).await;
        if victim == Victim::Broker {
            self.start_broker().await;
        }
        self.start_registries().await;
    }

    /// Both registries say what was acknowledged through either.
    async fn verify(&self) {
        let [one, other] = &self.writers;
        for (id, number) in &one.ledger.ids {
            assert_eq!(*other.ledger.ids.get(id).unwrap_or(number), *number, "the id {id} is two schemas");
        }
        for registry in self.registries.iter().flatten() {
            let client = client(registry);
            let look =
                async || client.subject("none").versions().await.err()?.code().filter(|code| *code == 40401);
            eventually("the broker answers the registry", look).await;
            one.verify(&client).await;
            other.verify(&client).await;
        }
    }

    /// The offsets of the records that the topic has.
    async fn offsets(&self) -> BTreeSet<i64> {
        let builder = self.client().await.assigned_consumer().assign_topics([TOPIC]);
        let builder = builder.auto_offset_reset(AutoOffsetReset::Earliest);
        let mut consumer: AssignedConsumer<bytes::Bytes, bytes::Bytes> = builder.build().await.unwrap();
        let ends = consumer.end_offsets([(TOPIC, 0)]).await.unwrap();
        let mut offsets = BTreeSet::new();
        while let Some(record) = consumer.next_until(&ends).await {
            offsets.insert(record.unwrap().offset);
        }
        offsets
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kills_and_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set_up(folder.path()).await;
    let mut seen = BTreeSet::new();
    for _ in 0..ROUNDS {
        stage.play().await;
        stage.verify().await;
        seen.append(&mut stage.offsets().await);
    }
    // Else it was no test of compaction.
    eventually("compaction removes records", async || {
        (!seen.is_subset(&stage.offsets().await)).then_some(())
    })
    .await;
    for registry in &mut stage.registries {
        registry.take().unwrap().kill().await.unwrap();
    }
    stage.start_registries().await;
    stage.verify().await;
}
