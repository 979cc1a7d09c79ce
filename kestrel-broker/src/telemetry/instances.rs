//! The instances of clients that are known, within limits (KIP-714). A session machine: the time and random ids are arguments.
//!
//! When all places are taken, whoever was heard of longest ago loses his, as in Apache Kafka. There an instance ends with its connection; here
//! one that comes by another connection begins anew, and what it told last is to be seen until it expires.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::Uuid;

use super::client::Client;
use super::instance::{Granted, Instance};
use super::otlp::Pushed;
use super::push::{Push, Unreadable};
use super::subscriptions::{Configs, Subscriptions};
use super::told::{ClientView, Told};

/// How many instances are known at most, as many as in Apache Kafka: a client that only asks costs some hundred bytes.
const MAX_INSTANCES: usize = 16_384;
/// How many series all clients together may have: as many as a metric may have samples.
const MAX_SERIES: usize = 20_000;
/// How often it is looked for instances that have expired.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
/// Ids that stand for something else.
const RESERVED: [Uuid; 2] = [Uuid::NIL, Uuid::from_u128(1)];

/// The instances that are known, by id.
#[derive(Debug)]
pub(super) struct ClientInstances {
    subscriptions: Subscriptions,
    instances: HashMap<Uuid, Instance>,
    /// The same, who was heard of longest ago first.
    by_use: BTreeMap<u64, Uuid>,
    uses: u64,
    max_instances: usize,
    /// The series of all.
    series: usize,
    /// Points that were pushed and not kept.
    left_out: u64,
    swept_at: Option<Instant>,
}

impl Default for ClientInstances {
    fn default() -> Self {
        Self {
            subscriptions: Subscriptions::default(),
            instances: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            max_instances: MAX_INSTANCES,
            series: 0,
            left_out: 0,
            swept_at: None,
        }
    }
}

impl ClientInstances {
    /// As [`Subscriptions::is_behind`].
    pub(super) fn is_behind(&self, offset: i64) -> bool {
        self.subscriptions.is_behind(offset)
    }

    /// As [`Subscriptions::replace`].
    pub(super) fn subscribe<'a>(
        &mut self,
        offset: i64,
        configs: impl Iterator<Item = (&'a ByteString, &'a Configs)>,
    ) {
        self.subscriptions.replace(offset, configs);
    }

    /// A client asks what it is to push; `random_id` is its id if it has none.
    pub(super) fn handle_get(
        &mut self,
        client: &Client<'_>,
        random_id: Uuid,
        now: Instant,
    ) -> Result<Granted, ErrorCode> {
        let mut client = client.clone();
        if client.instance_id.is_nil() {
            client.instance_id = random_id;
        }
        self.instance(&client, now).handle_get(client.instance_id, now)
    }

    /// A client pushes: whether it may, and whether what it pushes is to be read.
    pub(super) fn handle_push(
        &mut self,
        client: &Client<'_>,
        push: &Push<'_>,
        max_bytes: usize,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        if RESERVED.contains(&client.instance_id) {
            return Err(ErrorCode::InvalidRequest);
        }
        self.instance(client, now).handle_push(push, max_bytes, now)
    }

    /// What a client pushed was read, or could not be.
    pub(super) fn handle_read(
        &mut self,
        client: &Client<'_>,
        read: Result<Pushed, Unreadable>,
    ) -> Result<(), ErrorCode> {
        // Gone meanwhile: others took all places.
        let Some(instance) = self.instances.get_mut(&client.instance_id) else { return Ok(()) };
        let Ok(pushed) = read else {
            instance.handle_unreadable();
            return Err(ErrorCode::InvalidRecord);
        };
        let told = instance.told.get_or_insert_with(|| Arc::new(Told::of(client)));
        let before = told.len();
        let room = MAX_SERIES - self.series.min(MAX_SERIES);
        // A scrape that is under way keeps what it has.
        self.left_out += Arc::make_mut(told).take_in(pushed, room);
        self.series = self.series - before + told.len();
        Ok(())
    }

    /// What the instances that have not expired have told last.
    pub(super) fn view(&mut self, now: Instant) -> ClientView {
        self.forget_expired(now);
        let mut told: Vec<_> =
            self.instances.iter().filter_map(|(id, instance)| Some((*id, instance.told.clone()?))).collect();
        told.sort_unstable_by_key(|(id, _)| *id);
        ClientView { instances: self.instances.len(), told, left_out: self.left_out }
    }

    /// The instance of a client, which is known from now on.
    fn instance(&mut self, client: &Client<'_>, now: Instant) -> &mut Instance {
        self.sweep(now);
        let (id, version) = (client.instance_id, self.subscriptions.version());
        self.uses += 1;
        let known = self.instances.remove(&id);
        if let Some(known) = &known {
            self.by_use.remove(&known.used);
        }
        let mut instance = match known {
            Some(known) if known.version == version && known.peer == client.peer => known,
            other => {
                let told = other.and_then(|known| known.told);
                Instance::new(self.subscriptions.wanted_of(client), client.peer, version, told, now)
            }
        };
        instance.used = self.uses;
        instance.touch(now);
        while self.instances.len() >= self.max_instances
            && let Some((_, longest_ago)) = self.by_use.pop_first()
        {
            self.remove(longest_ago);
        }
        self.by_use.insert(self.uses, id);
        self.instances.entry(id).or_insert(instance)
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_none_or(|then| now.saturating_duration_since(then) >= SWEEP_INTERVAL) {
            self.forget_expired(now);
        }
    }

    fn forget_expired(&mut self, now: Instant) {
        self.swept_at = Some(now);
        let expired = self.instances.iter().filter(|(_, instance)| instance.expires_at <= now);
        for id in expired.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: Uuid) {
        if let Some(gone) = self.instances.remove(&id) {
            self.by_use.remove(&gone.used);
            self.series -= gone.told.map_or(0, |told| told.len());
        }
    }
}

#[cfg(test)]
mod tests;
