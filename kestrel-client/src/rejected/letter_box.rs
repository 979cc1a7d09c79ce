//! LetterBox: where a consumer's dead letters go: a producer that is made for the first one, the application's, or memory.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::config::Acks;
use crate::error::{Error, Result, Severity};
use crate::producer::{Delivery, Producer};
use crate::record::Record;

/// Where dead letters go.
#[derive(Debug)]
pub(crate) enum LetterBox {
    /// To a producer of its own: most consumers never write a letter.
    Own { client: Client, producer: Mutex<Arc<OnceCell<Producer>>> },
    /// To a producer that the application has made.
    Given(Producer),
    /// Into memory, for a test.
    Kept(LetterPaper),
}

/// Below what a broker takes in one request (socket.request.max.bytes): what counts is the limit of the topic.
const MAX_REQUEST_BYTES: usize = 96 << 20;

/// The letters that a test can look at.
pub(crate) type LetterPaper = Arc<Mutex<Vec<Record>>>;

/// A letter that is on its way; `None` when it has arrived.
pub(super) type OnItsWay = Option<Delivery>;

impl LetterBox {
    pub(crate) fn new(client: Client, given: Option<Producer>) -> Self {
        match given {
            Some(producer) => Self::Given(producer),
            None => Self::Own { client, producer: Mutex::default() },
        }
    }

    /// Accepts a letter, after those that were accepted before; [`Self::arrived`] waits until it is stored.
    pub(super) async fn accept(&self, letter: Record) -> Result<OnItsWay> {
        match self {
            Self::Own { client, producer } => {
                let place = producer.lock().clone();
                let own = place.get_or_try_init(|| start(client)).await?;
                own.send_on(letter).await.map(Some).inspect_err(|error| self.note(error))
            }
            Self::Given(producer) => producer.send_on(letter).await.map(Some),
            Self::Kept(paper) => {
                paper.lock().push(letter);
                Ok(None)
            }
        }
    }

    /// Waits until a letter is stored.
    pub(super) async fn arrived(&self, letter: OnItsWay) -> Result<()> {
        let Some(delivery) = letter else { return Ok(()) };
        delivery.await.map(drop).inspect_err(|error| self.note(error))
    }

    /// A producer that is finished is replaced by the next letter.
    fn note(&self, error: &Error) {
        if let (Self::Own { producer, .. }, Severity::Fatal) = (self, error.severity()) {
            *producer.lock() = Arc::default();
        }
    }
}

/// The client's own settings, but a letter is stored when it is acknowledged, waits for no other, and is as large as its topic
/// allows.
async fn start(client: &Client) -> Result<Producer> {
    let producer =
        client.producer().acks(Acks::All).linger(Duration::ZERO).max_request_size(MAX_REQUEST_BYTES);
    producer.without_transactional_id().build().await
}
