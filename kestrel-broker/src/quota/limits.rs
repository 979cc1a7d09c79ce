//! The limits of users and clients, and which one of eight levels counts for a caller. Pure.

use std::collections::HashMap;

use bytestring::ByteString;

use super::ledger::Caller;

/// A kind of quota on users and clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum QuotaKind {
    /// `producer_byte_rate`: bytes of Produce requests a second.
    Produce,
    /// `consumer_byte_rate`: bytes of fetched records a second.
    Fetch,
    /// `request_percentage`: the time that requests are worked on, in percent of one thread.
    Request,
    /// `controller_mutation_rate`: partitions that are created and deleted a second (KIP-599).
    ControllerMutation,
}

impl QuotaKind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Produce, Self::Fetch, Self::Request, Self::ControllerMutation];
}

/// What an entity says of the user, or of the client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum EntityPart {
    /// Nothing: it is about all of them together.
    Unsaid,
    /// Each one that has no limit of its own.
    Default,
    /// The one of this name.
    Named(ByteString),
}

/// The entity that a limit is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct QuotaEntity {
    /// What it says of the user.
    pub(crate) user: EntityPart,
    /// What it says of `client.id`.
    pub(crate) client_id: EntityPart,
}

/// The bucket that callers share: a user with one of its clients, a user with all clients, or a client with all users.
///
/// The part that does not count is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bucket {
    user: ByteString,
    client_id: ByteString,
}

/// All limits of users and clients.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Limits {
    bounds: HashMap<(QuotaKind, QuotaEntity), f64>,
    /// By kind, which sorts of entities have a limit.
    sorts: HashMap<QuotaKind, Sorts>,
}

/// The sorts of entities that have limits of a kind: users, clients, and pairs of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sorts {
    users: bool,
    clients: bool,
    pairs: bool,
}

impl FromIterator<(QuotaKind, QuotaEntity, f64)> for Limits {
    fn from_iter<I: IntoIterator<Item = (QuotaKind, QuotaEntity, f64)>>(limits: I) -> Self {
        let mut all = Self::default();
        for (kind, entity, bound) in limits {
            all.sorts.entry(kind).or_default().add(&entity);
            all.bounds.insert((kind, entity), bound);
        }
        all
    }
}

impl Sorts {
    const fn add(&mut self, entity: &QuotaEntity) {
        match (&entity.user, &entity.client_id) {
            (EntityPart::Unsaid, EntityPart::Unsaid) => {}
            (EntityPart::Unsaid, _) => self.clients = true,
            (_, EntityPart::Unsaid) => self.users = true,
            (_, _) => self.pairs = true,
        }
    }
}

impl Limits {
    /// Whether anybody is limited in this way.
    pub(super) fn has(&self, kind: QuotaKind) -> bool {
        self.sorts.contains_key(&kind)
    }

    /// The bucket that a caller is charged in: that of the first of the eight levels that has a limit.
    ///
    /// Who has none is charged too, as in Apache Kafka, so that a limit that is set counts at once.
    pub(super) fn bucket(&self, kind: QuotaKind, caller: Caller<'_>) -> Bucket {
        let Caller { user, client_id } = caller;
        let of_pair = || Bucket { user: user.clone(), client_id: client_id.clone() };
        let of_user = || Bucket { user: user.clone(), client_id: ByteString::new() };
        let of_client = || Bucket { user: ByteString::new(), client_id: client_id.clone() };
        match self.sorts.get(&kind).copied().unwrap_or_default() {
            Sorts { users: false, pairs: false, .. } => return of_client(),
            Sorts { users: true, pairs: false, clients: false } => return of_user(),
            Sorts { users: false, pairs: true, clients: false } => return of_pair(),
            _ => {}
        }
        let (named_user, named_client) =
            (EntityPart::Named(user.clone()), EntityPart::Named(client_id.clone()));
        for user in [&named_user, &EntityPart::Default] {
            let has = |client_id| self.bound(kind, user, client_id).is_some();
            if has(&named_client) || has(&EntityPart::Default) {
                return of_pair();
            }
            if has(&EntityPart::Unsaid) {
                return of_user();
            }
        }
        of_client()
    }

    /// The limit of a bucket; `None` without one. A client without a name has none as a client, as in Apache Kafka.
    pub(super) fn of_bucket(&self, kind: QuotaKind, Bucket { user, client_id }: &Bucket) -> Option<f64> {
        let levels = |name: &ByteString| match name.is_empty() {
            true => vec![EntityPart::Unsaid],
            false => vec![EntityPart::Named(name.clone()), EntityPart::Default],
        };
        let (users, clients) = (levels(user), levels(client_id));
        let mut pairs = users.iter().flat_map(|user| clients.iter().map(move |client_id| (user, client_id)));
        pairs.find_map(|(user, client_id)| self.bound(kind, user, client_id))
    }

    fn bound(&self, kind: QuotaKind, user: &EntityPart, client_id: &EntityPart) -> Option<f64> {
        let entity = QuotaEntity { user: user.clone(), client_id: client_id.clone() };
        self.bounds.get(&(kind, entity)).copied()
    }
}
