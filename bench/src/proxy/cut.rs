//! A network that fails: it resets each connection after half a second on average, holds bytes back, and stands still now and then.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest life of a connection.
const LONGEST_LIFE: Duration = Duration::from_secs(1);
/// How many bytes are handed on at a time, at most. With a stall and a hold-up now and then, so many that an answer of the usual
/// 1 MiB of each of four partitions comes through within half a life: no client reads in smaller steps than it is set to.
const CHUNK_BYTES: u64 = 64 * 1024;
/// One chunk in so many is held back, for as long as this at most.
const HELD_BACK_ONCE_IN: u64 = 20;
const HELD_BACK: Duration = Duration::from_millis(20);
/// One chunk in so many finds a network that stands still, for so long.
const STALLED_ONCE_IN: u64 = 2000;
const STALL: Duration = Duration::from_secs(1);

/// Decides what happens to a connection: the same of the same seed, as far as the scheduler lets it.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for one of several that go on at the same time.
    pub(super) fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(longest.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Carries both directions of a connection until an end closes it, or it is cut.
pub(super) async fn carry(mut client: TcpStream, mut broker: TcpStream, mut dice: Dice) {
    // What is cut is reset, so that nobody takes it for an end in good order.
    let _ = (client.set_zero_linger(), broker.set_zero_linger());
    let life = dice.up_to(LONGEST_LIFE);
    let (up, down) = (dice.split(), dice.split());
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    tokio::select! {
        _ = hand_on(from_client, to_broker, up) => {}
        _ = hand_on(from_broker, to_client, down) => {}
        () = tokio::time::sleep(life) => {}
    }
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut dice: Dice,
) -> io::Result<()> {
    // With room from the start: `read_buf` would give an empty one 64 bytes at a time.
    let mut chunk = Vec::with_capacity(usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX));
    loop {
        chunk.clear();
        let most = 1 + dice.below(CHUNK_BYTES);
        if (&mut from).take(most).read_buf(&mut chunk).await? == 0 {
            return Ok(());
        }
        if dice.below(HELD_BACK_ONCE_IN) == 0 {
            tokio::time::sleep(dice.up_to(HELD_BACK)).await;
        }
        if dice.below(STALLED_ONCE_IN) == 0 {
            tokio::time::sleep(STALL).await;
        }
        to.write_all(&chunk).await?;
    }
}
