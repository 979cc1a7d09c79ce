//! The fleet: hosts that say once a second how busy they are, through a producer for each kind of acks; and when the broker dies.

use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use kestrel_client::{Acks, Client, Delivery, Producer, Record, TypedProducer};
use kestrel_examples::{Dice, Result, thousands};
use kestrel_serde::{Json, Utf8};
use serde::{Deserialize, Serialize};
use tokio::time::interval;

use super::PARTITIONS;
use super::victim::Victim;

/// How busy a host, which is the record's key, was in a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// The second, counted from the first one.
    pub(crate) second: u64,
    /// How much of its processors was busy.
    pub(crate) cpu_percent: f64,
}

/// Hosts, and the producers that send their readings.
pub(crate) struct Fleet {
    hosts: Vec<String>,
    dice: Dice,
    agents: Vec<Agent>,
}

impl Fleet {
    /// So many hosts, without a producer.
    pub(crate) fn new(hosts: u64, seed: u64) -> Self {
        let hosts = (1..=hosts).map(|number| format!("host-{number}")).collect();
        Self { hosts, dice: Dice::new(seed), agents: Vec::new() }
    }

    /// Adds a producer: all readings go through each.
    pub(crate) async fn add(&mut self, client: &Client, topic: &str, acks: Acks) -> Result {
        self.agents.push(Agent::open(client, topic, acks).await?);
        Ok(())
    }

    /// Sends the readings of so many seconds, one each `pace`, and does to the broker what is planned. Gives how many readings
    /// each producer was told to be stored.
    pub(crate) async fn report(
        mut self,
        seconds: u64,
        pace: Duration,
        victim: &mut Victim,
    ) -> Result<Vec<u64>> {
        let mut ticks = interval(pace.max(Duration::from_millis(1)));
        println!("  time       sent   said to be stored: acks=0    acks=1  acks=all");
        for second in 0..seconds {
            ticks.tick().await;
            if let Some((_, event)) = PLAN.iter().find(|(percent, _)| percent * seconds / 100 == second) {
                self.happen(*event, second, victim).await?;
            }
            self.send(second).await?;
            if (second + 1) % (seconds / 6).max(1) == 0 {
                self.print(&clock(second + 1), second + 1);
            }
        }
        for agent in &mut self.agents {
            agent.end().await?;
        }
        self.print("at last", seconds);
        Ok(self.agents.iter().map(|agent| agent.told).collect())
    }

    /// Sends the readings of a second through each producer.
    async fn send(&mut self, second: u64) -> Result {
        for (number, host) in (0_u64..).zip(&self.hosts) {
            // Some are busier than others, and each has its ups and downs.
            let tenths = 50 + number * 37 % 400 + self.dice.roll(500);
            let cpu_percent = f64::from(u32::try_from(tenths)?) / 10.0;
            let reading = Reading { second, cpu_percent };
            for agent in &mut self.agents {
                agent.send(host, &reading).await?;
            }
        }
        Ok(())
    }

    async fn happen(&mut self, event: Event, second: u64, victim: &mut Victim) -> Result {
        match event {
            Event::Kill => {
                // While it hangs nobody but the producer with acks=0 is told anything.
                if victim.hangs() {
                    self.agents.first().ok_or("no producer")?.producer.flush().await?;
                }
                victim.kill()?;
            }
            Event::Hang => victim.hang()?,
            Event::Start => victim.spawn()?,
        }
        println!("{:<7}            {}", clock(second), event.text());
        Ok(())
    }

    fn print(&mut self, when: &str, second: u64) {
        self.agents.iter_mut().for_each(Agent::count);
        let sent = thousands(second * self.hosts.len() as u64);
        let told: Vec<_> = self.agents.iter().map(|agent| format!("{:>8}", thousands(agent.told))).collect();
        println!("{when:<7}{sent:>9}                    {}", told.join("  "));
    }
}

/// What happens to the broker.
#[derive(Debug, Clone, Copy)]
enum Event {
    Kill,
    Hang,
    Start,
}

/// When, in hundredths of the time.
const PLAN: [(u64, Event); 5] =
    [(25, Event::Kill), (33, Event::Start), (58, Event::Hang), (70, Event::Kill), (78, Event::Start)];

impl Event {
    const fn text(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Hang => "the broker hangs",
            Self::Start => "the broker is started again",
        }
    }
}

/// A producer with its kind of acks, and what it was told.
struct Agent {
    topic: String,
    producer: Producer,
    readings: TypedProducer<str, Reading>,
    deliveries: FuturesUnordered<Delivery>,
    told: u64,
}

impl Agent {
    async fn open(client: &Client, topic: &str, acks: Acks) -> Result<Self> {
        let producer = client.producer().acks(acks).build().await?;
        let readings = producer.topic(topic).key(Utf8).value(Json).open().await?;
        Ok(Self { topic: topic.to_owned(), producer, readings, deliveries: FuturesUnordered::new(), told: 0 })
    }

    /// Gives a reading to the producer; that it is stored is heard later.
    async fn send(&mut self, host: &str, reading: &Reading) -> Result {
        self.deliveries.push(self.readings.send(host, reading).await?);
        Ok(())
    }

    /// Counts the readings that were said to be stored since.
    fn count(&mut self) {
        while let Some(Some(Ok(_))) = self.deliveries.next().now_or_never() {
            self.told += 1;
        }
    }

    /// Waits for what is under way, and says in each partition that nothing more comes: what is before it has arrived, or is lost.
    async fn end(&mut self) -> Result {
        while let Some(stored) = self.deliveries.next().await {
            stored?;
            self.told += 1;
        }
        for partition in 0..PARTITIONS {
            self.producer.send(Record::to(&*self.topic).partition(partition)).await?.await?;
        }
        Ok(())
    }
}

fn clock(second: u64) -> String {
    format!("{:>3}:{:02}", second / 60, second % 60)
}
