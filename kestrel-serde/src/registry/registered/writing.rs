//! The side of producers: a schema gets its id when a topic is opened, records get it in front of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::BytesMut;
use kestrel_schema::{Reference, Schema};

use super::super::context::{context_of, named_from};
use super::super::frame::{Head, SchemaKey};
use super::super::memory::{Known, MaxAge, NoAnswer};
use super::super::registration::{Admission, Registration};
use super::super::rules::Direction;
use super::super::{
    CompleteSchema, Import, RegisteredSchema, RegistryError, RegistryErrorKind, SchemaFormat, WireForm,
};
use super::{Registered, WriteIn};
use crate::{BoxError, Part, Ready, SerdeContext, SerdeError, SerializeContext, Serializer};

/// What the records of each topic and part are written with.
#[derive(Debug)]
pub(super) struct Writers<W> {
    keys: Table<W>,
    values: Table<W>,
}

/// By topic. Replaced as a whole: topics are few, and records many.
type Table<W> = ArcSwap<HashMap<Box<str>, Prepared<W>>>;

/// What records are written with, for as long as that is good.
#[derive(Debug)]
struct Prepared<W> {
    pen: Arc<Pen<W>>,
    /// `None` for ever.
    good_until: Option<Instant>,
}

#[derive(Debug)]
struct Pen<W> {
    head: Head,
    writer: W,
    /// `None` for the own schema.
    target: Option<Arc<CompleteSchema>>,
}

impl<W> Clone for Prepared<W> {
    fn clone(&self) -> Self {
        Self { pen: Arc::clone(&self.pen), good_until: self.good_until }
    }
}

impl<W> Default for Writers<W> {
    fn default() -> Self {
        Self { keys: ArcSwap::default(), values: ArcSwap::default() }
    }
}

impl<W> Writers<W> {
    const fn table(&self, part: Part) -> &Table<W> {
        match part {
            Part::Key => &self.keys,
            Part::Value => &self.values,
        }
    }

    fn get(&self, ctx: &SerdeContext<'_>) -> Option<Prepared<W>> {
        self.table(ctx.part).load().get(ctx.topic).cloned()
    }

    fn insert(&self, ctx: &SerdeContext<'_>, prepared: &Prepared<W>) {
        self.table(ctx.part).rcu(|table| {
            let mut table = HashMap::clone(table);
            table.insert(ctx.topic.into(), prepared.clone());
            table
        });
    }
}

impl<F: SchemaFormat> Registered<F> {
    /// Whether records can be written without asking anybody.
    fn is_prepared(&self, ctx: &SerdeContext<'_>) -> bool {
        let table = self.writers.table(ctx.part).load();
        let Some(prepared) = table.get(ctx.topic) else { return false };
        prepared.good_until.is_none_or(|good_until| self.registry.clock().now() < good_until)
    }

    async fn prepare(&self, ctx: SerdeContext<'_>) -> Result<(), SerdeError> {
        let prepared = match self.settings.write_in {
            WriteIn::Own => self.prepare_own(&ctx, Admission::Register).await,
            WriteIn::OwnIfRegistered => self.prepare_own(&ctx, Admission::LookUp).await,
            WriteIn::Latest => self.prepare_latest(&ctx, Duration::ZERO).await,
            WriteIn::LatestFor(age) => self.prepare_latest(&ctx, age).await,
            WriteIn::Id(id) => self.prepare_given(&ctx, SchemaKey::Id(id)).await,
            WriteIn::Guid(guid) => self.prepare_given(&ctx, SchemaKey::Guid(guid)).await,
        }?;
        self.writers.insert(&ctx, &prepared);
        Ok(())
    }

    async fn prepare_own(
        &self,
        ctx: &SerdeContext<'_>,
        how: Admission,
    ) -> Result<Prepared<F::Writer>, SerdeError> {
        // First, so that nothing is registered that nobody can write.
        let writer = self.format.own_writer()?;
        let registered = self.admit(ctx, how).await.map_err(refused)?;
        self.check_rules(&registered, Direction::Write).map_err(SerdeError::schema)?;
        let head = self.head(&registered, &self.format.message_indexes())?;
        let pen = Pen { head, writer, target: None };
        Ok(Prepared { pen: Arc::new(pen), good_until: None })
    }

    async fn prepare_given(
        &self,
        ctx: &SerdeContext<'_>,
        key: SchemaKey,
    ) -> Result<Prepared<F::Writer>, SerdeError> {
        let subject = self.subject(ctx).map_err(refused)?;
        let found = self.registry.schema(key, Some(subject)).get().await;
        let target = found.map_err(|no_answer| refused(no_answer.error))?.value;
        Ok(Prepared { pen: self.pen(target)?, good_until: None })
    }

    async fn prepare_latest(
        &self,
        ctx: &SerdeContext<'_>,
        age: Duration,
    ) -> Result<Prepared<F::Writer>, SerdeError> {
        let subject = self.subject(ctx).map_err(refused)?;
        let found = self.registry.latest(&subject, MaxAge::Within(age)).await;
        let latest: Known<_> = found.map_err(|no_answer: NoAnswer| refused(no_answer.error))?;
        let good_until = latest.good_until(age).or_else(|| Some(self.registry.clock().now()));
        let before = self.writers.get(ctx).map(|before| before.pen);
        let pen = match before.filter(|pen| pen.target.as_ref() == Some(&latest.value)) {
            Some(same) => same,
            None => self.pen(latest.value)?,
        };
        Ok(Prepared { pen, good_until })
    }

