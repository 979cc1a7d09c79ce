//! One API that is served: a row of the table.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::{ApiKey, ErrorCode, RequestFrame};

use super::access::Need;
use super::{AnswerFrame, Call, Close, Reply, State};
use crate::authorizer::AclOperation;

/// One API that is served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServedApi {
    /// The API.
    pub(super) key: ApiKey,
    /// The needs of a request.
    pub(super) needs: &'static [Need],
    /// The operation on the cluster without which nothing is done; the other needs are asked for by the handler.
    pub(super) cluster_need: Option<AclOperation>,
    /// The first version that ApiVersions names, which need not be served.
    pub(super) first_advertised: i16,
    /// Whether it is about metrics that clients push, which ApiVersions names only where somebody can see them.
    pub(super) is_of_telemetry: bool,
    /// The last version that is served.
    pub(super) last_version: i16,
    /// Decodes the body and runs the handler: the ordered part now, the waiting part in the reply.
    pub(super) serve: fn(&Arc<State>, Call) -> Reply,
    /// The answer in which everything that the request asks for fails with an error.
    pub(super) refuse: fn(&RequestFrame, ErrorCode, Duration) -> Result<AnswerFrame, Close>,
}

impl ServedApi {
    /// Whether it may come before a login, or is part of it.
    pub(super) const fn is_of_login(&self) -> bool {
        matches!(self.key, ApiKey::SaslHandshake | ApiKey::ApiVersions | ApiKey::SaslAuthenticate)
    }

    /// The versions that ApiVersions names.
    pub(super) const fn advertised(&self) -> RangeInclusive<i16> {
        self.first_advertised..=self.last_version
    }
}
