//! The codecs of record batches, each with a bound on what decompression may produce.
//!
//! Called when a batch is built, read or recompressed; never keeps state between batches. A claimed size is never
//! allocated: output grows as it appears, up to the caller's limit.

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
mod pieces;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::error::{DecodeError, DecodeErrorKind};

pub(super) use pieces::Pieces;

const WHAT: &str = "compressed records";

/// The codecs that Apache Kafka has; `Display` and `FromStr` use the names of `compression.type`.
///
/// ```
/// use kestrel_protocol::record::Compression;
/// assert_eq!("zstd".parse(), Ok(Compression::Zstd));
/// assert_eq!(Compression::Lz4.to_string(), "lz4");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not compressed.
    #[default]
    None,
    /// Gzip (RFC 1952).
    Gzip,
    /// Snappy: written in Java's framing, read in that and raw.
    Snappy,
    /// LZ4 in its frame format.
    Lz4,
    /// Zstandard (KIP-110).
    Zstd,
}

/// A name that no codec of Kafka has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a compression codec: expected none, gzip, snappy, lz4 or zstd")]
pub struct ParseCompressionError;

impl Compression {
    /// All codecs, by number.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec with the number that a batch's attributes hold.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedCompression`] for a number that no codec has.
    pub fn from_id(id: u8) -> Result<Self, DecodeError> {
        Self::ALL
            .get(usize::from(id))
            .copied()
            .ok_or_else(|| DecodeError::new(DecodeErrorKind::UnsupportedCompression(id), WHAT))
    }

    /// The number of the codec in a batch's attributes.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The name of the codec in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Whether the codec was compiled in (cargo features of the same names).
    #[must_use]
    pub const fn is_available(self) -> bool {
        match self {
            Self::None => true,
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Snappy => cfg!(feature = "snappy"),
            Self::Lz4 => cfg!(feature = "lz4"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }

    /// The uncompressed form of `data`, at most `limit_bytes`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedCompression`] when the codec was not compiled in,
    /// [`DecodeErrorKind::InvalidCompression`] for bytes that the codec refuses,
    /// [`DecodeErrorKind::TooLarge`] when more than `limit_bytes` come out.
    pub fn decompress(self, data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecodeError> {
        let result = match self {
            Self::None if data.len() > limit_bytes => Err(Refusal::TooLarge),
            Self::None => Ok(data.to_vec()),
            #[cfg(feature = "gzip")]
            Self::Gzip => gzip::decompress(data, limit_bytes),
            #[cfg(feature = "snappy")]
            Self::Snappy => snappy::decompress(data, limit_bytes),
            #[cfg(feature = "lz4")]
            Self::Lz4 => lz4::decompress(data, limit_bytes),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::decompress(data, limit_bytes),
            #[allow(unreachable_patterns, reason = "reached when a codec is not compiled in")]
            codec => {
                return Err(DecodeError::new(DecodeErrorKind::UnsupportedCompression(codec.id()), WHAT));
            }
        };
        result.map_err(|refusal| refusal.error(limit_bytes))
    }

    /// Gives the uncompressed form of `data` to `visitor`, a piece at a time: in memory for a few blocks of the codec.
    ///
    /// # Errors
    /// As [`Self::decompress`] for the codec; what the visitor fails with.
    pub(super) fn visit(self, data: &[u8], visitor: impl Visitor) -> Result<(), DecodeError> {
        match self {
            Self::None if data.len() > visitor.limit_bytes() => {
                Err(Refusal::TooLarge.error(visitor.limit_bytes()))
            }
            Self::None => visitor.visit(data),
            #[cfg(feature = "gzip")]
            Self::Gzip => visitor.visit(pieces::of_stream(gzip::decoder(data))),
            #[cfg(feature = "snappy")]
            Self::Snappy => {
                let limit_bytes = visitor.limit_bytes();
                visitor.visit(pieces::BlockPieces::new(snappy::Blocks::new(data), limit_bytes))
            }
            #[cfg(feature = "lz4")]
            Self::Lz4 => {
                let limit_bytes = visitor.limit_bytes();
                visitor.visit(pieces::BlockPieces::new(lz4::Blocks::new(data), limit_bytes))
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let decoder = zstd::decoder(data).map_err(|refusal| refusal.error(visitor.limit_bytes()))?;
                visitor.visit(pieces::of_stream(decoder))
            }
            #[allow(unreachable_patterns, reason = "reached when a codec is not compiled in")]
            codec => Err(DecodeError::new(DecodeErrorKind::UnsupportedCompression(codec.id()), WHAT)),
        }
    }

    /// The levels that Apache Kafka accepts for the codec, and its default (KIP-390).
    const fn levels(self) -> Option<(RangeInclusive<i32>, i32)> {
        match self {
            Self::None | Self::Snappy => None,
            Self::Gzip => Some((1..=9, 6)),
            Self::Lz4 => Some((1..=17, 9)),
            Self::Zstd => Some((-131_072..=22, 3)),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Compression {
    type Err = ParseCompressionError;

    fn from_str(name: &str) -> Result<Self, ParseCompressionError> {
        Self::ALL.into_iter().find(|codec| codec.name() == name).ok_or(ParseCompressionError)
    }
}

/// Takes bytes a piece at a time, whatever codec they come out of.
pub(super) trait Visitor {
    /// How many bytes one block may give; how much may come out in all is the visitor's to watch.
    fn limit_bytes(&self) -> usize;

    /// Reads the bytes to their end.
    fn visit(self, pieces: impl Pieces) -> Result<(), DecodeError>;
}

/// Why compressed bytes give no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The codec does not accept them.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd")),
        expect(dead_code, reason = "only codecs refuse bytes")
    )]
    Invalid,
    /// More than the limit came out.
    TooLarge,
}

impl Refusal {
    pub(super) const fn error(self, limit_bytes: usize) -> DecodeError {
        let kind = match self {
            Self::Invalid => DecodeErrorKind::InvalidCompression,
            Self::TooLarge => DecodeErrorKind::TooLarge { limit_bytes },
        };
        DecodeError::new(kind, WHAT)
    }
}

/// All that comes out of `decoder`, in memory that grows with it; `input_bytes` is how much goes in.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn read_to_limit(
    decoder: impl std::io::Read,
    input_bytes: usize,
    limit_bytes: usize,
) -> Result<Vec<u8>, Refusal> {
    use std::io::Read;

    /// What records usually expand to: the first guess, corrected as output appears.
    const USUAL_EXPANSION: usize = 4;
    let mut output = Vec::with_capacity(input_bytes.saturating_mul(USUAL_EXPANSION).min(limit_bytes));
    let one_more = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(one_more).read_to_end(&mut output).map_err(|_| Refusal::Invalid)?;
    if output.len() > limit_bytes { Err(Refusal::TooLarge) } else { Ok(output) }
}

/// A codec that this build can write, with its level: a validated setting.
///
/// ```
/// use kestrel_protocol::record::{Codec, Compression};
/// assert_eq!(Codec::NONE.compression(), Compression::None);
/// assert!(Codec::new(Compression::Gzip, Some(10)).is_err());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Codec {
    compression: Compression,
    level: i32,
}

/// A codec that can't be written as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The codec was not compiled in.
    #[error("compression codec {0} is not compiled in: enable the cargo feature of that name")]
    NotCompiledIn(Compression),
    /// The codec has no such level.
    #[error("compression codec {codec} has no level {level}")]
    InvalidLevel {
        /// The codec.
        codec: Compression,
        /// The level that was asked for.
        level: i32,
    },
}

