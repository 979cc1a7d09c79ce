//! Plans: how the records of schemas are read, by the heads of the records.
//!
//! What can be read is in a table that is replaced as a whole, so that records find their plan without a lock. What cannot be read
//! is apart from it, because strangers can make as many heads of it as they like.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use super::super::context::{SchemaPlace, context_of};
use super::super::frame::SchemaKey;
use super::super::rules::UnknownRule;
use super::super::{CompleteSchema, RegisteredSchema};
use crate::{Part, SerdeContext, SerdeError};

/// The most plans that are kept. With more, any of them goes: it is made again when it is needed.
const MAX_PLANS: usize = 10_000;
/// The most heads that are known to be unreadable.
const MAX_UNUSABLE: usize = 1_000;

/// The plans of all records that a format reads.
pub(super) struct Readers<R> {
    shared: Plans<R>,
    keys: ByTopic<R>,
    values: ByTopic<R>,
}

/// Replaced as a whole: topics are few, and records many.
type ByTopic<R> = ArcSwap<HashMap<Box<str>, Arc<Plans<R>>>>;

/// The plans of the records whose ids are of one context.
pub(super) struct Plans<R> {
    /// Empty for the registry's own.
    context: Box<str>,
    table: ArcSwap<Table<R>>,
    /// Held while a plan is made, so that nobody makes it twice.
    unusable: Mutex<HashMap<Box<[u8]>, Unusable>>,
}

/// With shared keys, because the table is copied with each new plan.
type Table<R> = HashMap<Arc<[u8]>, Arc<Plan<R>>>;

/// How the records of one schema are read.
pub(super) struct Plan<R> {
    pub(super) schema: Arc<CompleteSchema>,
    pub(super) reader: R,
}

/// The reason why nothing that a schema writes is read. One for all records of it.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Unusable {
    #[error("what was written in {schema} cannot be read: {problem}")]
    Unreadable { schema: Arc<str>, problem: Arc<str> },
    #[error(transparent)]
    Rule(Arc<UnknownRule>),
}

impl Unusable {
    pub(super) fn unreadable(schema: &RegisteredSchema, error: &SerdeError) -> Self {
        let problem = error.cause().to_string().into();
        Self::Unreadable { schema: schema.describe().into(), problem }
    }

    /// What is said of a record of the schema: it is poison, unless somebody may know how to read it.
    pub(super) fn into_error(self, ctx: &SerdeContext<'_>) -> SerdeError {
        match self {
            Self::Unreadable { .. } => SerdeError::decode(ctx, self),
            Self::Rule(rule) => SerdeError::schema(rule),
        }
    }
}

impl From<UnknownRule> for Unusable {
    fn from(rule: UnknownRule) -> Self {
        Self::Rule(Arc::new(rule))
    }
}

impl<R> Readers<R> {
    /// The plans of records whose ids are of the registry's own context.
    pub(super) const fn shared(&self) -> &Plans<R> {
        &self.shared
    }

    /// The plans of the records of a topic and part, where these may be of any context: `subject` says once of which.
    pub(super) fn of_place(
        &self,
        ctx: &SerdeContext<'_>,
        subject: impl FnOnce() -> Option<String>,
    ) -> Arc<Plans<R>> {
        let by_topic = match ctx.part {
            Part::Key => &self.keys,
            Part::Value => &self.values,
        };
        if let Some(plans) = by_topic.load().get(ctx.topic) {
            return Arc::clone(plans);
        }
        let new = Arc::new(Plans::of(context_of(&subject().unwrap_or_default())));
        by_topic.rcu(|topics| {
            let mut topics = HashMap::clone(topics);
            topics.entry(ctx.topic.into()).or_insert_with(|| Arc::clone(&new));
            topics
        });
        by_topic.load().get(ctx.topic).cloned().unwrap_or(new)
    }
}

impl<R> Plans<R> {
    fn of(context: &str) -> Self {
        Self { context: context.into(), table: ArcSwap::default(), unusable: Mutex::default() }
    }

    /// Where the schema with this key is.
    pub(super) fn place(&self, key: SchemaKey) -> SchemaPlace {
        SchemaPlace::new(&self.context, key)
    }

    pub(super) fn load(&self) -> Guard<Arc<Table<R>>> {
        self.table.load()
    }

    /// Whether records with this head are read or refused without waiting.
    pub(super) fn has(&self, head: &[u8]) -> bool {
        self.table.load().contains_key(head) || self.unusable.lock().contains_key(head)
    }

    /// Why records with this head are not read, if that is known.
    pub(super) fn unusable(&self, head: &[u8]) -> Option<Unusable> {
        self.unusable.lock().get(head).cloned()
    }

    /// The plan with this head, which `make` makes if there is none.
    pub(super) fn get_or_make(
        &self,
        head: &[u8],
        make: impl FnOnce() -> Result<Plan<R>, Unusable>,
    ) -> Result<Arc<Plan<R>>, Unusable> {
        let mut unusable = self.unusable.lock();
        let table = self.table.load();
        if let Some(plan) = table.get(head) {
            return Ok(Arc::clone(plan));
        }
        if let Some(known) = unusable.get(head) {
            return Err(known.clone());
        }
        match make() {
            Ok(plan) => {
                let plan = Arc::new(plan);
                self.table.store(Arc::new(with_plan(&table, head, &plan)));
                Ok(plan)
            }
            Err(reason) => {
                if unusable.len() >= MAX_UNUSABLE {
                    unusable.clear();
                }
                unusable.insert(head.into(), reason.clone());
                Err(reason)
            }
        }
    }
}

fn with_plan<R>(table: &Table<R>, head: &[u8], plan: &Arc<Plan<R>>) -> Table<R> {
    let mut table = HashMap::clone(table);
    if table.len() >= MAX_PLANS {
        let goes = table.keys().next().cloned();
        goes.and_then(|goes| table.remove(&goes));
    }
    table.insert(head.into(), Arc::clone(plan));
    table
}

impl<R> Default for Readers<R> {
    fn default() -> Self {
        Self { shared: Plans::of(""), keys: ArcSwap::default(), values: ArcSwap::default() }
    }
}

#[cfg(test)]
mod tests {
    use kestrel_schema::Schema;

    use super::*;

    fn plan() -> Plan<()> {
        let registered = RegisteredSchema::new(Schema::avro(r#""long""#));
        Plan { schema: Arc::new(CompleteSchema::new(registered, Vec::new())), reader: () }
    }

    fn unreadable() -> Unusable {
        Unusable::Unreadable { schema: "s".into(), problem: "p".into() }
    }

    #[test]
    fn what_strangers_make_up_pushes_no_plan_out() {
        let plans = Plans::of("");
        plans.get_or_make(b"good", || Ok(plan())).unwrap();
        for head in 0..MAX_UNUSABLE * 3 {
            assert!(plans.get_or_make(&head.to_be_bytes(), || Err(unreadable())).is_err());
            assert!(plans.unusable.lock().len() <= MAX_UNUSABLE);
        }
        assert!(plans.load().contains_key(&b"good"[..]));
        assert_eq!(plans.load().len(), 1);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut table = Table::new();
        let plan = Arc::new(plan());
        for head in 0..MAX_PLANS {
            table.insert(head.to_be_bytes()[..].into(), Arc::clone(&plan));
        }
        let table = with_plan(&table, b"new", &plan);
        assert!(table.len() == MAX_PLANS && table.contains_key(&b"new"[..]));
    }
}
