//! What a registry refuses, with the codes and texts that clients of Confluent's registry know.

use std::fmt;

use kestrel_client::Error;
use kestrel_schema::SchemaError;

use crate::failure::Failure;
use crate::machine::VersionNumber;
use crate::record::{Place, Unread};
use crate::subject::Subject;

/// A refusal: a code whose first three digits are the HTTP status, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (error code {code})")]
pub(crate) struct Refusal {
    code: u32,
    message: String,
}

impl Refusal {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) const fn code(&self) -> u32 {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether a subject, a version or a schema is not there: another registry may have given it meanwhile.
    pub(crate) const fn is_miss(&self) -> bool {
        matches!(self.code, 40401..=40403)
    }

    /// The HTTP status that it is sent with.
    pub(crate) fn status(&self) -> u16 {
        let digits = if self.code >= 1_000 { self.code / 100 } else { self.code };
        u16::try_from(digits).unwrap_or(500)
    }
}

/// What is not there.
impl Refusal {
    pub(crate) fn subject_not_found(subject: &Subject) -> Self {
        Self::new(40401, format!("Subject '{subject}' not found."))
    }

    pub(crate) fn version_not_found(version: VersionNumber) -> Self {
        Self::new(40402, format!("Version {} not found.", version.wire()))
    }

    pub(crate) fn schema_not_found() -> Self {
        Self::new(40403, "Schema not found")
    }

    pub(crate) fn schema_not_found_as(identity: impl fmt::Display) -> Self {
        Self::new(40403, format!("Schema {identity} not found"))
    }

    pub(crate) fn subject_not_soft_deleted(subject: &Subject) -> Self {
        let problem = "was not deleted first before being permanently deleted";
        Self::new(40405, format!("Subject '{subject}' {problem}"))
    }

    pub(crate) fn subject_soft_deleted(subject: &Subject) -> Self {
        let problem = "was soft deleted.Set permanent=true to delete permanently";
        Self::new(40404, format!("Subject '{subject}' {problem}"))
    }

    pub(crate) fn version_soft_deleted(subject: &Subject, version: VersionNumber) -> Self {
        let problem = "was soft deleted.Set permanent=true to delete permanently";
        Self::new(40406, format!("Subject '{subject}' Version {} {problem}", version.wire()))
    }

    pub(crate) fn version_not_soft_deleted(subject: &Subject, version: i32) -> Self {
        let problem = "was not deleted first before being permanently deleted";
        Self::new(40407, format!("Subject '{subject}' Version {version} {problem}"))
    }

    pub(crate) fn no_own_config(subject: &Subject) -> Self {
        let problem = "does not have subject-level compatibility configured";
        Self::new(40408, format!("Subject '{subject}' {problem}"))
    }

    pub(crate) fn no_own_mode(subject: &Subject) -> Self {
        Self::new(40409, format!("Subject '{subject}' does not have subject-level mode configured"))
    }
}

/// What may not be.
impl Refusal {
    pub(crate) fn incompatible(subject: &Subject, messages: &[String]) -> Self {
        let problem = "Schema being registered is incompatible with an earlier schema for subject";
        Self::new(40901, format!("{problem} \"{subject}\", details: [{}]", messages.join(", ")))
    }

    pub(crate) fn invalid_schema(problem: impl fmt::Display) -> Self {
        Self::new(42201, format!("Invalid schema: {problem}"))
    }

    pub(crate) fn invalid_version(version: &str) -> Self {
        let allowed = "Allowed values are between [1, 2^31-1] and the string \"latest\"";
        Self::new(42202, format!("The specified version '{version}' is not a valid version id. {allowed}"))
    }

    pub(crate) fn invalid_level() -> Self {
        let levels =
            "none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive";
        Self::new(42203, format!("Invalid compatibility level. Valid values are {levels}"))
    }

    pub(crate) fn invalid_policy(policy: &str) -> Self {
        let policies = "STRICT and LENIENT, and for JSON schemas SEMANTIC";
        Self::new(42203, format!("Invalid compatibility policy '{policy}'. Valid values are {policies}"))
    }

    pub(crate) fn invalid_mode() -> Self {
        Self::new(42204, "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.")
    }

    pub(crate) fn forward_is_global() -> Self {
        Self::new(42204, "Forward mode only supported on global level")
    }

    pub(crate) fn not_permitted(problem: impl Into<String>) -> Self {
        Self::new(42205, problem)
    }

