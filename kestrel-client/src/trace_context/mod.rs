//! TraceContext: the trace that a record belongs to, as the W3C's Trace Context says it in the headers `traceparent` and `tracestate`.
//!
//! Pure: [`ClientBuilder::trace_context`](crate::ClientBuilder::trace_context) takes what gives the current one, producers write it
//! ([`headers`]), and whoever has a record reads it. Nothing here knows a library of tracing.

use std::fmt;
use std::sync::Arc;

use kestrel_serde::ReadHeaders;

mod headers;
mod source;
mod state;

pub(crate) use headers::TraceHeaders;
pub(crate) use source::TraceSource;

/// The name of the header that says trace, span and flags.
const TRACEPARENT: &str = "traceparent";
/// The name of the header that tracing systems say their own in.
const TRACESTATE: &str = "tracestate";
/// The length of a `traceparent` of version 00, which is how one of any version begins.
const TRACEPARENT_LEN: usize = 55;
/// The flags that have a meaning: sampled, and random (of level 2).
const KNOWN_FLAGS: u8 = 0b11;
const SAMPLED: u8 = 0b01;

/// The place of a record in a distributed trace (W3C Trace Context): a trace, the span that sent it, and flags.
///
/// Producers write it into the record's headers when
/// [`ClientBuilder::trace_context`](crate::ClientBuilder::trace_context) is set, and
/// [`ConsumerRecord::trace_context`](crate::ConsumerRecord::trace_context) reads what any client has written.
///
/// ```
/// use kestrel_client::TraceContext;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context = TraceContext::parse(text, Some("vendor=t61rcWkgMzE")).expect("it has the form");
/// assert!(context.is_sampled());
/// assert_eq!(context.span_id(), 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
/// assert_eq!((context.to_string(), context.state()), (text.to_owned(), "vendor=t61rcWkgMzE"));
/// assert_eq!(TraceContext::parse("00-0-0-01", None), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
    /// What is in `tracestate`; `None` for nothing.
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// The context of a span. `None` when one of the ids is zero, which stands for none. Of `flags`, 1 (sampled) and 2 (the trace id
    /// is random) are kept.
    #[must_use]
    pub const fn new(trace_id: [u8; 16], span_id: [u8; 8], flags: u8) -> Option<Self> {
        if u128::from_be_bytes(trace_id) == 0 || u64::from_be_bytes(span_id) == 0 {
            return None;
        }
        Some(Self { trace_id, span_id, flags: flags & KNOWN_FLAGS, state: None })
    }

    /// The same with what tracing systems say beside, as `tracestate` has it. One that is not well-formed, has more than 32
    /// entries or more than 512 bytes is left out.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        self.state = state::checked(state.as_bytes()).map(Arc::from);
        self
    }

    /// Reads the values of both headers. `None` where the first is not well-formed: then a new trace begins. A `tracestate` that is
    /// not is left out.
    #[must_use]
    pub fn parse(traceparent: impl AsRef<[u8]>, tracestate: Option<&str>) -> Option<Self> {
        let context = parse_traceparent(traceparent.as_ref())?;
        Some(context.with_state(tracestate.unwrap_or_default()))
    }

    /// What the headers of a record say: of headers that are there twice, the last.
    pub(crate) fn of(headers: &dyn ReadHeaders) -> Option<Self> {
        let mut context = parse_traceparent(headers.last(TRACEPARENT)?)?;
        context.state = headers.last(TRACESTATE).and_then(state::checked).map(Arc::from);
        Some(context)
    }

    /// The trace.
    #[must_use]
    pub const fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The span that has sent the record: the parent of what is done with it.
    #[must_use]
    pub const fn span_id(&self) -> [u8; 8] {
        self.span_id
    }

    /// The flags: 1 for sampled, 2 for a trace id that is random.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the sender's span may have been recorded.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// What tracing systems say beside, as `tracestate` has it; empty for nothing.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }

    /// The value of the header `traceparent`.
    fn traceparent(&self) -> [u8; TRACEPARENT_LEN] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text, 3, &self.trace_id);
        write_hex(&mut text, 36, &self.span_id);
        write_hex(&mut text, 53, &[self.flags]);
        text
    }
}

impl fmt::Display for TraceContext {
    /// The value of the header `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.traceparent();
        f.write_str(std::str::from_utf8(&text).expect("hexadecimal digits and dashes are text"))
    }
}

/// Reads a `traceparent` of any version: what a later one appends is passed over.
fn parse_traceparent(text: &[u8]) -> Option<TraceContext> {
    let (fixed, rest) = text.split_first_chunk::<TRACEPARENT_LEN>()?;
    let mut fields = fixed.split(|&byte| byte == b'-');
    let [version] = read_hex(fields.next()?)?;
    let (trace_id, span_id) = (read_hex(fields.next()?)?, read_hex(fields.next()?)?);
    let [flags] = read_hex(fields.next()?)?;
    let has_form = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|&byte| byte == b'-'),
    };
    TraceContext::new(trace_id, span_id, flags).filter(|_| has_form && fields.next().is_none())
}

/// Exactly `N` bytes, as pairs of digits in lower case.
fn read_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

const fn digit(text: u8) -> Option<u8> {
    match text {
        b'0'..=b'9' => Some(text - b'0'),
        b'a'..=b'f' => Some(text - b'a' + 10),
        _ => None,
    }
}

fn write_hex(text: &mut [u8; TRACEPARENT_LEN], at: usize, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    for (place, nibble) in text.iter_mut().skip(at).zip(nibbles) {
        *place = DIGITS[usize::from(nibble)];
    }
}

#[cfg(test)]
mod tests;
