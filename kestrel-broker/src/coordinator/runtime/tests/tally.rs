//! A machine that is none of Kestrel's: it counts by name, lets others wait for a count, and buys from a shop in another room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{DecodeError, DecodeErrorKind, ErrorCode};
use parking_lot::Mutex;

use crate::clock::after;
use crate::cluster::ClusterImage;
use crate::coordinator::runtime::{Deadlines, LogPlace, LogRecord, Machine, Now, ReplyTo, Unreadable};
use crate::log::Transaction;

/// How long it takes until a shop is asked again that refused.
pub(super) const RETRY: Duration = Duration::from_secs(30);

/// What the names begin with whose next replay waits at the gate.
pub(super) const SLOW: &str = "slow";
/// Opened when the other end is dropped.
pub(super) static GATE: Mutex<Option<Receiver<()>>> = Mutex::new(None);

type Effects = crate::coordinator::runtime::Effects<TallyRecord, ByteString>;

/// What the log says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Book {
    pub(super) counts: BTreeMap<ByteString, i64>,
    /// What is to be bought.
    pub(super) wanted: BTreeSet<ByteString>,
    /// Counts of transactions that have not ended.
    open: BTreeMap<Transaction, Vec<(ByteString, Option<i64>)>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TallyRecord {
    Count(ByteString, Option<i64>),
    Wanted(ByteString, Option<()>),
}

/// What a shop says: how many it sold; `None` when it is closed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sale {
    pub(super) name: ByteString,
    pub(super) sold: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Tally {
    pub(super) book: Book,
    /// How many topics there were when topics were last said to be gone.
    pub(super) topics: Option<usize>,
    waiting: Vec<(ByteString, i64, ReplyTo<i64>)>,
    buyers: BTreeMap<ByteString, ReplyTo<String>>,
    retries: Deadlines<ByteString>,
}

impl LogRecord for TallyRecord {
    fn decode(key: Bytes, value: Option<Bytes>) -> Result<Self, Unreadable> {
        const WHAT: &str = "tally";
        let damaged = |kind| Unreadable::Damaged(DecodeError::new(kind, WHAT));
        let (kind, name) = key.split_first().ok_or_else(|| damaged(DecodeErrorKind::Truncated))?;
        let name = ByteString::try_from(name).map_err(|_| damaged(DecodeErrorKind::InvalidUtf8))?;
        match kind {
            b'c' => {
                let count = value.map(|value| <[u8; 8]>::try_from(&value[..]).map(i64::from_be_bytes));
                let count = count.transpose().map_err(|_| damaged(DecodeErrorKind::Truncated))?;
                Ok(Self::Count(name, count))
            }
            b'w' => Ok(Self::Wanted(name, value.map(|_| ()))),
            _ => Err(Unreadable::Foreign("a tally of tomorrow")),
        }
    }

    fn encode(&self) -> (Bytes, Option<Bytes>) {
        let (kind, name, value) = match self {
            Self::Count(name, count) => {
                ("c", name, count.map(|count| Bytes::copy_from_slice(&count.to_be_bytes())))
            }
            Self::Wanted(name, wanted) => ("w", name, wanted.map(|()| Bytes::new())),
        };
        (format!("{kind}{name}").into(), value)
    }
}

impl Book {
    fn set(&mut self, name: ByteString, count: Option<i64>) {
        match count {
            Some(count) => _ = self.counts.insert(name, count),
            None => _ = self.counts.remove(&name),
        }
    }
}

impl Machine for Tally {
    type Settings = ();
    type Record = TallyRecord;
    type Ask = ByteString;
    type Answer = Sale;

    const TOO_LARGE: ErrorCode = ErrorCode::MessageTooLarge;

    fn new((): ()) -> Self {
        let (waiting, buyers, retries) = (Vec::new(), BTreeMap::new(), Deadlines::default());
        Self { book: Book::default(), topics: None, waiting, buyers, retries }
    }

    fn replay(&mut self, record: TallyRecord, place: LogPlace) {
        if let TallyRecord::Count(name, _) = &record
            && name.starts_with(SLOW)
            && let Some(opened) = GATE.lock().take()
        {
            let _ = opened.recv();
        }
        match (record, place.transaction) {
            (TallyRecord::Count(name, count), None) => self.book.set(name, count),
            (TallyRecord::Count(name, count), Some(transaction)) => {
                self.book.open.entry(transaction).or_default().push((name, count));
            }
            (TallyRecord::Wanted(name, Some(())), _) => _ = self.book.wanted.insert(name),
            (TallyRecord::Wanted(name, None), _) => _ = self.book.wanted.remove(&name),
        }
    }

    fn replay_end(&mut self, transaction: Transaction, outcome: TransactionOutcome) {
        let counts = self.book.open.remove(&transaction).unwrap_or_default();
        if outcome == TransactionOutcome::Commit {
            counts.into_iter().for_each(|(name, count)| self.book.set(name, count));
        }
    }

    fn loaded(&mut self, _: Now) -> Effects {
        let mut effects = Effects::default();
        self.book.wanted.iter().for_each(|name| effects.ask(name.clone()));
        effects
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.retries.next()
    }

    fn handle_timeout(&mut self, now: Now) -> Option<Effects> {
        let name = self.retries.pop_due(now.instant)?;
        let mut effects = Effects::default();
        effects.ask(name);
        Some(effects)
    }

    fn handle_answer(&mut self, Sale { name, sold }: Sale, now: Now) -> Effects {
        let Some(sold) = sold else {
            self.retries.schedule(name, after(now.instant, RETRY));
            return Effects::default();
        };
        let (total, mut effects) = self.add(&name, sold);
        effects.record(TallyRecord::Wanted(name.clone(), None));
        if let Some(buyer) = self.buyers.remove(&name) {
            effects.reply(buyer, format!("{total} {name}"));
        }
        effects
    }

    fn handle_deleted_topics(&mut self, image: &ClusterImage) -> Effects {
        self.topics = Some(image.topics().len());
        Effects::default()
    }
}

impl Tally {
    pub(super) fn count(&self, name: &str) -> i64 {
        self.book.counts.get(name).copied().unwrap_or_default()
    }

    /// Adds to a count; whoever waits for it is answered.
    pub(super) fn add(&mut self, name: &ByteString, by: i64) -> (i64, Effects) {
        let count = self.count(name) + by;
        let mut effects = Effects::from(vec![TallyRecord::Count(name.clone(), Some(count))]);
        let is_there = |(other, goal, _): &mut (ByteString, i64, _)| other == name && *goal <= count;
        for (_, _, waiting) in self.waiting.extract_if(.., is_there) {
            effects.reply(waiting, count);
        }
        (count, effects)
    }

    /// Answers once the count is at the goal.
    pub(super) fn wait_for(&mut self, name: &ByteString, goal: i64, to: ReplyTo<i64>) -> Effects {
        self.waiting.push((name.clone(), goal, to));
        Effects::default()
    }

    /// Answers once a shop has sold some.
    pub(super) fn buy(&mut self, name: &ByteString, to: ReplyTo<String>) -> Effects {
        self.buyers.insert(name.clone(), to);
        let mut effects = Effects::from(vec![TallyRecord::Wanted(name.clone(), Some(()))]);
        effects.ask(name.clone());
        effects
    }
}
