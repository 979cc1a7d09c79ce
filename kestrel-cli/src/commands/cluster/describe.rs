//! `kestrel cluster describe`.

use kestrel_client::admin::ClusterDescription;

use crate::failure::Failure;
use crate::output::{Page, Table};
use crate::session::Session;

pub(super) async fn run(session: &Session) -> Result<(), Failure> {
    let cluster = session.admin().await?.describe_cluster().await?;
    session.output().pages(&[page(&cluster)])
}

fn page(cluster: &ClusterDescription) -> Page {
    let mut brokers = Table::new(["broker", "host", "port", "rack", "controller"]);
    for broker in &cluster.brokers {
        brokers.row([
            broker.id.0.into(),
            (&*broker.host).into(),
            i32::from(broker.port).into(),
            broker.rack.as_deref().into(),
            (cluster.controller == Some(broker.id)).into(),
        ]);
    }
    Page::new()
        .field("cluster", &*cluster.cluster_id)
        .field("controller", cluster.controller.map(|node| node.0))
        .table("brokers", brokers)
}
