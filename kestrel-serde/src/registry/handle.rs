//! Registry: the handle that formats are given, and the one cache behind all of them.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
#[cfg(feature = "generic")]
use kestrel_schema::SchemaType;

use super::answers::{Answers, Found};
use super::clock::Clock;
use super::context::{SchemaPlace, context_of, naming_contexts};
use super::frame::SchemaKey;
use super::memory::{Known, MaxAge, NoAnswer};
use super::observed::Observed;
use super::references::References;
use super::registered::Registered;
use super::registration::{Admission, Registration};
use super::saved::{Loaded, Saved};
use super::{
    CompleteSchema, RegisteredSchema, RegistryError, RegistryObserver, SchemaFormat, SchemaRegistry,
};

/// A schema registry as formats use it: each schema is asked for once, by whichever of them. Clones share what is known; a program
/// needs one.
///
/// What is known of ids, GUIDs and versions holds for ever, because it never changes, up to 10,000 of each. A registry that cannot
/// be reached, or that refuses, is asked again after 0.1 to 10 seconds, longer with each failure, and meanwhile what is known goes
/// on working. What is not there is asked for again within 3 seconds, and then every 10 seconds at the most. Any number of tasks
/// that need a schema make one request.
///
/// Ids are those of one registry and one of its contexts: that of its address, which may end in `/contexts/.name`, unless a
/// [strategy](super::SubjectStrategy::custom) names the subject of a topic with another one, `:.name:subject`.
///
/// ```
/// # use futures::FutureExt;
/// # use kestrel_schema::{Guid, Schema};
/// # use kestrel_serde::registry::{RegisteredSchema, RegistryAnswer, SchemaRegistry};
/// # #[derive(Debug)] struct RegistryClient;
/// # fn one<'a>(schema: Schema) -> RegistryAnswer<'a> { async move { Ok(RegisteredSchema::new(schema).with_id(7)) }.boxed() }
/// # impl SchemaRegistry for RegistryClient {
/// # fn register<'a>(&'a self, _: &'a str, schema: &'a Schema, _: bool) -> RegistryAnswer<'a> { one(schema.clone()) }
/// # fn look_up<'a>(&'a self, _: &'a str, schema: &'a Schema, _: bool) -> RegistryAnswer<'a> { one(schema.clone()) }
/// # fn latest<'a>(&'a self, _: &'a str) -> RegistryAnswer<'a> { unimplemented!() }
/// # fn version<'a>(&'a self, _: &'a str, _: i32) -> RegistryAnswer<'a> { unimplemented!() }
/// # fn by_id<'a>(&'a self, _: i32, _: Option<&'a str>) -> RegistryAnswer<'a> { one(Schema::avro(r#""long""#)) }
/// # fn by_guid(&self, _: Guid) -> RegistryAnswer<'_> { unimplemented!() }
/// # }
/// # #[cfg(feature = "avro")] futures::executor::block_on(async {
/// use bytes::BytesMut;
/// use kestrel_serde::registry::Registry;
/// use kestrel_serde::{Avro, Deserializer, SerdeContext, Serializer};
///
/// let registry = Registry::new(RegistryClient); // of kestrel-registry-client: RegistryClient::new("http://127.0.0.1:8081")?
/// let counts = registry.format(Avro::of::<i64>()?); // give it to producers and consumers as it is
///
/// let ctx = SerdeContext::value("counts");
/// Serializer::<i64>::ready(&counts, ctx).await?; // registers `"long"` under `counts-value`; producers do that when they start
/// let mut out = BytesMut::new();
/// counts.serialize(&mut ctx.writing(), &3_i64, &mut out)?;
/// assert_eq!(&out[..], [0, 0, 0, 0, 7, 6]); // zero, id 7, and the number
///
/// let (ctx, bytes) = (ctx.reading(), out.freeze());
/// Deserializer::<i64>::ready(&counts, ctx, &bytes).await?; // fetches schema 7 if it is not known
/// let count: i64 = counts.deserialize(&ctx, &bytes)?;
/// assert_eq!(count, 3);
/// # Ok::<(), kestrel_serde::SerdeError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Registry {
    registry: Arc<dyn SchemaRegistry>,
    clock: Clock,
    /// With all that they refer to.
    schemas: Answers<SchemaPlace, Arc<CompleteSchema>>,
    versions: Answers<(String, i32), RegisteredSchema>,
    latest: Answers<String, Arc<CompleteSchema>>,
    registrations: Answers<Registration, RegisteredSchema>,
}

impl Registry {
    /// A handle that knows nothing yet.
    pub fn new(registry: impl SchemaRegistry) -> Self {
        Self::over(Arc::new(registry))
    }

    /// A handle that knows nothing yet, on a registry that is chosen at run time.
    #[must_use]
    pub fn over(registry: Arc<dyn SchemaRegistry>) -> Self {
        Self::with_clock(registry, Clock::system())
    }

    pub(super) fn with_clock(registry: Arc<dyn SchemaRegistry>, clock: Clock) -> Self {
        Self {
            registry,
            schemas: Answers::new(clock.clone()),
            versions: Answers::new(clock.clone()),
            latest: Answers::new(clock.clone()),
            registrations: Answers::new(clock.clone()),
            clock,
        }
    }

