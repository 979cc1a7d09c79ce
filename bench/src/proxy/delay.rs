//! A network with a longer way: every byte is handed on unchanged, half a round trip after it came.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What is allocated at a time, and what has to be left of it for a read.
const READ_BYTES: usize = 256 * 1024;
const LEAST_READ_BYTES: usize = 16 * 1024;
/// Reads on the way in one direction at most; a sender that is faster than that many in the delay is held up.
const READS_ON_THE_WAY: usize = 4096;

/// Both directions of one connection, until both have ended.
pub(super) async fn carry(client: TcpStream, broker: TcpStream, one_way: Duration) {
    let _ = (client.set_nodelay(true), broker.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    tokio::join!(delay(from_client, to_broker, one_way), delay(from_broker, to_client, one_way));
}

/// One direction: a reader that notes when bytes came, a writer that waits until they are due.
async fn delay(from: OwnedReadHalf, to: OwnedWriteHalf, one_way: Duration) {
    let (sent, received) = mpsc::channel(READS_ON_THE_WAY);
    tokio::join!(read(from, sent, one_way), write(received, to));
}

async fn read(mut from: OwnedReadHalf, sent: mpsc::Sender<(Instant, Bytes)>, one_way: Duration) {
    let mut buffer = BytesMut::new();
    loop {
        if buffer.capacity() - buffer.len() < LEAST_READ_BYTES {
            buffer.reserve(READ_BYTES);
        }
        match from.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let due = Instant::from_std(crate::meter::now()) + one_way;
        if sent.send((due, buffer.split().freeze())).await.is_err() {
            return;
        }
    }
}

/// Ends with a shutdown of its side, as the other end had.
async fn write(mut received: mpsc::Receiver<(Instant, Bytes)>, mut to: OwnedWriteHalf) {
    while let Some((due, bytes)) = received.recv().await {
        tokio::time::sleep_until(due).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