impl Codec {
    /// No compression.
    pub const NONE: Self = Self { compression: Compression::None, level: 0 };

    /// `compression` at `level`: gzip 1 to 9 (default 6; -1 is the default too), zstd -131072 to 22 (default 3).
    ///
    /// LZ4 takes 1 to 17 as Apache Kafka does, and writes the same for each: it has its fast mode only.
    ///
    /// # Errors
    /// [`CodecError`] when the codec is not compiled in or has no such level.
    pub fn new(compression: Compression, level: Option<i32>) -> Result<Self, CodecError> {
        if !compression.is_available() {
            return Err(CodecError::NotCompiledIn(compression));
        }
        let level = match (compression.levels(), level) {
            (None, None) => 0,
            (Some((_, default)), None) => default,
            (Some((_, default)), Some(-1)) if compression == Compression::Gzip => default,
            (Some((range, _)), Some(level)) if range.contains(&level) => level,
            (_, Some(level)) => return Err(CodecError::InvalidLevel { codec: compression, level }),
        };
        Ok(Self { compression, level })
    }

    /// Which codec this is.
    #[must_use]
    pub const fn compression(self) -> Compression {
        self.compression
    }

    /// Appends the compressed form of `data` to `output`.
    pub fn compress(self, data: &[u8], output: &mut Vec<u8>) {
        match self.compression {
            #[cfg(feature = "gzip")]
            Compression::Gzip => gzip::compress(data, self.level, output),
            #[cfg(feature = "snappy")]
            Compression::Snappy => snappy::compress(data, output),
            #[cfg(feature = "lz4")]
            Compression::Lz4 => lz4::compress(data, output),
            #[cfg(feature = "zstd")]
            Compression::Zstd => zstd::compress(data, self.level, output),
            // No other codec gets past `new` when it is not compiled in.
            _ => output.extend_from_slice(data),
        }
    }
}
