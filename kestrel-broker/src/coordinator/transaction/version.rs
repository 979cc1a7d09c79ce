//! The version of transactions that the cluster has finalized: it may change while a machine serves (KIP-584).

use std::sync::Arc;

use tokio::sync::watch;

use crate::cluster::{Cluster, ClusterImage, TransactionVersion};

/// The finalized version of transactions, as of whenever it is asked for. What a machine replays does not depend on it.
#[derive(Debug, Clone)]
pub(in crate::coordinator) struct FinalizedVersion(watch::Receiver<Arc<ClusterImage>>);

impl FinalizedVersion {
    /// That of a cluster.
    pub(in crate::coordinator) fn of(cluster: &Cluster) -> Self {
        Self(cluster.watch())
    }

    /// The version now.
    pub(super) fn get(&self) -> TransactionVersion {
        self.0.borrow().features().transaction_version()
    }
}

#[cfg(test)]
impl From<TransactionVersion> for FinalizedVersion {
    /// A version that stays.
    fn from(version: TransactionVersion) -> Self {
        let image = Arc::new(ClusterImage::with_transaction_version(version));
        Self(watch::channel(image).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_moment() {
        let image = |version| Arc::new(ClusterImage::with_transaction_version(version));
        let (images, receiver) = watch::channel(image(TransactionVersion::V2));
        let finalized = FinalizedVersion(receiver);
        assert_eq!(finalized.get(), TransactionVersion::V2);
        images.send_replace(image(TransactionVersion::V0));
        assert_eq!(
            (finalized.get(), finalized.clone().get()),
            (TransactionVersion::V0, TransactionVersion::V0)
        );
    }
}
