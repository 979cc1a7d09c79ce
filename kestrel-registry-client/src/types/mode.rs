//! Mode: what may be done to a subject.

use serde::{Deserialize, Serialize};

/// What may be done to a subject, a context or all of them.
///
/// ```
/// use kestrel_registry_client::Mode;
///
/// assert_eq!(serde_json::to_string(&Mode::ReadOnly)?, r#""READONLY""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// Schemas may be registered and deleted: the default.
    #[serde(rename = "READWRITE")]
    ReadWrite,
    /// Nothing may be changed.
    #[serde(rename = "READONLY")]
    ReadOnly,
    /// Nothing may be changed, whatever the mode of a subject is.
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    /// Schemas are registered with ids and versions that are given with them.
    #[serde(rename = "IMPORT")]
    Import,
    /// Schemas come from another registry.
    #[serde(rename = "FORWARD")]
    Forward,
    /// One that a registry has and this client does not know.
    #[serde(other)]
    Unknown,
}

/// How a mode is sent.
#[derive(Debug, Serialize)]
pub(crate) struct ModeBody {
    pub(crate) mode: Mode,
}

/// How a mode comes back. Where one was deleted some registries give its name alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ModeAnswer {
    Body { mode: Mode },
    Name(Mode),
}

impl From<ModeAnswer> for Mode {
    fn from((ModeAnswer::Body { mode } | ModeAnswer::Name(mode)): ModeAnswer) -> Self {
        mode
    }
}
