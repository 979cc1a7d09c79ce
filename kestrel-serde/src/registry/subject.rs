//! SubjectStrategy: the name that a schema is registered under.

use std::fmt;
use std::sync::Arc;

use crate::SerdeContext;

/// The subject that the schema of a topic's keys or values is registered under, as Confluent's strategies name it.
///
/// | strategy | subject | a topic may have |
/// |---|---|---|
/// | [`TOPIC`](Self::TOPIC) (default) | `orders-value`, `orders-key` | one type in each part |
/// | [`RECORD`](Self::RECORD) | `com.acme.Order` | several; a type evolves alike in all topics |
/// | [`TOPIC_RECORD`](Self::TOPIC_RECORD) | `orders-com.acme.Order` | several; a type evolves by topic |
/// | [`custom`](Self::custom) | yours | |
///
/// ```
/// use kestrel_serde::SerdeContext;
/// use kestrel_serde::registry::SubjectStrategy;
///
/// let (ctx, record) = (SerdeContext::value("orders"), Some("com.acme.Order"));
/// for (strategy, subject) in [
///     (SubjectStrategy::TOPIC, "orders-value"),
///     (SubjectStrategy::RECORD, "com.acme.Order"),
///     (SubjectStrategy::TOPIC_RECORD, "orders-com.acme.Order"),
///     (SubjectStrategy::custom(|ctx, _| format!(":.staging:{}", ctx.topic)), ":.staging:orders"),
/// ] {
///     assert_eq!(strategy.subject(&ctx, record).as_deref(), Some(subject));
/// }
/// assert_eq!(SubjectStrategy::RECORD.subject(&ctx, None), None);
/// ```
#[derive(Clone, Default)]
pub struct SubjectStrategy(Strategy);

type Name = dyn Fn(&SerdeContext<'_>, Option<&str>) -> String + Send + Sync;

#[derive(Clone, Default)]
enum Strategy {
    #[default]
    Topic,
    Record,
    TopicRecord,
    Custom(Arc<Name>),
}

impl SubjectStrategy {
    /// The topic's name and the part.
    pub const TOPIC: Self = Self(Strategy::Topic);
    /// The full name of the record or message.
    pub const RECORD: Self = Self(Strategy::Record);
    /// The topic's name and the full name of the record or message.
    pub const TOPIC_RECORD: Self = Self(Strategy::TopicRecord);

    /// Whatever `name` makes of the topic, the part and the full name of the record or message, if it has one. A subject may name
    /// a context of the registry, `:.staging:orders`, where ids then count, of records that are read too: for these it is asked
    /// once for each topic, with the name of the type that they are read as.
    pub fn custom(name: impl Fn(&SerdeContext<'_>, Option<&str>) -> String + Send + Sync + 'static) -> Self {
        Self(Strategy::Custom(Arc::new(name)))
    }

    /// The subject; `None` when it is named after a record and the schema has no name.
    #[must_use]
    pub fn subject(&self, ctx: &SerdeContext<'_>, record_name: Option<&str>) -> Option<String> {
        match &self.0 {
            Strategy::Topic => Some(format!("{}-{}", ctx.topic, ctx.part)),
            Strategy::Record => record_name.map(str::to_owned),
            Strategy::TopicRecord => record_name.map(|name| format!("{}-{name}", ctx.topic)),
            Strategy::Custom(name) => Some(name(ctx, record_name)),
        }
    }

    /// The subject that records of this part were probably registered under, before their schema is known. Its context is that of
    /// their ids. `record_name` is that of the type that they are read as.
    pub(super) fn before_reading(&self, ctx: &SerdeContext<'_>, record_name: Option<&str>) -> Option<String> {
        match self.0 {
            Strategy::Topic | Strategy::Custom(_) => self.subject(ctx, record_name),
            Strategy::Record | Strategy::TopicRecord => None,
        }
    }

    /// Whether subjects may name a context: neither topics nor records can have one in their names.
    pub(super) const fn may_name_contexts(&self) -> bool {
        matches!(self.0, Strategy::Custom(_))
    }
}

impl fmt::Debug for SubjectStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Strategy::Topic => "TOPIC",
            Strategy::Record => "RECORD",
            Strategy::TopicRecord => "TOPIC_RECORD",
            Strategy::Custom(_) => "custom",
        })
    }
}
