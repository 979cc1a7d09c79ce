//! WriteTxnMarkers, versions 1 and 2: ends transactions in partitions, whatever their coordinator knows of them (KIP-98, KIP-664).

use std::sync::Arc;

use futures::future::join_all;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopic,
    WritableTxnMarkerTopicResult, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use kestrel_protocol::record::control::{EndTransactionMarker, TransactionOutcome};

use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::{Alter, ClusterAction};
use crate::cluster::TransactionVersion;
use crate::coordinator::Marker;
use crate::log::Transaction;

impl Handler for WriteTxnMarkersRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> WriteTxnMarkersResponse {
        if let Err(error) = check(&context.access) {
            return self.refusal(error);
        }
        let mut markers = Vec::with_capacity(self.markers.len());
        for marker in &self.markers {
            markers.push(write(marker, &state).await);
        }
        WriteTxnMarkersResponse { markers }
    }

    fn refusal(&self, error: ErrorCode) -> WriteTxnMarkersResponse {
        WriteTxnMarkersResponse {
            markers: self.markers.iter().map(|marker| results(marker, || error)).collect(),
        }
    }
}

/// Whether the sender may: an operator, or a broker.
fn check(access: &Access) -> Result<(), ErrorCode> {
    if access.would_allow_on_cluster(Alter) { Ok(()) } else { access.check_cluster(ClusterAction) }
}

/// Writes one marker into its partitions.
async fn write(request: &WritableTxnMarker, state: &State) -> WritableTxnMarkerResult {
    let WritableTxnMarker { producer_id, producer_epoch, coordinator_epoch, transaction_version, .. } =
        *request;
    let outcome =
        if request.transaction_result { TransactionOutcome::Commit } else { TransactionOutcome::Abort };
    let marker = Marker {
        producer: Transaction { producer_id, producer_epoch },
        end: EndTransactionMarker { outcome, coordinator_epoch },
        version: TransactionVersion(transaction_version.into()),
    };
    let partitions = request.topics.iter().flat_map(|WritableTxnMarkerTopic { name, partition_indexes }| {
        partition_indexes.iter().map(move |partition| (name.clone(), *partition))
    });
    // All are appended before any is waited for: one fsync stores them.
    let written: Vec<_> =
        partitions.map(|partition| state.transactions.write_marker(marker, &partition)).collect();
    let mut outcomes = join_all(written).await.into_iter();
    results(request, || match outcomes.next() {
        Some(Ok(())) => ErrorCode::None,
        Some(Err(error)) => error,
        None => ErrorCode::UnknownServerError,
    })
}

/// A result for each partition of a marker, in their order.
fn results(marker: &WritableTxnMarker, mut outcome: impl FnMut() -> ErrorCode) -> WritableTxnMarkerResult {
    let topics = marker.topics.iter().map(|topic| {
        let result = |&partition_index: &i32| WritableTxnMarkerPartitionResult {
            partition_index,
            error_code: outcome(),
        };
        WritableTxnMarkerTopicResult {
            name: topic.name.clone(),
            partitions: topic.partition_indexes.iter().map(result).collect(),
        }
    });
    WritableTxnMarkerResult { producer_id: marker.producer_id, topics: topics.collect() }
}