    /// A mode that forbids what was asked for.
    pub(crate) fn mode_forbids(subject: &Subject, problem: &str) -> Self {
        let context = subject.context_text();
        Self::not_permitted(format!("Subject {subject} in context {context} is {problem}"))
    }

    pub(crate) fn referenced(subject: &Subject, version: i32) -> Self {
        let problem = "One or more references exist to the schema";
        Self::new(42206, format!("{problem} {{magic=1,keytype=SCHEMA,subject={subject},version={version}}}."))
    }

    pub(crate) fn invalid_subject(subject: &str) -> Self {
        Self::new(42208, format!("The specified subject '{subject}' is not a valid."))
    }

    pub(crate) fn too_large(problem: impl Into<String>) -> Self {
        Self::new(42209, problem)
    }

    pub(crate) fn invalid_rule_set(problem: &SchemaError) -> Self {
        Self::new(42210, problem.to_string())
    }

    pub(crate) fn context_not_empty(context: &Subject) -> Self {
        Self::new(42211, format!("The specified context '{context}' is not empty."))
    }
}

/// What is no request of this API.
impl Refusal {
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "HTTP 404 Not Found")
    }

    pub(crate) fn no_such_method() -> Self {
        Self::new(405, "HTTP 405 Method Not Allowed")
    }

    pub(crate) fn not_acceptable() -> Self {
        Self::new(406, "HTTP 406 Not Acceptable")
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(415, "HTTP 415 Unsupported Media Type")
    }

    pub(crate) fn malformed(problem: impl fmt::Display) -> Self {
        Self::new(400, format!("The body is not the JSON of this request: {problem}"))
    }

    pub(crate) fn malformed_parameter(name: &str, value: &str, wanted: &str) -> Self {
        Self::new(400, format!("The parameter {name} is '{value}', and should be {wanted}"))
    }

    /// A field of the body that has a value that it cannot have.
    pub(crate) fn unprocessable(problem: impl Into<String>) -> Self {
        Self::new(422, problem)
    }

    pub(crate) fn body_too_large(limit_bytes: usize) -> Self {
        Self::new(413, format!("The body is larger than {limit_bytes} bytes"))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized: this registry wants a user and a password")
    }
}

/// What the store behind the registry cannot do now.
impl Refusal {
    pub(crate) fn store(problem: impl fmt::Display) -> Self {
        Self::new(50001, format!("Error in the backend Kafka store: {problem}"))
    }

    pub(crate) fn timed_out(problem: impl fmt::Display) -> Self {
        Self::new(50002, format!("Write to the Kafka store timed out: {problem}"))
    }

    /// What the client of the brokers says.
    pub(crate) fn unavailable(error: &Error) -> Self {
        match error {
            Error::Timeout { .. } => Self::timed_out(format_args!("{error:#}")),
            error => Self::store(format_args!("{error:#}")),
        }
    }

    pub(crate) fn busy(problem: impl fmt::Display) -> Self {
        Self::new(503, format!("The registry is busy: {problem}"))
    }

    /// Something that is asked for is in the topic, and cannot be understood.
    pub(crate) fn unread(place: &Place, unread: &Unread, offset: i64) -> Self {
        Self::store(format_args!(
            "the record at offset {offset} is {place} and cannot be understood, perhaps since a newer registry wrote it: {}. \
             Nothing is written in its place; a tombstone under its key gives it up",
            unread.problem
        ))
    }

    /// Nothing was found, and whether it is there all the same cannot be told.
    pub(crate) fn behind(problem: impl fmt::Display) -> Self {
        Self::store(format_args!(
            "nothing is known of it, and the end of the topic cannot be read: {problem}"
        ))
    }

    /// A part of the registry has ended that it cannot do without.
    pub(crate) fn failed(failure: &Failure) -> Self {
        Self::new(503, format!("The registry has failed, and has to be started anew: {failure}"))
    }

    /// A defect of the registry.
    pub(crate) fn internal(problem: &str) -> Self {
        Self::new(500, format!("Internal error: {problem}"))
    }

    pub(crate) fn stopping() -> Self {
        Self::new(503, "The registry is stopping")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_first_three_digits() {
        assert_eq!(Refusal::schema_not_found().status(), 404);
        assert_eq!(Refusal::store("x").status(), 500);
        assert_eq!(Refusal::unprocessable("x").status(), 422);
        assert_eq!(Refusal::busy("x").status(), 503);
    }
}
