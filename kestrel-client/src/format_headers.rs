//! The headers of a record as formats read them, wherever the record is: in the application's hands or in a batch.

use kestrel_protocol::record::{Header, HeadersView};
use kestrel_serde::ReadHeaders;

/// The headers of a record that is sent, or that a deserializer waits for.
#[derive(Debug)]
pub(crate) struct OwnHeaders<'a>(pub(crate) &'a [Header]);

impl ReadHeaders for OwnHeaders<'_> {
    fn last(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().rfind(|header| header.key == name)?.value.as_deref()
    }
}

/// The headers of a record in the batch that it came in.
#[derive(Debug)]
pub(crate) struct StoredHeaders<'a>(pub(crate) HeadersView<'a>);

impl ReadHeaders for StoredHeaders<'_> {
    fn last(&self, name: &str) -> Option<&[u8]> {
        self.0.filter(|header| header.key_bytes == name.as_bytes()).last()?.value
    }
}
