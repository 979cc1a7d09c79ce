//! WriteIn: which schema records are written in.

use std::time::Duration;

use kestrel_schema::Guid;

/// Which schema records are written in: one choice, which Confluent's serializers have several settings for that overrule each other.
///
/// | | Confluent |
/// |---|---|
/// | [`Own`](Self::Own) (default) | `auto.register.schemas=true`, whatever the others are |
/// | [`OwnIfRegistered`](Self::OwnIfRegistered) | `auto.register.schemas=false` |
/// | [`Latest`](Self::Latest) | `auto.register.schemas=false`, `use.latest.version=true` |
/// | [`LatestFor`](Self::LatestFor) | the same with `latest.cache.ttl.sec` |
/// | [`Id`](Self::Id), [`Guid`](Self::Guid) | `auto.register.schemas=false`, `use.schema.id`, `use.schema.guid` |
///
/// Where it is not the format's own, it has to have a place for whatever values of the own one hold, or the topic does not open:
/// `latest.compatibility.strict` and `id.compatibility.strict`, which cannot be switched off. What is more in it takes its defaults.
/// The id before the record is that of the schema that the bytes are really in.
///
/// ```
/// # fn f(registry: kestrel_serde::registry::Registry) -> Result<(), kestrel_serde::SerdeError> {
/// # #[cfg(feature = "avro")] {
/// use std::time::Duration;
///
/// use kestrel_serde::Avro;
/// use kestrel_serde::registry::WriteIn;
///
/// let in_production = registry.format(Avro::of::<i64>()?).write_in(WriteIn::OwnIfRegistered);
/// let as_agreed = registry.format(Avro::of::<i64>()?).write_in(WriteIn::LatestFor(Duration::from_secs(300)));
/// # }
/// # Ok(()) }
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WriteIn {
    /// The format's own, which is registered if it is not.
    #[default]
    Own,
    /// The format's own, which has to be registered: in production, where schemas are registered before a program is rolled out.
    OwnIfRegistered,
    /// The subject's latest version as it is when a topic is opened. Each opening asks.
    Latest,
    /// The subject's latest version. Before a record is sent it is asked for again when it was asked for longer ago than this. While
    /// the registry cannot be asked the old one goes on, as it does for records that are sent without waiting.
    LatestFor(Duration),
    /// The schema with this id.
    Id(i32),
    /// The schema with this GUID.
    Guid(Guid),
}
