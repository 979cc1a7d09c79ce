//! What is sent to a registry and what comes back, as values. Fields that are not known are passed over.

mod compatibility;
mod config;
mod mode;
mod new_schema;
mod stored_schema;

pub use compatibility::Compatibility;
pub use config::Config;
pub(crate) use config::ConfigAnswer;
pub use mode::Mode;
pub(crate) use mode::{ModeAnswer, ModeBody};
pub use new_schema::{NewSchema, TagChange};
pub use stored_schema::{ContextId, ServerVersion, StoredSchema, SubjectVersion};
