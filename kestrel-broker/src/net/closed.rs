//! The reasons for which a connection ends, each as one readable line.

use std::io;
use std::time::Duration;

use kestrel_protocol::{DecodeError, FrameSizeError};

use super::encryption::HandshakeFailure;
use super::stranger::Stranger;
use crate::api::{Close, RequestName};

/// The reason for which a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    /// The client closed it.
    #[error("the client closed it")]
    ByPeer,
    /// The broker stops.
    #[error("the broker stops")]
    Stopping,
    /// The broker stops, and the client does not take its answers.
    #[error("the broker stops, and the client did not take its answers within {0:?}")]
    Unread(Duration),
    /// Nothing came for too long.
    #[error("idle for longer than connections.max.idle.ms")]
    Idle,
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The first bytes are of another protocol.
    #[error("{0}")]
    Stranger(Stranger),
    /// The handshake of TLS failed.
    #[error("{0}")]
    Handshake(#[from] HandshakeFailure),
    /// The length that was announced is none of a frame.
    #[error("{0} (socket.request.max.bytes, or sasl.server.max.receive.size before authentication)")]
    FrameSize(#[from] FrameSizeError),
    /// The frame does not begin with a request header.
    #[error("malformed request header: {0}")]
    Header(#[from] DecodeError),
    /// The client did not log in.
    #[error("the client did not log in in time")]
    LoginTimeout,
    /// The pipeline takes no more requests.
    #[error("{0}")]
    Ended(Close),
    /// The pipeline refused a request.
    #[error("{0}: {1}")]
    Refused(RequestName, Close),
}

impl Closed {
    /// Its kind in a word or two, in which nothing is of the peer's choice.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::ByPeer => "client",
            Self::Stopping => "stop",
            Self::Unread(_) => "unread",
            Self::Idle => "idle",
            Self::Io(_) => "socket",
            Self::Stranger(stranger) => stranger.name(),
            Self::Handshake(failure) => failure.kind(),
            Self::FrameSize(_) => "frame size",
            Self::Header(_) => "header",
            Self::LoginTimeout => "login timeout",
            Self::Ended(close) | Self::Refused(_, close) => close.kind(),
        }
    }

    /// Whether the peer did something that whoever runs it wants to know of.
    pub(crate) const fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Stranger(_)
                | Self::Handshake(_)
                | Self::FrameSize(_)
                | Self::Header(_)
                | Self::LoginTimeout
                | Self::Ended(_)
                | Self::Refused(..)
                | Self::Unread(_)
        )
    }
}
