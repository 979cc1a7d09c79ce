//! What Java's sticky assignors put into the user data of a subscription, so that mixed groups stay sticky.
//!
//! No version precedes these bytes: [`StickyUserData`] is told apart by its length.

use bytes::Bytes;

use super::TopicPartitions;
use crate::error::{DecodeError, EncodeError};
use crate::message;
use crate::messages::Message;
use crate::wire::{Reader, Writer};

message! {
    /// What a member of the `sticky` assignor owned last, and in which generation (KIP-54, KIP-341).
    StickyUserData(versions: 0..=1) {
        /// What the member was assigned last.
        previous_assignment: Vec<TopicPartitions>;
        /// The generation of that assignment; -1 if unknown.
        generation: i32 => 1.., default -1;
    }
}

message! {
    /// In which generation a member of the `cooperative-sticky` assignor owned its partitions (KIP-429).
    CooperativeStickyUserData(versions: 0..=0) {
        /// The generation; -1 if unknown.
        generation: i32, default -1;
    }
}

impl StickyUserData {
    /// Reads the newer layout or, where the generation is missing, the older one; gives the version that it was.
    /// Bytes behind either are left alone.
    ///
    /// # Errors
    /// When the bytes are neither.
    pub fn from_bytes(bytes: Bytes) -> Result<(Self, i16), DecodeError> {
        match Self::decode(&mut Reader::new(bytes.clone()), 1) {
            Ok(newer) => Ok((newer, 1)),
            Err(_) => Self::decode(&mut Reader::new(bytes), 0).map(|older| (older, 0)),
        }
    }

    /// Writes the newer layout.
    ///
    /// # Errors
    /// When a topic's name is longer than the protocol can say.
    pub fn to_bytes(&self) -> Result<Bytes, EncodeError> {
        let mut writer = Writer::default();
        self.encode(&mut writer, 1);
        writer.into_bytes()
    }
}

impl CooperativeStickyUserData {
    /// Reads the generation. Bytes behind it are left alone.
    ///
    /// # Errors
    /// When there are fewer than four bytes.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes), 0)
    }

    /// Writes the generation.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut writer = Writer::default();
        self.encode(&mut writer, 0);
        writer.into_bytes().expect("a number has its room")
    }
}
