//! A line of text that is a value, or a key and a value with something between them.

use bytes::Bytes;
use kestrel_client::Headers;

use super::{Content, Draft};

/// How lines of text are taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextLines {
    /// What stands between key and value; `None` where there are no keys.
    key_separator: Option<Vec<u8>>,
    /// What a key or a value is written as that is null.
    null_text: Option<Vec<u8>>,
}

impl TextLines {
    /// Lines with keys before this separator, if there is one, in which this text, if there is one, is null.
    pub(crate) fn new(key_separator: Option<Vec<u8>>, null_text: Option<Vec<u8>>) -> Self {
        Self { key_separator, null_text }
    }

    pub(super) fn read(&self, line: &[u8]) -> Result<Draft, String> {
        let (key, value) = match &self.key_separator {
            None => (None, line),
            Some(separator) => {
                let at = find(line, separator).ok_or_else(|| {
                    format!("there is no separator {:?} after a key", String::from_utf8_lossy(separator))
                })?;
                (Some(&line[..at]), &line[at + separator.len()..])
            }
        };
        Ok(Draft {
            topic: None,
            partition: None,
            timestamp_millis: None,
            headers: Headers::new(),
            key: Content::Bytes(key.and_then(|key| self.part(key))),
            value: Content::Bytes(self.part(value)),
        })
    }

    fn part(&self, bytes: &[u8]) -> Option<Bytes> {
        (self.null_text.as_deref() != Some(bytes)).then(|| Bytes::copy_from_slice(bytes))
    }
}

fn find(line: &[u8], what: &[u8]) -> Option<usize> {
    line.windows(what.len().max(1)).position(|window| window == what)
}
