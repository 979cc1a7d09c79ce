//! Gives every partition to a member that wants its topic: counts balanced first, partitions left where they were second.
//!
//! 1. Owners keep what they have.
//! 2. What is left goes, one by one, to the member with the fewest partitions.
//! 3. While a member can give a partition to another that has two less, directly or along a chain of members, it does: first
//!    one of those that were left, then any.
//! 4. Where step 3 moved partitions across each other, they go back home by exchange.
//!
//! After step 3 the counts are as even as the subscriptions allow: no other assignment has a smaller sum of squares.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::Ownership;
use crate::assignor::{AssignableTopics, Assignments, GroupMember};
use crate::record::TopicPartition;

/// A partition of the topic with this index.
type Slot = (usize, i32);

/// Gives all partitions of `topics` that somebody wants to members that want them.
pub(in crate::assignor) fn balance(
    topics: &AssignableTopics,
    members: &[GroupMember],
    ownership: &Ownership,
) -> Assignments {
    let staying = Balancer::new(topics, members).balance(ownership, Far::Stays);
    if !staying.racks_matter {
        return staying.into_assignments();
    }
    // What is far from its replicas moves only if more is near then: otherwise it would move again and again.
    let moving = Balancer::new(topics, members).balance(ownership, Far::Moves);
    if moving.near_count() > staying.near_count() { moving } else { staying }.into_assignments()
}

/// What becomes of a partition whose owner is in no rack with a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Far {
    Stays,
    Moves,
}

/// What may move to make the counts even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Movable {
    Guests,
    All,
}

#[derive(Debug)]
struct Balancer<'a> {
    topics: &'a AssignableTopics,
    /// By member id.
    members: Vec<&'a GroupMember>,
    /// Those that somebody wants, the ones with the fewest readers first.
    names: Vec<&'a Arc<str>>,
    /// The members that want a topic.
    readers: Vec<Vec<usize>>,
    /// The topics that a member wants.
    wanted: Vec<BTreeSet<usize>>,
    held: Vec<BTreeSet<Slot>>,
    /// What a member holds and had not before.
    guests: Vec<BTreeSet<Slot>>,
    /// All members, by how much they hold.
    by_load: BTreeSet<(usize, usize)>,
    /// Where a partition was.
    homes: HashMap<Slot, usize>,
    racks_matter: bool,
}