    /// What values are written with in a schema that is not the own one.
    fn pen(&self, target: Arc<CompleteSchema>) -> Result<Arc<Pen<F::Writer>>, SerdeError> {
        let registered = target.registered();
        self.check_rules(registered, Direction::Write).map_err(SerdeError::schema)?;
        let (writer, message) =
            self.format.writer(&target).map_err(|error| Unwritable::of(registered, error))?;
        let head = self.head(registered, &message)?;
        Ok(Arc::new(Pen { head, writer, target: Some(target) }))
    }

    fn head(&self, registered: &RegisteredSchema, message: &[i32]) -> Result<Head, SerdeError> {
        let key = key_for(self.settings.form, registered).map_err(refused)?;
        Ok(Head::new(self.settings.form, key, F::HAS_MESSAGE_INDEXES.then_some(message)))
    }

    fn subject(&self, ctx: &SerdeContext<'_>) -> Result<String, RegistryError> {
        let name = self.format.record_name();
        self.settings.subjects.subject(ctx, name.as_deref()).ok_or_else(|| {
            RegistryError::new(
                RegistryErrorKind::Config,
                format!("the schema of the {ctx} has no name, and its subject is to be named after it: use SubjectStrategy::TOPIC"),
            )
        })
    }

    /// Gets the own schema an id, after all that it imports.
    async fn admit(&self, ctx: &SerdeContext<'_>, how: Admission) -> Result<RegisteredSchema, RegistryError> {
        let subject = self.subject(ctx)?;
        let mut imported: HashMap<String, Reference> = HashMap::new();
        for Import { name, schema, uses: used } in self.format.imports() {
            let own =
                self.settings.reference_subjects.as_ref().map_or_else(|| name.clone(), |of| (of.0)(&name));
            let subject = named_from(context_of(&subject), own);
            let schema = referring(schema, &used, &imported);
            let registered = self.admit_under(subject.clone(), schema, how).await?;
            let version = registered.version.ok_or_else(|| {
                let problem =
                    format!("the registry did not say which version of {subject} it has registered");
                RegistryError::new(RegistryErrorKind::Answer, problem)
            })?;
            imported.insert(name.clone(), Reference { name, subject, version });
        }
        let schema = referring(self.format.schema(), &self.format.uses(), &imported);
        self.admit_under(subject, schema, how).await
    }

    async fn admit_under(
        &self,
        subject: String,
        schema: Schema,
        how: Admission,
    ) -> Result<RegisteredSchema, RegistryError> {
        let normalize = self.settings.normalize;
        let admitted = self.registry.admit(Registration { subject, schema, normalize, how }).await;
        admitted.map_err(|no_answer| no_answer.error)
    }
}

impl<F, T> Serializer<T> for Registered<F>
where
    F: SchemaFormat,
    F::Writer: Serializer<T>,
    T: ?Sized,
{
    fn may_wait(&self) -> bool {
        matches!(self.settings.write_in, WriteIn::LatestFor(_))
    }

    fn ready<'a>(&'a self, ctx: SerdeContext<'a>) -> Ready<'a> {
        if self.is_prepared(&ctx) { Ready::now() } else { Ready::when(self.prepare(ctx)) }
    }

    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let table = self.writers.table(ctx.part).load();
        let prepared = table.get(ctx.topic).ok_or_else(|| SerdeError::encode(ctx, NOT_READY))?;
        prepared.pen.head.put(ctx, out);
        prepared.pen.writer.serialize(ctx, value, out)
    }
}

const NOT_READY: &str =
    "its schema has no id yet: `Serializer::ready` has to be awaited for the topic before its first record";

/// The schema with these of the imports as its references.
fn referring(schema: Schema, uses: &[String], imported: &HashMap<String, Reference>) -> Schema {
    schema.with_references(uses.iter().filter_map(|name| imported.get(name).cloned()))
}

/// What records name the schema by.
fn key_for(form: WireForm, registered: &RegisteredSchema) -> Result<SchemaKey, RegistryError> {
    let missing = |problem: &str| Err(RegistryError::new(RegistryErrorKind::Config, problem));
    match form {
        WireForm::IdPrefix => registered.id.map(SchemaKey::Id).map_or_else(|| missing(NO_ID), Ok),
        WireForm::GuidPrefix | WireForm::Header => {
            registered.guid.map(SchemaKey::Guid).map_or_else(|| missing(NO_GUID), Ok)
        }
    }
}

const NO_ID: &str = "the registry gave no id for a schema that was asked for by its GUID: write the GUID, with \
    `guid_prefix` or `header_form`, or use the schema by its id";
const NO_GUID: &str = "the registry gives schemas no GUIDs, which the form of writing needs: write the id, without `guid_prefix` and `header_form`";

/// Nothing can be written: because the registry is down, or because of something that somebody has to change.
fn refused(cause: RegistryError) -> SerdeError {
    if cause.is_retriable() { SerdeError::unavailable(cause) } else { SerdeError::schema(cause) }
}

/// A schema of the registry that values of the own one cannot be written in.
#[derive(Debug, thiserror::Error)]
#[error("values cannot be written in {schema}")]
struct Unwritable {
    schema: String,
    #[source]
    cause: BoxError,
}

impl Unwritable {
    fn of(schema: &RegisteredSchema, error: SerdeError) -> SerdeError {
        match error {
            SerdeError::Schema { cause } => SerdeError::schema(Self { schema: schema.describe(), cause }),
            other => other,
        }
    }
}
