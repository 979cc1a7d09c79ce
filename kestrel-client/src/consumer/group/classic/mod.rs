//! Classic groups: members join, the leader assigns, all sync, and heartbeats keep the place (JoinGroup and its siblings).
//!
//! [`Membership`] is the machine, [`ClassicCalls`] carries out what it asks for, [`Protocols`] joins the assignors to both.

mod calls;
mod member_state;
mod membership;
mod protocols;
mod request;

pub(crate) use self::calls::ClassicCalls;
pub(crate) use self::membership::Membership;
pub(crate) use self::protocols::Protocols;
pub(crate) use self::request::MemberSettings;
