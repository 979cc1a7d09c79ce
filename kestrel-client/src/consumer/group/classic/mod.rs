//! Classic groups: members join, the leader assigns, all sync, and heartbeats keep the place (JoinGroup and its siblings).

mod membership;
mod protocols;

pub(crate) use self::membership::{
    Effect, EffectRound, MemberIdentityView, MemberSettings, Membership, PartitionCounts, Request, RequestId,
};
pub(crate) use self::protocols::Protocols;
