//! A schema registry that is a table: it notes what it is asked, and can be down.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::FutureExt;
use kestrel_schema::{Guid, Reference, RuleSet, Schema};
use parking_lot::Mutex;

use super::super::clock::Clock;
use super::super::context::context_of;
use super::super::{
    RegisteredSchema, Registry, RegistryAnswer, RegistryError, RegistryErrorKind, SchemaRegistry,
};

/// Clones share the table.
#[derive(Debug, Clone)]
pub(super) struct Table(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rows: Vec<Row>,
    asked: Vec<String>,
    /// How it fails.
    failing: Option<RegistryErrorKind>,
    addresses: Vec<String>,
    now: Instant,
}

#[derive(Debug, Clone)]
struct Row {
    subject: String,
    version: i32,
    /// Its number in its context.
    id: i32,
    schema: Schema,
    rule_set: Option<RuleSet>,
}

impl Row {
    fn is(&self, subject: &str, schema: &Schema) -> bool {
        self.subject == subject && self.schema == *schema
    }
}

#[expect(clippy::disallowed_methods, reason = "an instant to begin with; tests move it")]
pub(super) fn table() -> Table {
    let (rows, asked, addresses) = (Vec::new(), Vec::new(), vec!["http://table".into()]);
    Table(Arc::new(Mutex::new(State { rows, asked, failing: None, addresses, now: Instant::now() })))
}

/// The GUID that a schema has in every table.
pub(super) fn guid(schema: &Schema) -> Guid {
    let mut bytes = [b'.'; 16];
    bytes.iter_mut().zip(schema.text.bytes()).for_each(|(byte, of_text)| *byte = of_text);
    Guid::from_bytes(bytes)
}

pub(super) fn reference(name: &str, version: i32) -> Reference {
    Reference { name: name.into(), subject: name.into(), version }
}

impl Table {
    pub(super) fn registry(&self) -> Registry {
        let this = self.clone();
        Registry::with_clock(Arc::new(self.clone()), Clock::by_hand(move || this.0.lock().now))
    }

    /// At these addresses in place of its own.
    pub(super) fn at(self, addresses: &[&str]) -> Self {
        self.0.lock().addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        self
    }

    /// Adds the next version of a subject and gives its id.
    pub(super) fn add(&self, subject: &str, schema: Schema) -> i32 {
        self.add_row(subject, schema, None)
    }

    pub(super) fn add_with_rules(&self, subject: &str, schema: Schema, rules: &str) -> i32 {
        self.add_row(subject, schema, Some(serde_json::from_str(rules).unwrap()))
    }

    fn add_row(&self, subject: &str, schema: Schema, rule_set: Option<RuleSet>) -> i32 {
        let mut state = self.0.lock();
        let next = |count: usize| i32::try_from(count).unwrap() + 1;
        let version = next(state.rows.iter().filter(|row| row.subject == subject).count());
        let context = context_of(subject);
        let id = next(state.rows.iter().filter(|row| context_of(&row.subject) == context).count());
        state.rows.push(Row { subject: subject.into(), version, id, schema, rule_set });
        id
    }

    /// Removes all schemas.
    pub(super) fn clear(&self) {
        self.0.lock().rows.clear();
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.set_failing(is_down.then_some(RegistryErrorKind::Unavailable));
    }

    pub(super) fn set_failing(&self, failing: Option<RegistryErrorKind>) {
        self.0.lock().failing = failing;
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.pass_millis(seconds * 1_000);
    }

    pub(super) fn pass_millis(&self, millis: u64) {
        self.0.lock().now += Duration::from_millis(millis);
    }

    /// What was asked since the last call.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().asked)
    }

    fn answer(
        &self,
        question: String,
        find: impl Fn(&Row) -> bool + Send + 'static,
    ) -> RegistryAnswer<'static> {
        let this = self.clone();
        let answer = async move {
            this.0.lock().asked.push(question.clone());
            pending_once().await;
            let state = this.0.lock();
            if let Some(kind) = state.failing {
                return Err(RegistryError::new(kind, "connection refused").asking("http://table", question));
            }
            let Row { subject, version, id, schema, rule_set } =
                state.rows.iter().rfind(|row| find(row)).cloned().ok_or_else(|| {
                    RegistryError::new(RegistryErrorKind::NotFound, "no row")
                        .with_code(40403)
                        .asking("http://table", question)
                })?;
            let guid = guid(&schema);
            let mut registered = RegisteredSchema::new(schema).with_id(id).with_guid(guid);
            registered.rule_set = rule_set;
            Ok(registered.with_version(subject, version))
        };
        answer.boxed()
    }
}

/// Lets others ask the same before the answer is there.
async fn pending_once() {
    let mut was_polled = false;
    poll_fn(move |cx| match std::mem::replace(&mut was_polled, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

impl SchemaRegistry for Table {
    fn register<'a>(&'a self, subject: &'a str, schema: &'a Schema, normalize: bool) -> RegistryAnswer<'a> {
        let normalized = if normalize { " normalized" } else { "" };
        let refers_to: Vec<_> =
            schema.references.iter().map(|to| format!(" -> {} {}", to.subject, to.version)).collect();
        let question = format!("register {subject} {}{}{normalized}", schema.text, refers_to.concat());
        let (subject, schema) = (subject.to_owned(), schema.clone());
        let (known, fails) = {
            let state = self.0.lock();
            (state.rows.iter().any(|row| row.is(&subject, &schema)), state.failing.is_some())
        };
        if !known && !fails {
            self.add(&subject, schema.clone());
        }
        self.answer(question, move |row| row.is(&subject, &schema))
    }

    fn look_up<'a>(&'a self, subject: &'a str, schema: &'a Schema, _: bool) -> RegistryAnswer<'a> {
        let (subject, schema) = (subject.to_owned(), schema.clone());
        self.answer(format!("look up {subject} {}", schema.text), move |row| row.is(&subject, &schema))
    }

    fn latest<'a>(&'a self, subject: &'a str) -> RegistryAnswer<'a> {
        let subject = subject.to_owned();
        self.answer(format!("latest {subject}"), move |row| row.subject == subject)
    }

    fn version<'a>(&'a self, subject: &'a str, version: i32) -> RegistryAnswer<'a> {
        let subject = subject.to_owned();
        let question = format!("version {version} of {subject}");
        self.answer(question, move |row| row.subject == subject && row.version == version)
    }

    fn by_id<'a>(&'a self, id: i32, subject: Option<&'a str>) -> RegistryAnswer<'a> {
        let context = subject.map_or("", context_of).to_owned();
        self.answer(format!("id {id} of {}", subject.unwrap_or("any subject")), move |row| {
            row.id == id && context_of(&row.subject) == context
        })
    }

    fn by_guid(&self, wanted: Guid) -> RegistryAnswer<'_> {
        self.answer("by GUID".into(), move |row| guid(&row.schema) == wanted)
    }

    fn addresses(&self) -> Vec<String> {
        self.0.lock().addresses.clone()
    }
}
