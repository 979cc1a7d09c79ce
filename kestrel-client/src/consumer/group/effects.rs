//! Effects: carries out what a [`Machine`](super::machine::Machine) decides about partitions. Async, for the driver.
//!
//! The order of giving up: nothing more is handed out; the caller finishes what it has in its hands; what it is done with is
//! committed; the listener is told; the partitions go. The order of taking on: the listener is told, then the partitions come.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{BoxFuture, join_all};

use super::handle::GroupHandle;
use super::listener::{AssignedPartitions, RebalanceListener, RevokedPartitions};
use super::machine::Effect;
use crate::config::CommitPolicy;
use crate::consumer::engine::Engine;
use crate::consumer::handout::PartitionTasks;
use crate::consumer::shared_engine::SharedEngine;
use crate::error::{Chain, Error};
use crate::metadata::{Reason, TopicUses};
use crate::record::TopicPartition;

/// The result of an effect.
#[derive(Debug)]
pub(crate) enum EffectDone {
    Lost {
        lost: BTreeSet<TopicPartition>,
    },
    /// With what went wrong when what was done was to be committed.
    Revoked {
        revoked: BTreeSet<TopicPartition>,
        problem: Option<Error>,
    },
    TookOn {
        revoked: BTreeSet<TopicPartition>,
        added: BTreeSet<TopicPartition>,
    },
}

/// Carries out effects; clones share what they need.
#[derive(Clone)]
pub(crate) struct Effects {
    pub(crate) shared: SharedEngine,
    pub(crate) group: GroupHandle,
    pub(crate) topics: TopicUses,
    pub(crate) policy: CommitPolicy,
    pub(crate) listener: Option<Arc<dyn RebalanceListener>>,
}

impl Effects {
    /// Carries out `effect`: at once, or as a future.
    pub(crate) fn begin(&self, effect: Effect) -> Option<BoxFuture<'static, EffectDone>> {
        let this = self.clone();
        match effect {
            Effect::Report(error) => {
                self.report(error);
                None
            }
            Effect::Lose { partitions } => {
                tracing::warn!(group = %self.group.group_id, ?partitions, "partitions were lost");
                self.shared.change_by_group(Engine::take_on_nothing);
                Some(Box::pin(async move { this.lose(partitions).await }))
            }
            Effect::Revoke { partitions } => Some(Box::pin(async move {
                let problem = this.give_up(&partitions).await;
                this.shared.change_by_group(Engine::take_on_nothing);
                EffectDone::Revoked { revoked: partitions, problem }
            })),
            Effect::TakeOn { revoked, added, assigned } => {
                Some(Box::pin(async move { this.take_on(revoked, added, assigned).await }))
            }
        }
    }

    /// Tells the caller of a problem; the log has it once, until partitions are taken on.
    pub(crate) fn report(&self, error: Error) {
        if self.shared.look(|engine| engine.is_news(&error)) {
            tracing::warn!(group = %self.group.group_id, error = %Chain(&error), "the group has a problem");
        }
        self.shared.change_by_group(|engine| engine.report_problem(error));
    }

    async fn lose(&self, partitions: BTreeSet<TopicPartition>) -> EffectDone {
        if let Some(listener) = &self.listener {
            listener.lost(&partitions.iter().cloned().collect::<Vec<_>>()).await;
        }
        EffectDone::Lost { lost: partitions }
    }

    /// Gives up `partitions` in good order; they are still in the engine afterwards. Gives what went wrong with the commit.
    async fn give_up(&self, partitions: &BTreeSet<TopicPartition>) -> Option<Error> {
        tracing::info!(group = %self.group.group_id, ?partitions, "giving up partitions");
        self.shared.change_by_group(|engine| engine.begin_revoke(partitions));
        self.wait_for_caller(partitions).await;
        let tasks = self.shared.begun_tasks_on(partitions);
        join_all(tasks.iter().map(PartitionTasks::finish)).await;
        let mut problem = None;
        if self.policy != CommitPolicy::Manual
            && let Err(error) = self.group.commit_done(partitions).await
        {
            tracing::warn!(group = %self.group.group_id, error = %Chain(&error), "what was done was not committed: it will be done again");
            problem = Some(error);
        }
        if let Some(listener) = &self.listener {
            let revoked = RevokedPartitions { partitions: partitions.clone(), group: self.group.clone() };
            listener.revoked(&revoked).await;
        }
        problem
    }

    /// Waits until the caller asks for more, if what it works on is of `partitions`.
    async fn wait_for_caller(&self, partitions: &BTreeSet<TopicPartition>) {
        loop {
            let mut asked = pin!(self.shared.asked_by_caller().notified());
            asked.as_mut().enable();
            self.shared.progress().await_caller(true);
            if !self.shared.look(|engine| engine.is_in_hand(partitions)) {
                return;
            }
            asked.await;
        }
    }

    async fn take_on(
        &self,
        revoked: BTreeSet<TopicPartition>,
        added: BTreeSet<TopicPartition>,
        assigned: BTreeSet<TopicPartition>,
    ) -> EffectDone {
        if !revoked.is_empty() {
            self.give_up(&revoked).await;
            let kept: BTreeSet<_> = assigned.difference(&added).cloned().collect();
            self.shared.change_by_group(|engine| engine.take_on(&kept, &[].into(), &BTreeSet::new()));
        }
        tracing::info!(group = %self.group.group_id, ?added, assigned = assigned.len(), "took on partitions");
        let mut taken_on = AssignedPartitions::new(added.clone());
        if let Some(listener) = &self.listener {
            listener.assigned(&mut taken_on).await;
        }
        self.topics.replace(Reason::Assigned, assigned.iter().map(|partition| partition.topic.clone()));
        let (starts, paused) = (&taken_on.starts, &taken_on.paused);
        self.shared.change_by_group(|engine| engine.take_on(&assigned, starts, paused));
        EffectDone::TookOn { revoked, added }
    }
}
