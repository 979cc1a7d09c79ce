//! `kestrel cluster quorum`.

use kestrel_client::admin::MetadataQuorum;

use crate::failure::Failure;
use crate::output::{Cell, Page, Table};
use crate::session::Session;

pub(super) async fn run(session: &Session) -> Result<(), Failure> {
    let quorum = session.admin().await?.describe_metadata_quorum().await?;
    session.output().pages(&[page(&quorum)])
}

fn page(quorum: &MetadataQuorum) -> Page {
    let mut replicas =
        Table::new(["node", "role", "log_end_offset", "lag", "last_fetch", "last_caught_up", "endpoints"]);
    let voters = quorum.voters.iter().map(|replica| (replica, "voter"));
    let observers = quorum.observers.iter().map(|replica| (replica, "observer"));
    for (replica, role) in voters.chain(observers) {
        let endpoints = quorum.endpoints.get(&replica.id).into_iter().flatten();
        let endpoints =
            endpoints.map(|endpoint| format!("{}://{}:{}", endpoint.listener, endpoint.host, endpoint.port));
        replicas.row([
            replica.id.0.into(),
            if replica.id == quorum.leader { "leader" } else { role }.into(),
            replica.log_end_offset.into(),
            quorum.lag(replica).into(),
            replica.last_fetch_timestamp.into(),
            replica.last_caught_up_timestamp.into(),
            Cell::list(endpoints),
        ]);
    }
    Page::new()
        .field("leader", quorum.leader.0)
        .field("leader_epoch", quorum.leader_epoch.0)
        .field("high_watermark", quorum.high_watermark)
        .table("replicas", replicas)
}
