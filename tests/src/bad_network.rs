//! A network that fails: a TCP proxy that resets its connections, holds bytes back, and stands still for a while.
//!
//! Used by tests of what clients make of it. A seed decides what happens to a connection, as far as the scheduler lets it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Dice;

/// The longest life of a connection: half of it on average.
const LONGEST_LIFE: Duration = Duration::from_secs(1);
/// How many bytes are handed on at a time, at most.
const CHUNK_BYTES: usize = 8 * 1024;
/// One chunk in so many is held back, for as long as this at most.
const HELD_BACK_ONCE_IN: usize = 20;
const HELD_BACK: Duration = Duration::from_millis(20);
/// One chunk in so many finds a network that stands still, for so long.
const STALLED_ONCE_IN: usize = 2000;
const STALL: Duration = Duration::from_secs(1);

/// A proxy in front of a broker; gone when it is dropped.
#[derive(Debug)]
pub struct BadNetwork {
    address: String,
    state: Arc<State>,
    /// Aborted when it is dropped.
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    cut: AtomicUsize,
    calm: CancellationToken,
}

impl BadNetwork {
    /// A network that leads to the broker which listens on `to`, or will.
    ///
    /// # Panics
    /// When no port can be listened on.
    pub async fn to(to: String, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port can be listened on");
        let address = listener.local_addr().expect("it has an address").to_string();
        let state = Arc::new(State::default());
        let mut task = JoinSet::new();
        task.spawn(serve(listener, to, Dice::new(seed), Arc::clone(&state)));
        Self { address, state, _task: task }
    }

    /// What the broker has to advertise for its clients to come this way.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many connections were cut.
    #[must_use]
    pub fn cut(&self) -> usize {
        self.state.cut.load(Ordering::SeqCst)
    }

    /// Lets everything pass from now on.
    pub fn calm_down(&self) {
        self.state.calm.cancel();
    }
}

async fn serve(listener: TcpListener, to: String, mut dice: Dice, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(carry(client, to.clone(), dice.split(), Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

/// Carries both directions of a connection until an end closes it, or it is cut.
async fn carry(mut client: TcpStream, to: String, mut dice: Dice, state: Arc<State>) -> io::Result<()> {
    let mut broker = TcpStream::connect(&to).await?;
    // What is cut is reset, so that nobody takes it for an end in good order.
    client.set_zero_linger()?;
    broker.set_zero_linger()?;
    let life = dice.between(Duration::ZERO, LONGEST_LIFE);
    let (up, down) = (dice.split(), dice.split());
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let cut = async {
        tokio::time::sleep(life).await;
        if state.calm.is_cancelled() {
            std::future::pending::<()>().await;
        }
        state.cut.fetch_add(1, Ordering::SeqCst);
    };
    tokio::select! {
        ended = hand_on(from_client, to_broker, up, &state.calm) => ended,
        ended = hand_on(from_broker, to_client, down, &state.calm) => ended,
        () = cut => Ok(()),
    }
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut dice: Dice,
    calm: &CancellationToken,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let most = 1 + dice.roll(CHUNK_BYTES);
        let length = from.read(&mut chunk[..most]).await?;
        if length == 0 {
            return Ok(());
        }
        if !calm.is_cancelled() && dice.once_in(HELD_BACK_ONCE_IN) {
            tokio::time::sleep(dice.between(Duration::ZERO, HELD_BACK)).await;
        }
        if !calm.is_cancelled() && dice.once_in(STALLED_ONCE_IN) {
            tokio::time::sleep(STALL).await;
        }
        to.write_all(&chunk[..length]).await?;
    }
}
