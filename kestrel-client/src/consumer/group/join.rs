//! Joining: puts the parts of a group's member together, and begins its task.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::classic::{ClassicCalls, MemberSettings, Membership, Protocols};
use super::driver::GroupDriver;
use super::effects::Effects;
use super::handle::GroupHandle;
use super::link::MemberLink;
use super::machine::Machine;
use crate::consumer::engine::Engine;
use crate::consumer::handle::Base;
use crate::consumer::source::SubscriptionPlan;
use crate::environment;
use crate::metadata::Reason;

/// Joins a group for the consumer of `base`, which reads the topics of `plan`: `found` are those that there are now. Ends with
/// `stop`.
pub(crate) fn join(
    base: &Base,
    plan: SubscriptionPlan,
    found: BTreeSet<Arc<str>>,
    stop: &CancellationToken,
) -> GroupHandle {
    let Base { client, settings, shared, topics: topics_in_use } = base.clone();
    let SubscriptionPlan { group_id, topics, listener } = plan;
    let (group, inbox) = GroupHandle::new(group_id.into(), shared.clone());
    shared.change(Engine::enter_group);
    topics_in_use.replace(Reason::Subscribed, found.iter().cloned());
    let link = MemberLink::new(client.clone(), group.group_id.clone());
    let effects = Effects {
        shared: shared.clone(),
        group: group.clone(),
        topics: topics_in_use.clone(),
        policy: settings.group.commit_policy(),
        listener,
    };
    let protocols =
        Protocols::new(settings.group.partition_assignment_strategy.to_vec(), &settings.client_rack);
    let member = MemberSettings {
        group_id: group.group_id.clone(),
        instance_id: settings.group.group_instance_id.as_deref().map(Into::into),
        session_timeout: settings.group.session_timeout,
        heartbeat_interval: settings.group.heartbeat_interval,
        max_poll_interval: settings.group.max_poll_interval,
    };
    let calls = ClassicCalls::new(link.clone(), topics_in_use, protocols.clone(), &member);
    let mut membership = Membership::new(member, protocols, client.retry_backoff(), environment::now());
    membership.handle_topics(found);
    let driver = GroupDriver::new(link, settings, (membership, calls), effects, topics, inbox);
    client.tasks().spawn("consumer", driver.run(stop.clone()), shared.on_loss(stop));
    group
}
