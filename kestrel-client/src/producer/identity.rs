//! The producer's identity (producer id and epoch, KIP-98) and the way to it. A machine: no I/O, no clock.
//!
//! Asked by the dispatcher before anything is sent, and when a partition needs an epoch that none of its batches was sent
//! under. It knows nothing of partitions: their numbers are [`PartitionSequences`](super::sequences::PartitionSequences).
//!
//! ```text
//!   Wanted ──▶ Asked ──▶ Known(id, epoch) ──renew──▶ Known(id, epoch + 1)
//!      ▲         │ passing error      │ epochs used up
//!      └─────────┴────────────────────┘
//! ```

use std::time::Instant;

use kestrel_protocol::{ProducerEpoch, ProducerId};

/// A producer id with its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerIdAndEpoch {
    pub(crate) id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
}

/// The producer id that a producer has, or how far it is from having one.
#[derive(Debug)]
pub(crate) struct Identity {
    stage: Stage,
    /// Failures to get one since the last success.
    failures: u32,
    /// No broker is asked before this.
    not_before: Option<Instant>,
    /// Whether the epoch is raised here: with a transactional id only its coordinator may (KIP-360).
    raises_epoch: bool,
}

#[derive(Debug)]
enum Stage {
    /// Not idempotent: batches have neither identity nor sequence.
    Off,
    Wanted,
    Asked,
    Known(ProducerIdAndEpoch),
}

impl Identity {
    pub(crate) const fn new(idempotent: bool) -> Self {
        let stage = if idempotent { Stage::Wanted } else { Stage::Off };
        Self { stage, failures: 0, not_before: None, raises_epoch: true }
    }

    /// The identity of a producer with a transactional id, which its transaction manager asks for.
    pub(crate) const fn of_transactions() -> Self {
        Self { stage: Stage::Asked, failures: 0, not_before: None, raises_epoch: false }
    }

    /// Whether batches can be sent: there is an identity, or none is needed.
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Off | Stage::Known(_))
    }

    /// What batches are stamped with that begin a partition's numbers; `None` without idempotence, and before it is known.
    pub(crate) const fn current(&self) -> Option<ProducerIdAndEpoch> {
        match self.stage {
            Stage::Known(current) => Some(current),
            _ => None,
        }
    }

    /// Whether to ask a broker for a producer id now.
    pub(crate) fn poll_request(&mut self, now: Instant) -> bool {
        let wanted =
            matches!(self.stage, Stage::Wanted) && self.not_before.is_none_or(|not_before| not_before <= now);
        if wanted {
            self.stage = Stage::Asked;
        }
        wanted
    }

    /// When to poll for a request again.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.not_before.filter(|_| matches!(self.stage, Stage::Wanted))
    }

    /// A broker gave the identity.
    pub(crate) const fn handle_known(&mut self, identity: ProducerIdAndEpoch) {
        self.stage = Stage::Known(identity);
        self.failures = 0;
    }

    /// Asking failed in a way that passes. Gives how often in a row.
    pub(crate) fn handle_failure(&mut self) -> u32 {
        if matches!(self.stage, Stage::Asked) {
            self.stage = Stage::Wanted;
        }
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// Asks no broker before `at`.
    pub(crate) const fn wait_until(&mut self, at: Instant) {
        self.not_before = Some(at);
    }

    /// An identity other than `used`, for a partition that has to begin its numbers anew: the current one, or else the next
    /// epoch. `None` when the epochs are used up, or not raised here: another identity has to be had first.
    pub(crate) fn renew(&mut self, used: Option<ProducerIdAndEpoch>) -> Option<ProducerIdAndEpoch> {
        let current = self.current()?;
        if used != Some(current) {
            return Some(current);
        }
        if !self.raises_epoch {
            return None;
        }
        match current.epoch.0.checked_add(1) {
            Some(epoch) => {
                self.stage = Stage::Known(ProducerIdAndEpoch { epoch: ProducerEpoch(epoch), ..current });
            }
            None => self.stage = Stage::Wanted,
        }
        self.current()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::environment;

    fn known(epoch: i16) -> Identity {
        let now = environment::now();
        let mut identity = Identity::new(true);
        assert!(!identity.is_ready());
        assert!(identity.poll_request(now));
        assert!(!identity.poll_request(now), "it was asked already");
        identity.handle_known(of(7, epoch));
        assert!(identity.is_ready());
        identity
    }

    fn of(id: i64, epoch: i16) -> ProducerIdAndEpoch {
        ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
    }

    #[test]
    fn an_epoch_is_raised_only_for_a_partition_that_has_used_it() {
        let mut identity = known(0);
        assert_eq!(identity.renew(Some(of(7, 0))), Some(of(7, 1)));
        assert_eq!(identity.renew(Some(of(7, 0))), Some(of(7, 1)), "another partition takes what is there");
        assert_eq!(identity.renew(Some(of(7, 1))), Some(of(7, 2)));
    }

    #[test]
    fn epochs_that_are_used_up_need_a_new_id() {
        let mut identity = known(i16::MAX);
        assert_eq!(identity.renew(Some(of(7, i16::MAX))), None);
        assert!(!identity.is_ready());
        assert!(identity.poll_request(environment::now()));
        identity.handle_known(of(8, 0));
        assert_eq!(identity.renew(Some(of(7, i16::MAX))), Some(of(8, 0)));
    }

    #[test]
    fn a_failure_is_followed_by_another_try_after_its_delay() {
        let (now, second) = (environment::now(), Duration::from_secs(1));
        let mut identity = Identity::new(true);
        for failures in 1..=2 {
            assert!(identity.poll_request(now + second * failures));
            assert_eq!(identity.handle_failure(), failures);
            identity.wait_until(now + second * (failures + 1));
            assert!(!identity.poll_request(now + second * failures));
            assert_eq!(identity.next_deadline(), Some(now + second * (failures + 1)));
        }
        assert!(identity.poll_request(now + second * 3));
        assert_eq!(identity.next_deadline(), None, "the answer is waited for");
    }
}
