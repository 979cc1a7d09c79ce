//! `kestrel-bench proxy`: what stands between clients and a broker as a network that this machine does not have.

mod cut;
mod delay;

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::args::Proxy;

/// Serves until the process ends; prints one line when it listens.
pub(crate) fn run(proxy: &Proxy) -> Result<(), String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start the runtime: {e}"))?;
    runtime
        .block_on(serve(proxy))
        .map_err(|e| format!("the proxy from {} to {}: {e}", proxy.listen, proxy.to))
}

#[expect(clippy::print_stdout, reason = "the one line that tells the address")]
async fn serve(proxy: &Proxy) -> std::io::Result<()> {
    let listener = TcpListener::bind(&proxy.listen).await?;
    println!("proxy ready: {}", listener.local_addr()?);
    let one_way = Duration::from_millis(proxy.rtt_ms) / 2;
    let mut dice = proxy.cut_seed.map(cut::Dice::new);
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await?;
        let (to, dice) = (proxy.to.clone(), dice.as_mut().map(cut::Dice::split));
        connections.spawn(async move {
            let Ok(broker) = TcpStream::connect(&to).await else { return };
            match dice {
                Some(dice) => cut::carry(client, broker, dice).await,
                None => delay::carry(client, broker, one_way).await,
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
