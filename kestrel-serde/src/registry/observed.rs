//! Observed: a registry whose requests somebody hears of, for metrics and for a program's own log.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kestrel_schema::{Guid, Schema};

use super::clock::Clock;
use super::{RegistryAnswer, RegistryError, SchemaRegistry};

/// Hears what a [`Registry`](super::Registry) asks. Given to [`Registry::observed_by`](super::Registry::observed_by).
///
/// Once for each request, and never for a record: what is known is asked for no second time, so that a registry that is asked
/// often is one that fails. Called from the tasks that wait for the answer, several at a time: a method returns at once and never
/// panics.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use kestrel_serde::registry::{Asked, RegistryObserver};
///
/// #[derive(Debug, Default)]
/// struct Failures(AtomicU64);
///
/// impl RegistryObserver for Failures {
///     fn on_asked(&self, event: &Asked<'_>) {
///         if event.outcome.is_err() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
#[expect(unused_variables, reason = "what an event is called stands in the documentation")]
pub trait RegistryObserver: fmt::Debug + Send + Sync + 'static {
    /// A request to the registry was answered, or failed after all its retries. One that nobody waits for any more is not heard of.
    fn on_asked(&self, event: &Asked<'_>) {}
}

/// A request to a registry.
///
/// ```
/// use kestrel_serde::registry::Asked;
///
/// fn in_a_log(asked: &Asked<'_>) -> String {
///     match asked.outcome {
///         Ok(()) => format!("{:?} in {:?}", asked.question, asked.took),
///         Err(error) => format!("{:?}: {error}", asked.question),
///     }
/// }
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What was asked.
    pub question: Question<'a>,
    /// How long the answer took, retries included.
    pub took: Duration,
    /// Whether it was answered.
    pub outcome: Result<(), &'a RegistryError>,
}

/// What a registry is asked.
///
/// ```
/// use kestrel_serde::registry::Question;
///
/// /// A name to count them by.
/// fn name(question: Question<'_>) -> &'static str {
///     match question {
///         Question::Register(_) | Question::LookUp(_) => "write",
///         _ => "read",
///     }
/// }
/// assert_eq!(name(Question::Id(7)), "read");
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'a> {
    /// To register a schema under this subject.
    Register(&'a str),
    /// For the version of this subject that has a schema.
    LookUp(&'a str),
    /// For the latest version of this subject.
    Latest(&'a str),
    /// For this version of this subject.
    Version(&'a str, i32),
    /// For the schema with this id.
    Id(i32),
    /// For the schema with this GUID.
    Guid(Guid),
}

/// A registry, and who hears of its requests.
#[derive(Debug)]
pub(super) struct Observed {
    registry: Arc<dyn SchemaRegistry>,
    observer: Arc<dyn RegistryObserver>,
    clock: Clock,
}

impl Observed {
    pub(super) fn new(
        registry: Arc<dyn SchemaRegistry>,
        observer: Arc<dyn RegistryObserver>,
        clock: Clock,
    ) -> Self {
        Self { registry, observer, clock }
    }

    fn tell<'a>(&'a self, question: Question<'a>, answer: RegistryAnswer<'a>) -> RegistryAnswer<'a> {
        let asking = async move {
            let asked_at = self.clock.now();
            let answer = answer.await;
            let took = self.clock.now().saturating_duration_since(asked_at);
            let outcome = answer.as_ref().map(|_| ());
            self.observer.on_asked(&Asked { question, took, outcome });
            answer
        };
        asking.boxed()
    }
}

impl SchemaRegistry for Observed {
    fn register<'a>(&'a self, subject: &'a str, schema: &'a Schema, normalize: bool) -> RegistryAnswer<'a> {
        self.tell(Question::Register(subject), self.registry.register(subject, schema, normalize))
    }

    fn look_up<'a>(&'a self, subject: &'a str, schema: &'a Schema, normalize: bool) -> RegistryAnswer<'a> {
        self.tell(Question::LookUp(subject), self.registry.look_up(subject, schema, normalize))
    }

    fn latest<'a>(&'a self, subject: &'a str) -> RegistryAnswer<'a> {
        self.tell(Question::Latest(subject), self.registry.latest(subject))
    }

    fn version<'a>(&'a self, subject: &'a str, version: i32) -> RegistryAnswer<'a> {
        self.tell(Question::Version(subject, version), self.registry.version(subject, version))
    }

    fn by_id<'a>(&'a self, id: i32, subject: Option<&'a str>) -> RegistryAnswer<'a> {
        self.tell(Question::Id(id), self.registry.by_id(id, subject))
    }

    fn by_guid(&self, guid: Guid) -> RegistryAnswer<'_> {
        self.tell(Question::Guid(guid), self.registry.by_guid(guid))
    }

    fn addresses(&self) -> Vec<String> {
        self.registry.addresses()
    }
}
