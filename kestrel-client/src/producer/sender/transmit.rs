//! The sender's requests: built, compressed on other threads if that is much work, handed to a connection, answered.

use std::future::poll_fn;
use std::time::Instant;

use futures::FutureExt;
use kestrel_protocol::messages::produce::{ProduceRequest, ProduceResponse};
use kestrel_protocol::{ApiKey, NodeId};
use tokio::task::JoinError;

use super::request::{AskedTopics, BuiltRequest, FIRST_VERSION_OF_TRANSACTIONS_V2, FIRST_VERSION_WITH_IDS};
use super::{Event, InOrder, Sender, Turn, draw};
use crate::environment;
use crate::error::{Chain, Error};
use crate::net::Call;
use crate::producer::batch::ProducerBatch;
use crate::producer::dispatcher::{ProduceAnswer, Shipment};
use crate::producer::transaction::TransactionVersion;

/// Batches of at least this many bytes together are compressed off the sender task.
const COMPRESS_ELSEWHERE_BYTES: usize = 32 * 1024;

impl Sender {
    /// Sends all that the machine has for brokers.
    pub(super) fn send_all(&mut self, now: Instant) {
        loop {
            let queues = &self.queues;
            let Some(shipment) = self.dispatcher.poll_shipment(now, &mut |id| draw(queues, id)) else {
                return;
            };
            self.send(shipment);
        }
    }

    /// Builds the batches of a shipment and sends it. Compressing much is done on other threads, as many requests at a time
    /// as may be in flight.
    fn send(&mut self, mut shipment: Shipment) {
        if !self.settings.compresses {
            build(&mut shipment);
            return self.transmit(shipment);
        }
        let unbuilt = shipment.batches.iter().filter(|batch| batch.needs_building());
        let bytes: usize = unbuilt.map(ProducerBatch::size_bytes).sum();
        let builds = self.builds.entry(shipment.node).or_default();
        if bytes < COMPRESS_ELSEWHERE_BYTES {
            build(&mut shipment);
            if builds.is_empty() {
                return self.transmit(shipment);
            }
            let turn = builds.begin();
            return builds.finish(turn, shipment);
        }
        let turn = builds.begin();
        let built = self.client.tasks().spawn_blocking(move || {
            build(&mut shipment);
            shipment
        });
        self.events.begin(async move {
            match built.await.map_err(JoinError::try_into_panic) {
                Ok(shipment) => Event::Built(turn, shipment),
                // The batches are gone, and what comes behind them would wait for ever.
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                // The runtime drops the work only when it shuts down, and this task with it.
                Err(Err(_)) => std::future::pending().await,
            }
        });
    }

    pub(super) fn handle_built(&mut self, turn: Turn, shipment: Shipment) {
        let node = shipment.node;
        self.builds.entry(node).or_default().finish(turn, shipment);
        while let Some(shipment) = self.builds.get_mut(&node).and_then(InOrder::poll) {
            self.transmit(shipment);
        }
    }

    /// Hands a built shipment to the connection; from here on requests keep their order.
    fn transmit(&mut self, shipment: Shipment) {
        let Shipment { node, batches } = shipment;
        let timeout_ms = i32::try_from(self.settings.request_timeout.as_millis()).unwrap_or(i32::MAX);
        let BuiltRequest { request, has_ids, asked } = BuiltRequest::new(
            &batches,
            self.settings.acks,
            timeout_ms,
            self.transactional_id(),
            &self.snapshot,
        );
        let answer = match self.call(node, &request, has_ids) {
            Ok(answer) => answer,
            Err(error) => return self.handle_answer(node, &asked, batches, Err(error)),
        };
        self.events.begin(async move {
            let result = answer.await;
            Event::Answered(node, asked, batches, result)
        });
    }

    fn call(
        &mut self,
        node: NodeId,
        request: &ProduceRequest,
        has_ids: bool,
    ) -> Result<impl Future<Output = Result<ProduceResponse, Error>> + Send + use<>, Error> {
        let lost = |cause: &str| Error::disconnected(node.to_string(), cause, false);
        let at_most = match self.dispatcher.transaction_version() {
            // A later version would add the partition to the transaction by itself.
            Some(TransactionVersion::V1) => FIRST_VERSION_OF_TRANSACTIONS_V2 - 1,
            _ if has_ids => i16::MAX,
            _ => FIRST_VERSION_WITH_IDS - 1,
        };
        let connection = self.connections.get_mut(&node).ok_or_else(|| lost("there is no connection"))?;
        let version = connection.version_up_to(ApiKey::Produce, at_most)?;
        let call = Call {
            request,
            version,
            timeout: self.settings.request_timeout,
            expects_answer: self.settings.acks != 0,
        };
        // The machine keeps to the same window as the connection, so there is always room.
        poll_fn(|cx| connection.poll_ready(cx))
            .now_or_never()
            .ok_or_else(|| lost("its window is full"))??;
        Ok(connection.call(&call))
    }

    pub(super) fn handle_answer(
        &mut self,
        node: NodeId,
        asked: &AskedTopics,
        batches: Vec<ProducerBatch>,
        result: Result<ProduceResponse, Error>,
    ) {
        let now = environment::now();
        match result {
            Ok(_) if self.settings.acks == 0 => {
                let answers = batches.into_iter().map(|batch| (batch, ProduceAnswer::Unasked));
                self.dispatcher.handle_answers(node, answers, now);
            }
            Ok(mut response) => {
                let endpoints = std::mem::take(&mut response.node_endpoints);
                let (mut answers, hints) = asked.read(response);
                if !hints.is_empty() {
                    let endpoints = endpoints.into_iter().map(|e| (e.node_id, e.host, e.port, e.rack));
                    self.client.metadata().apply_hints(hints, endpoints);
                }
                let answers = batches.into_iter().map(|batch| {
                    let answer = answers.take(&batch);
                    (batch, answer)
                });
                self.dispatcher.handle_answers(node, answers, now);
            }
            Err(error) => {
                tracing::debug!(%node, error = %Chain(&error), "a Produce request was lost");
                let answers = batches.into_iter().map(|batch| (batch, ProduceAnswer::Lost(error.clone())));
                self.dispatcher.handle_answers(node, answers, now);
                self.notice_closed_connections();
            }
        }
    }
}

fn build(shipment: &mut Shipment) {
    shipment.batches.iter_mut().for_each(ProducerBatch::build);
}
