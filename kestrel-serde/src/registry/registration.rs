//! Registration: a schema that wants an id under a subject.

use kestrel_schema::Schema;

/// A schema that wants an id under a subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Registration {
    pub(super) subject: String,
    pub(super) schema: Schema,
    /// Whether the registry is to bring it into its normal form first.
    pub(super) normalize: bool,
    pub(super) how: Admission,
}

/// How a schema gets its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Admission {
    /// It is registered unless it is already.
    Register,
    /// It has to be registered already.
    LookUp,
}