impl<'a> Balancer<'a> {
    fn new(topics: &'a AssignableTopics, members: &'a [GroupMember]) -> Self {
        let mut members: Vec<_> = members.iter().collect();
        members.sort_by_key(|member| &member.member_id);
        let mut readers_by_name: BTreeMap<&Arc<str>, BTreeSet<usize>> = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            for topic in member.topics.iter().filter(|topic| topics.partition_count(topic) > 0) {
                readers_by_name.entry(topic).or_default().insert(index);
            }
        }
        let mut by_readers: Vec<_> = readers_by_name.into_iter().collect();
        by_readers.sort_by_key(|(_, readers)| readers.len());
        let (names, readers): (Vec<_>, Vec<Vec<usize>>) =
            by_readers.into_iter().map(|(name, readers)| (name, readers.into_iter().collect())).unzip();
        let mut wanted = vec![BTreeSet::new(); members.len()];
        for (topic, readers) in readers.iter().enumerate() {
            for &reader in readers {
                wanted[reader].insert(topic);
            }
        }
        let member_racks = members.iter().filter_map(|member| member.rack.as_ref()).collect();
        Self {
            topics,
            racks_matter: topics.racks_matter(&names.iter().copied(), &member_racks),
            held: vec![BTreeSet::new(); members.len()],
            guests: vec![BTreeSet::new(); members.len()],
            by_load: (0..members.len()).map(|member| (0, member)).collect(),
            homes: HashMap::new(),
            members,
            names,
            readers,
            wanted,
        }
    }

    fn balance(mut self, ownership: &Ownership, far: Far) -> Self {
        let unassigned = self.keep_owned(ownership, far);
        self.fill(unassigned);
        self.even_out(Movable::Guests);
        self.even_out(Movable::All);
        self.bring_home();
        self
    }

    /// Leaves partitions with their owners; gives back the others.
    fn keep_owned(&mut self, ownership: &Ownership, far: Far) -> Vec<Slot> {
        let index: HashMap<&Arc<str>, usize> =
            self.members.iter().enumerate().map(|(index, member)| (&member.member_id, index)).collect();
        let mut unassigned = Vec::new();
        for topic in 0..self.names.len() {
            for partition in 0..self.topics.partition_count(self.names[topic]) {
                let slot = (topic, partition);
                let name = TopicPartition::new(Arc::clone(self.names[topic]), partition);
                let owner = ownership.owner(&name).and_then(|owner| index.get(owner)).copied();
                if let Some(owner) = owner {
                    self.homes.insert(slot, owner);
                }
                match owner.filter(|&owner| far == Far::Stays || self.is_near(owner, slot)) {
                    Some(owner) => self.give(owner, slot),
                    None => unassigned.push(slot),
                }
            }
        }
        unassigned
    }

    /// Gives each partition to the member that has least. Where racks matter, first to one beside a replica that has not
    /// had its share yet, the partitions with the fewest such members first.
    fn fill(&mut self, mut unassigned: Vec<Slot>) {
        if self.racks_matter {
            let total: usize = self.held.iter().map(BTreeSet::len).sum::<usize>() + unassigned.len();
            let share = total.div_ceil(self.members.len().max(1));
            let near = |balancer: &Self, slot: Slot| {
                balancer.readers[slot.0].iter().filter(|&&reader| balancer.is_near(reader, slot)).count()
            };
            unassigned.sort_by_cached_key(|&slot| near(self, slot));
            unassigned.retain(|&slot| {
                let may_have = |reader: usize| self.held[reader].len() < share && self.is_near(reader, slot);
                let reader = self.least_loaded(slot, may_have);
                if let Some(reader) = reader {
                    self.give(reader, slot);
                }
                reader.is_none()
            });
            // Far from everybody who has room: then it may as well stay.
            unassigned.retain(|&slot| {
                let home = self.homes.get(&slot).copied().filter(|&home| self.held[home].len() < share);
                if let Some(home) = home {
                    self.give(home, slot);
                }
                home.is_none()
            });
            unassigned.sort_unstable();
        }
        for slot in unassigned {
            if let Some(reader) = self.least_loaded(slot, |_| true) {
                self.give(reader, slot);
            }
        }
    }

    /// The member with the fewest partitions among those that want the topic: the one that had it if there are several.
    fn least_loaded(&self, slot: Slot, may_have: impl Fn(usize) -> bool) -> Option<usize> {
        let mut eligible = self
            .by_load
            .iter()
            .filter(|&&(_, member)| self.wanted[member].contains(&slot.0) && may_have(member));
        let &(load, first) = eligible.next()?;
        let home = self.homes.get(&slot).copied();
        let is_as_good = |home: &usize| {
            self.held[*home].len() == load && self.wanted[*home].contains(&slot.0) && may_have(*home)
        };
        Some(home.filter(is_as_good).unwrap_or(first))
    }

    /// Moves partitions from members with many to members with few until no move makes the counts more even.
    fn even_out(&mut self, movable: Movable) {
        let mut stuck = vec![false; self.members.len()];
        let mut moved = false;
        loop {
            let least = self.by_load.first().map_or(0, |&(load, _)| load);
            let giver = self.by_load.iter().rev().find(|&&(_, member)| !stuck[member]);
            match giver.copied().filter(|&(load, _)| load > least + 1) {
                Some((_, giver)) => match self.chain_from(giver, movable) {
                    Some(chain) => {
                        for pair in chain.windows(2) {
                            self.pass_on(pair[0], pair[1], movable);
                        }
                        moved = true;
                    }
                    None => stuck[giver] = true,
                },
                // A move may have opened a way for somebody who had none before.
                None if moved => {
                    stuck.fill(false);
                    moved = false;
                }
                None => break,
            }
        }
    }

    /// The shortest chain of members, each holding a partition that the next one wants, from `giver` to one that has at
    /// least two less; to the one that has least if there are several.
    fn chain_from(&self, giver: usize, movable: Movable) -> Option<Vec<usize>> {
        let target_load = self.held[giver].len().checked_sub(2)?;
        let mut came_from = vec![None; self.members.len()];
        came_from[giver] = Some(giver);
        let mut seen_topics = BTreeSet::new();
        let mut ring = vec![giver];
        while !ring.is_empty() {
            let mut next = Vec::new();
            for &member in &ring {
                for topic in topics_of(self.movable(member, movable)) {
                    if !seen_topics.insert(topic) {
                        continue;
                    }
                    for &reader in &self.readers[topic] {
                        if came_from[reader].is_none() {
                            came_from[reader] = Some(member);
                            next.push(reader);
                        }
                    }
                }
            }
            let taker = next.iter().copied().min_by_key(|&reader| (self.held[reader].len(), reader));
            if let Some(taker) = taker.filter(|&taker| self.held[taker].len() <= target_load) {
                return Some(chain(&came_from, giver, taker));
            }
            ring = next;
        }
        None
    }

    /// Moves the partition that is missed least: a guest that goes home, any guest, the last one. Where racks matter, one that
    /// is near its replicas then before all.
    fn pass_on(&mut self, from: usize, to: usize, movable: Movable) {
        let cost = |slot: &Slot| {
            let is_guest = self.guests[from].contains(slot);
            let goes_home = is_guest && self.homes.get(slot) == Some(&to);
            (!self.is_near(to, *slot), !goes_home, !is_guest, Reverse(slot.1), Reverse(slot.0))
        };
        let cheapest = |slots: &BTreeSet<Slot>| {
            slots.iter().copied().filter(|slot| self.wanted[to].contains(&slot.0)).min_by_key(cost)
        };
        let slot = match movable {
            Movable::All if self.racks_matter => cheapest(&self.held[from]),
            Movable::All => cheapest(&self.guests[from]).or_else(|| cheapest(&self.held[from])),
            Movable::Guests => cheapest(&self.guests[from]),
        };
        if let Some(slot) = slot {
            self.take(from, slot);
            self.give(to, slot);
        }
    }

    /// Sends partitions that are away from home back, and a guest of the home on to where one is missing then: to the member
    /// that gave, or one that had one less, directly or over members that pass guests on. Counts stay as even as they are.
    fn bring_home(&mut self) {
        if self.racks_matter {
            return;
        }
        let away: Vec<(Slot, usize)> = self
            .guests
            .iter()
            .enumerate()
            .flat_map(|(member, slots)| slots.iter().map(move |&slot| (slot, member)))
            .collect();
        for (slot, member) in away {
            let is_away = self.guests[member].contains(&slot);
            let Some(home) = self.homes.get(&slot).copied().filter(|_| is_away) else { continue };
            let Some(chain) = self.guest_chain(home, member) else { continue };
            self.take(member, slot);
            self.give(home, slot);
            for pair in chain.windows(2) {
                self.pass_on(pair[0], pair[1], Movable::Guests);
            }
        }
    }

    fn movable(&self, member: usize, movable: Movable) -> &BTreeSet<Slot> {
        match movable {
            Movable::Guests => &self.guests[member],
            Movable::All => &self.held[member],
        }
    }

    /// The shortest chain of members, each with a guest that the next one wants, from `from` to `giver` or to somebody who has
    /// one partition less than it.
    fn guest_chain(&self, from: usize, giver: usize) -> Option<Vec<usize>> {
        let load = self.held[giver].len();
        let may_end = |member: usize| member == giver || self.held[member].len() + 1 == load;
        let mut came_from = vec![None; self.members.len()];
        came_from[from] = Some(from);
        let mut seen_topics = BTreeSet::new();
        let mut queue = VecDeque::from([from]);
        while let Some(member) = queue.pop_front() {
            if may_end(member) {
                return Some(chain(&came_from, from, member));
            }
            for topic in topics_of(&self.guests[member]) {
                if !seen_topics.insert(topic) {
                    continue;
                }
                for &reader in &self.readers[topic] {
                    if came_from[reader].is_none() {
                        came_from[reader] = Some(member);
                        queue.push_back(reader);
                    }
                }
            }
        }
        None
    }

    /// How many partitions are read beside a replica.
    fn near_count(&self) -> usize {
        let members = self.held.iter().enumerate();
        members.map(|(member, held)| held.iter().filter(|&&slot| self.is_near(member, slot)).count()).sum()
    }

    /// Whether a member is in a rack with a replica, or racks do not matter to it.
    fn is_near(&self, member: usize, (topic, partition): Slot) -> bool {
        let rack = self.members[member].rack.as_ref().filter(|_| self.racks_matter);
        rack.is_none_or(|rack| self.topics.racks(self.names[topic], partition).contains(rack))
    }

    fn give(&mut self, member: usize, slot: Slot) {
        self.by_load.remove(&(self.held[member].len(), member));
        self.held[member].insert(slot);
        if self.homes.get(&slot) != Some(&member) {
            self.guests[member].insert(slot);
        }
        self.by_load.insert((self.held[member].len(), member));
    }

    fn take(&mut self, member: usize, slot: Slot) {
        self.by_load.remove(&(self.held[member].len(), member));
        self.held[member].remove(&slot);
        self.guests[member].remove(&slot);
        self.by_load.insert((self.held[member].len(), member));
    }

    fn into_assignments(self) -> Assignments {
        let names = &self.names;
        let assignment = |held: BTreeSet<Slot>| {
            let mut partitions: Vec<_> = held
                .into_iter()
                .map(|(topic, partition)| TopicPartition::new(Arc::clone(names[topic]), partition))
                .collect();
            partitions.sort();
            partitions
        };
        let members = self.members.iter().zip(self.held);
        members.map(|(member, held)| (Arc::clone(&member.member_id), assignment(held))).collect()
    }
}

/// The topics of some partitions, each once.
fn topics_of(slots: &BTreeSet<Slot>) -> impl Iterator<Item = usize> {
    let mut next = slots.first().copied();
    std::iter::from_fn(move || {
        let (topic, _) = next?;
        next = slots.range((topic + 1, 0)..).next().copied();
        Some(topic)
    })
}

/// The members from `giver` to `taker`.
fn chain(came_from: &[Option<usize>], giver: usize, taker: usize) -> Vec<usize> {
    let mut chain = vec![taker];
    let mut member = taker;
    while let Some(before) = came_from[member].filter(|_| member != giver) {
        chain.push(before);
        member = before;
    }
    chain.reverse();
    chain
}