    /// The same, whose requests `observer` hears of: those of the formats that are made of it from here on. What is known is shared.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn RegistryObserver>) -> Self {
        let observed = Observed::new(self.registry, observer, self.clock.clone());
        Self { registry: Arc::new(observed), ..self }
    }

    /// The format with its schemas in this registry.
    pub fn format<F: SchemaFormat>(&self, format: F) -> Registered<F> {
        Registered::new(self.clone(), format)
    }

    /// All that is known, as a JSON document: keep it, and [`load`](Self::load) it before the next start, so that a service starts
    /// while its registry is down.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut saved = Saved::new(self.registry.addresses());
        self.schemas.for_each(|place, schema| saved.add_schema(place, schema));
        self.versions.for_each(|place, schema| saved.add_version(place, schema));
        self.latest.for_each(|subject, schema| saved.add_latest(subject, schema));
        self.registrations.for_each(|asked, registered| saved.add_registration(asked, registered));
        saved.to_bytes()
    }

    /// Takes in what an earlier run has [saved](Self::save).
    ///
    /// Schemas are used by their ids and GUIDs at once. Registrations and latest versions are asked for as ever, and used when the
    /// registry cannot be reached.
    ///
    /// # Errors
    /// When the bytes are not what `save` gives, or were saved from another registry or context: none of its
    /// [addresses](SchemaRegistry::addresses) is one of this one's. Nothing is taken in then.
    pub fn load(&self, bytes: &[u8]) -> Result<(), RegistryError> {
        let Loaded { schemas, versions, latest, registrations } =
            Saved::load(bytes, &self.registry.addresses())?;
        for (place, schema) in schemas {
            self.schemas.remember(place, Arc::new(schema));
        }
        for (place, schema) in versions {
            self.versions.remember(place, schema);
        }
        for (subject, schema) in latest {
            self.latest.remember(subject, Arc::new(schema));
        }
        for (asked, registered) in registrations {
            self.registrations.remember(asked, registered);
        }
        Ok(())
    }

    /// The registry behind it.
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn SchemaRegistry> {
        &self.registry
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The schema of a record if it is known, or known that there is none. Nothing is asked.
    pub(super) fn known(&self, place: &SchemaPlace) -> Option<Result<Known<Arc<CompleteSchema>>, NoAnswer>> {
        self.schemas.known(place, MaxAge::Any)
    }

    /// The schema with this key, with all that it refers to. `subject` is one that it may have: its context is where an id counts.
    pub(super) fn schema(&self, key: SchemaKey, subject: Option<String>) -> Found<Arc<CompleteSchema>> {
        let place = SchemaPlace::new(subject.as_deref().map_or("", context_of), key);
        let (this, context) = (self.clone(), place.context().to_owned());
        self.schemas.find(&place, MaxAge::Any, || {
            let question = async move {
                let registered = match key {
                    SchemaKey::Id(id) => this.registry.by_id(id, subject.as_deref()).await?.with_id(id),
                    SchemaKey::Guid(guid) => this.registry.by_guid(guid).await?.with_guid(guid),
                };
                this.complete(&context, registered).await
            };
            question.boxed()
        })
    }

    /// The type of a record's schema, if the schema is known; inside, nothing of one that is known not to be there.
    #[cfg(feature = "generic")]
    pub(crate) fn known_type(&self, key: SchemaKey) -> Option<Option<SchemaType>> {
        let known = self.known(&SchemaPlace::new("", key))?;
        Some(known.ok().map(|known| known.value.schema().schema_type))
    }

    /// The type of a record's schema, which the registry is asked for; nothing if it does not give the schema.
    #[cfg(feature = "generic")]
    pub(crate) async fn find_type(&self, key: SchemaKey) -> Option<SchemaType> {
        self.schema(key, None).get().await.ok().map(|known| known.value.schema().schema_type)
    }

    /// The latest version of a subject.
    pub(super) async fn latest(
        &self,
        subject: &str,
        max_age: MaxAge,
    ) -> Result<Known<Arc<CompleteSchema>>, NoAnswer> {
        let (this, key) = (self.clone(), subject.to_owned());
        let ask = || {
            let question = async move {
                let registered = this.registry.latest(&key).await?;
                this.complete(context_of(&key), registered).await
            };
            question.boxed()
        };
        self.latest.find(&subject.to_owned(), max_age, ask).get().await
    }

    /// The id of a schema under a subject.
    pub(super) async fn admit(&self, asked: Registration) -> Result<RegisteredSchema, NoAnswer> {
        let (registry, question) = (Arc::clone(&self.registry), asked.clone());
        let ask = || {
            let question = async move {
                let Registration { subject, schema, normalize, how } = &question;
                match how {
                    Admission::Register => registry.register(subject, schema, *normalize).await,
                    Admission::LookUp => registry.look_up(subject, schema, *normalize).await,
                }
            };
            question.boxed()
        };
        self.registrations.find(&asked, MaxAge::ThisRun, ask).get().await.map(|known| known.value)
    }

    /// A schema of this context, with all that it refers to.
    async fn complete(
        &self,
        context: &str,
        registered: RegisteredSchema,
    ) -> Result<Arc<CompleteSchema>, RegistryError> {
        let mut references = References::of(&naming_contexts(context, &registered.schema));
        while let Some(reference) = references.poll_needed()? {
            let found = self.version(&reference.subject, reference.version).await?;
            let schema = naming_contexts(context_of(&reference.subject), &found.schema).into_owned();
            references.handle_schema(reference, &schema);
        }
        Ok(Arc::new(CompleteSchema::new(registered, references.finish())))
    }

    async fn version(&self, subject: &str, version: i32) -> Result<RegisteredSchema, RegistryError> {
        let key = (subject.to_owned(), version);
        let (registry, (subject, version)) = (Arc::clone(&self.registry), key.clone());
        let ask = || async move { registry.version(&subject, version).await }.boxed();
        let answer = self.versions.find(&key, MaxAge::Any, ask).get().await;
        answer.map(|known| known.value).map_err(|no_answer| no_answer.error)
    }

    #[cfg(test)]
    pub(super) fn questions_under_way(&self) -> usize {
        self.schemas.under_way() + self.versions.under_way() + self.latest.under_way()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("registry", &self.registry).finish_non_exhaustive()
    }
}
