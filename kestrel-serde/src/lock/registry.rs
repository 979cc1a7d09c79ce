//! The same check with what a running registry has in place of files.

use kestrel_schema::lock::{RecordedVersion, Standing, stand};
use kestrel_schema::{Dependency, Level, Schema};

use super::SchemaLockError;
use crate::registry::{References, RegisteredSchema, RegistryError, RegistryErrorKind, SchemaRegistry};

/// Holds a schema against the versions that a registry has of a subject, as [`SchemaLock::check`](super::SchemaLock::check) does with files,
/// and registers nothing.
///
/// At a transitive level soft-deleted versions count too, since their data may be there still; in a registry they do not.
///
/// # Errors
/// [`SchemaLockError::Refused`] when it breaks a version, with the field, or is no schema; [`SchemaLockError::Registry`] when the registry
/// does not answer.
///
/// # Cancel safety
/// Dropping it stops asking.
///
/// ```no_run
/// use kestrel_schema::{Level, Schema};
/// use kestrel_serde::lock::{SchemaLockError, check_registry};
/// use kestrel_serde::registry::SchemaRegistry;
///
/// async fn may_be_deployed(registry: &dyn SchemaRegistry, order: &Schema) -> Result<(), SchemaLockError> {
///     let standing = check_registry(registry, "orders-value", Level::Full, order).await?;
///     println!("the schema of orders-value is {standing}");
///     Ok(())
/// }
/// ```
pub async fn check_registry(
    registry: &dyn SchemaRegistry,
    subject: &str,
    level: Level,
    schema: &Schema,
) -> Result<Standing, SchemaLockError> {
    let mut recorded = Vec::new();
    if let Some(latest) = found(registry.latest(subject).await)? {
        let last = latest.version.unwrap_or(1);
        let first = if level.is_transitive() { 1 } else { last };
        for number in first..last {
            if let Some(version) = found(registry.version(subject, number).await)? {
                recorded.push(with_dependencies(registry, number, version.schema).await?);
            }
        }
        recorded.push(with_dependencies(registry, last, latest.schema).await?);
    }
    let dependencies = dependencies(registry, schema).await?;
    stand(level, schema, &dependencies, &recorded)
        .map_err(|cause| SchemaLockError::Refused { subject: subject.to_owned(), cause })
}

async fn with_dependencies(
    registry: &dyn SchemaRegistry,
    number: i32,
    schema: Schema,
) -> Result<RecordedVersion, SchemaLockError> {
    let dependencies = dependencies(registry, &schema).await?;
    Ok(RecordedVersion::new(number, schema).with_dependencies(dependencies))
}

/// What was answered; none if there is no such thing.
fn found(
    answer: Result<RegisteredSchema, RegistryError>,
) -> Result<Option<RegisteredSchema>, SchemaLockError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == RegistryErrorKind::NotFound => Ok(None),
        Err(error) => Err(SchemaLockError::Registry(error)),
    }
}

/// All that a schema refers to, directly or not, each after those that it refers to itself.
async fn dependencies(
    registry: &dyn SchemaRegistry,
    schema: &Schema,
) -> Result<Vec<Dependency>, SchemaLockError> {
    let mut references = References::of(schema);
    while let Some(reference) = references.poll_needed().map_err(SchemaLockError::References)? {
        let answer = registry.version(&reference.subject, reference.version).await;
        let schema = found(answer)?.ok_or_else(|| SchemaLockError::NoReference(reference.clone()))?.schema;
        references.handle_schema(reference, &schema);
    }
    Ok(references.finish())
}
