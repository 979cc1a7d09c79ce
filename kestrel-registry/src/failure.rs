//! Failure: why a registry that has served does not any more.

/// A part of a registry has ended that it cannot do without. That is a defect; its calls are refused with 503, and it has to be started
/// anew.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_registry::Registry;
///
/// let registry = Registry::start("localhost:9092").await?;
/// tokio::select! {
///     failure = registry.failed() => return Err(failure.into()),
///     _ = tokio::signal::ctrl_c() => registry.stop().await,
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} has ended: {cause}")]
pub struct Failure {
    part: &'static str,
    cause: String,
}

impl Failure {
    pub(crate) fn new(part: &'static str, cause: impl Into<String>) -> Self {
        Self { part, cause: cause.into() }
    }
}
