//! Serves a folder: the argument.

use kestrel_broker::{Broker, StartError};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let broker = Broker::builder().data_dir(std::env::args().nth(1).unwrap_or_default()).start().await?;
    println!("{}", broker.bootstrap_servers());
    std::future::pending().await
}
