//! ConsumerHandle: what the tasks of an application share of one consumer.

use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use super::source::{Source, Subscribed};
use crate::client::Client;
use crate::config::ConsumerSettings;

/// What all of a consumer's calls need that read no record.
#[derive(Clone)]
pub(crate) struct ConsumerHandle<S: Source = Subscribed> {
    pub(super) base: Base,
    pub(super) source: S,
}

/// What both kinds of consumer have.
#[derive(Clone)]
pub(crate) struct Base {
    pub(super) client: Client,
    pub(super) settings: Arc<ConsumerSettings>,
    pub(super) shared: Shared,
}

impl<S: Source> fmt::Debug for ConsumerHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerHandle").field("source", &self.source).finish_non_exhaustive()
    }
}
