//! Dead letters: what could not be read, with where it came from and why, for somebody to look at.

use kestrel_client::{DeserializeError, Error, Producer, Record};

use super::model::DEAD_LETTERS;

/// Writes to the dead-letter topic.
#[derive(Clone)]
pub(crate) struct DeadLetters(Producer);

impl DeadLetters {
    pub(crate) fn new(producer: &Producer) -> Self {
        Self(producer.clone())
    }

    /// Stores a record that is poison with its own key, value and headers. It is stored when this returns: only then may the
    /// record count as done.
    pub(crate) async fn bury(&self, poison: &DeserializeError) -> Result<(), Error> {
        let original = &poison.record;
        let mut letter = Record::to(DEAD_LETTERS)
            .headers(original.headers.clone())
            .header("dlq.topic", &*original.topic)
            .header("dlq.partition", original.partition.to_string())
            .header("dlq.offset", original.offset.to_string())
            .header("dlq.error", poison.to_string());
        if let Some(key) = &original.key {
            letter = letter.key(key.clone());
        }
        if let Some(value) = &original.value {
            letter = letter.value(value.clone());
        }
        self.0.send(letter).await?.await?;
        Ok(())
    }
}
