//! Registered: a format with its schemas in a registry.
//!
//! `writing` is the side of producers, `reading` that of consumers; both keep what they have made of a schema in a table that is
//! replaced as a whole, so that records look it up without a lock.

mod plans;
mod reading;
mod with_schema;
mod write_in;
mod writing;

use std::fmt;
use std::sync::Arc;

use self::plans::Readers;
pub use self::with_schema::{RegisteredWithSchema, WithSchema};
pub use self::write_in::WriteIn;
use self::writing::Writers;
use super::rules::{self, Direction, UnknownRule};
use super::{RegisteredSchema, Registry, SchemaFormat, SubjectStrategy, WireForm};

/// A format with its schemas in a registry, made by [`Registry::format`]: a serializer and a deserializer for the same types as
/// the format itself. Clones share what they have made of schemas.
///
/// # Writing
///
/// When a producer opens a topic, the format's schema is registered under the topic's subject, once. Records are then written
/// behind the schema's id. [`write_in`](Self::write_in) chooses another schema: one that has to be registered, the latest, a given one.
///
/// # Reading
///
/// Reads what was written in any schema that the format can read, in all three [forms](WireForm). For each schema there is one
/// fetch and one plan; a record of a known schema is read without waiting, without a lock and without an allocation beside the
/// value's. A record without a schema's id, of a schema that the registry says it does not have, or of one that cannot be read, is a
/// [poison pill](crate::SerdeError::is_poison); one whose schema cannot be had for [any other reason](super::RegistryErrorKind) is not.
///
/// ```
/// # fn f(registry: kestrel_serde::registry::Registry) -> Result<(), kestrel_serde::SerdeError> {
/// # #[cfg(feature = "avro")] {
/// use kestrel_serde::Avro;
/// use kestrel_serde::registry::{SubjectStrategy, WriteIn};
///
/// let counts = registry.format(Avro::of::<i64>()?);
/// let in_production = registry.format(Avro::of::<i64>()?).write_in(WriteIn::OwnIfRegistered).header_form();
/// let by_type = registry.format(Avro::of::<i64>()?).subject_strategy(SubjectStrategy::TOPIC_RECORD);
/// # }
/// # Ok(()) }
/// ```
pub struct Registered<F: SchemaFormat> {
    registry: Registry,
    format: Arc<F>,
    settings: Settings,
    writers: Arc<Writers<F::Writer>>,
    readers: Arc<Readers<F::Reader>>,
}

/// What the builder methods have set.
#[derive(Debug, Clone)]
struct Settings {
    subjects: SubjectStrategy,
    reference_subjects: Option<ReferenceSubjects>,
    write_in: WriteIn,
    normalize: bool,
    ignore_rules: bool,
    form: WireForm,
}

/// Names the subjects of imports.
#[derive(Clone)]
struct ReferenceSubjects(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl<F: SchemaFormat> Registered<F> {
    pub(super) fn new(registry: Registry, format: F) -> Self {
        let settings = Settings {
            subjects: SubjectStrategy::TOPIC,
            reference_subjects: None,
            write_in: WriteIn::Own,
            normalize: false,
            ignore_rules: false,
            form: WireForm::IdPrefix,
        };
        let (writers, readers) = (Arc::default(), Arc::default());
        Self { registry, format: Arc::new(format), settings, writers, readers }
    }

    /// How subjects are named. Default [`SubjectStrategy::TOPIC`]. (`value.subject.name.strategy`)
    #[must_use]
    pub fn subject_strategy(self, strategy: SubjectStrategy) -> Self {
        self.set(|settings| settings.subjects = strategy).reading_anew()
    }

    /// How the subjects of what the schema imports are named, from the names of the imports. Default: as the imports themselves.
    /// (`reference.subject.name.strategy`)
    #[must_use]
    pub fn reference_subjects(self, name: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.reference_subjects = Some(ReferenceSubjects(Arc::new(name))))
    }

    /// Which schema records are written in. Default [`WriteIn::Own`]. (`auto.register.schemas`, `use.latest.version` and their like)
    #[must_use]
    pub fn write_in(self, schema: WriteIn) -> Self {
        self.set(|settings| settings.write_in = schema)
    }

    /// Writes and reads values as if their schemas had no rules: **what an `ENCRYPT` rule is for is written in plain**, and read as the
    /// letters that somebody has encrypted.
    ///
    /// Rules of a data contract (`CEL`, `ENCRYPT`, `JSONATA`) are carried out by nobody here. Default: a topic does not open, and a
    /// record is not read, whose schema has rules that a client has to carry out, as with Confluent's clients that do not
    /// know a rule's type. Those that are disabled, for elsewhere, or of `onFailure` `NONE` do no harm.
    #[must_use]
    pub fn ignore_rules(self) -> Self {
        self.set(|settings| settings.ignore_rules = true).reading_anew()
    }

    /// Lets the registry bring the schema into its normal form first, so that layout and order make no versions.
    /// (`normalize.schemas`)
    #[must_use]
    pub fn normalize(self) -> Self {
        self.set(|settings| settings.normalize = true)
    }

    /// Writes the schema's GUID before the payload: [`WireForm::GuidPrefix`].
    #[must_use]
    pub fn guid_prefix(self) -> Self {
        self.set(|settings| settings.form = WireForm::GuidPrefix)
    }

    /// Writes the schema's GUID into a header: [`WireForm::Header`].
    #[must_use]
    pub fn header_form(self) -> Self {
        self.set(|settings| settings.form = WireForm::Header)
    }

    /// The format itself.
    #[must_use]
    pub fn inner(&self) -> &F {
        &self.format
    }

    /// A deserializer of the same values together with the schema that each was written in.
    #[must_use]
    pub fn with_schema(&self) -> RegisteredWithSchema<F> {
        RegisteredWithSchema::new(self.clone())
    }

    /// Changes a setting. What was made under the old settings stays with the clones that were made before.
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        Self { writers: Arc::default(), ..self }
    }

    /// The same without what was made of schemas for reading.
    fn reading_anew(self) -> Self {
        Self { readers: Arc::default(), ..self }
    }

    fn check_rules(&self, schema: &RegisteredSchema, direction: Direction) -> Result<(), UnknownRule> {
        if self.settings.ignore_rules { Ok(()) } else { rules::check(schema, direction) }
    }
}

impl<F: SchemaFormat> Clone for Registered<F> {
    fn clone(&self) -> Self {
        Self {
            registry: self.registry.clone(),
            format: Arc::clone(&self.format),
            settings: self.settings.clone(),
            writers: Arc::clone(&self.writers),
            readers: Arc::clone(&self.readers),
        }
    }
}

impl<F: SchemaFormat> fmt::Debug for Registered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, format, settings, .. } = self;
        f.debug_struct("Registered")
            .field("format", format)
            .field("settings", settings)
            .field("registry", registry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReferenceSubjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceSubjects")
    }
}
