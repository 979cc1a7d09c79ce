//! The headers of one record (KIP-82): an ordered list in which a key may repeat and a value may be null.
//!
//! Owned form, used by the client's records; the borrowed form is in `view.rs`.

use bytes::Bytes;
use bytestring::ByteString;

/// One header of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Header {
    /// The name; may repeat within a record.
    pub key: ByteString,
    /// The content; `None` is null, which is not the same as empty.
    pub value: Option<Bytes>,
}

/// The headers of a record in order; an empty list allocates nothing.
///
/// ```
/// use kestrel_protocol::record::Headers;
/// let mut headers = Headers::new();
/// headers.push("hop", Some("a".into()));
/// headers.push("hop", Some("b".into()));
/// assert_eq!(headers.last("hop"), Some(Some(&b"b"[..])));
/// assert_eq!(headers.all("hop").count(), 2);
/// for (key, value) in &headers {
///     assert_eq!((key, value.map(<[u8]>::len)), ("hop", Some(1)));
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// No headers, with room for `capacity`.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds a header after the others.
    pub fn push(&mut self, key: impl Into<ByteString>, value: Option<Bytes>) {
        self.0.push(Header { key: key.into(), value });
    }

    /// How many headers there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers in order, borrowed as [`super::RecordBatchBuilder::append`] takes them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Option<&[u8]>)> + Clone {
        self.0.iter().map(|header| (&*header.key, header.value.as_deref()))
    }

    /// The value of the last header named `key`; the inner `None` is a null value.
    #[must_use]
    pub fn last(&self, key: &str) -> Option<Option<&[u8]>> {
        self.0.iter().rev().find(|header| header.key == key).map(|header| header.value.as_deref())
    }

    /// The values of all headers named `key`, in order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.0.iter().filter(move |header| header.key == key).map(|header| header.value.as_deref())
    }

    /// The headers as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[Header] {
        &self.0
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl<K: Into<ByteString>> FromIterator<(K, Option<Bytes>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (K, Option<Bytes>)>>(headers: I) -> Self {
        headers.into_iter().map(|(key, value)| Header { key: key.into(), value }).collect()
    }
}

impl Extend<Header> for Headers {
    fn extend<I: IntoIterator<Item = Header>>(&mut self, headers: I) {
        self.0.extend(headers);
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, Option<&'a [u8]>);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, Header>, fn(&'a Header) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|header| (&*header.key, header.value.as_deref()))
    }
}

impl IntoIterator for Headers {
    type Item = Header;
    type IntoIter = std::vec::IntoIter<Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
