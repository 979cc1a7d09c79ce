//! What names and the bytes of records may be given as: owned or borrowed, as the caller has them.
//!
//! All of it is copied on its way into a batch or a request, so borrowing costs no more than giving away.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::ByteString;

/// The name of a topic or group: `&str`, `String`, `Arc<str>`, or a reference to one of them.
///
/// ```
/// use kestrel_client::admin::NewTopic;
/// use kestrel_client::{Record, TopicPartition};
///
/// let names = vec!["clicks".to_owned(), "views".to_owned()];
/// let partitions: Vec<TopicPartition> = names.iter().map(|name| TopicPartition::new(name, 0)).collect();
/// let topics: Vec<NewTopic> = names.iter().map(NewTopic::new).collect();
/// assert_eq!(Record::to(&names[0]).topic, partitions[0].topic);
/// # assert_eq!(topics.len(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a topic or group",
    note = "names are `&str`, `String`, `Arc<str>`, or references to them"
)]
pub trait IntoName {
    /// The name.
    fn into_name(self) -> Arc<str>;
}

impl IntoName for Arc<str> {
    fn into_name(self) -> Arc<str> {
        self
    }
}

impl IntoName for &Arc<str> {
    fn into_name(self) -> Arc<str> {
        Arc::clone(self)
    }
}

macro_rules! names {
    ($($owned:ty),+ $(,)?) => {
        $(impl IntoName for $owned {
            fn into_name(self) -> Arc<str> {
                let name: &str = &self;
                Arc::from(name)
            }
        })+
    };
}

names!(
    &str,
    &&str,
    &mut str,
    String,
    &String,
    &&String,
    Box<str>,
    &Box<str>,
    Cow<'_, str>,
    &Cow<'_, str>,
    ByteString,
    &ByteString
);

/// The key or value of a record, or the value of a header: text or bytes, owned or borrowed; `None` is null.
///
/// ```
/// use kestrel_client::Record;
///
/// let (customer, trace) = (String::from("ada"), [7, 8]);
/// let record = Record::to("orders").key(&customer).value(b"{}").header("trace", &trace).header("note", None::<&str>);
/// assert_eq!(record.key.as_deref(), Some(&b"ada"[..]));
/// assert_eq!(record.headers.last("note"), Some(None));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither text nor bytes",
    note = "keys, values and header values are `&str`, `String`, `&[u8]`, `Vec<u8>`, `Bytes`, references to them, or an `Option`",
    note = "for values of other types there is `Producer::topic`"
)]
pub trait IntoField {
    /// The bytes; `None` for null.
    fn into_field(self) -> Option<Bytes>;
}

macro_rules! fields {
    ($($given:ty),+; text: $($text:ty),+; bytes: $($bytes:ty),+ $(,)?) => {
        $(impl IntoField for $given {
            fn into_field(self) -> Option<Bytes> {
                Some(self.into())
            }
        })+
        $(impl IntoField for $text {
            fn into_field(self) -> Option<Bytes> {
                let text: &str = &self;
                Some(Bytes::copy_from_slice(text.as_bytes()))
            }
        })+
        $(impl IntoField for $bytes {
            fn into_field(self) -> Option<Bytes> {
                let bytes: &[u8] = &self;
                Some(Bytes::copy_from_slice(bytes))
            }
        })+
    };
}

fields! {
    Bytes, Vec<u8>, Box<[u8]>, String;
    text: &str, &&str, &String, Box<str>, &Box<str>, Arc<str>, &Arc<str>, Cow<'_, str>, &Cow<'_, str>, ByteString, &ByteString;
    bytes: &[u8], &&[u8], &Vec<u8>, &Bytes, &Box<[u8]>, Arc<[u8]>, &Arc<[u8]>, Cow<'_, [u8]>, &Cow<'_, [u8]>,
}

impl<const N: usize> IntoField for [u8; N] {
    fn into_field(self) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(&self))
    }
}

impl<const N: usize> IntoField for &[u8; N] {
    fn into_field(self) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(self))
    }
}

impl<T: IntoField> IntoField for Option<T> {
    fn into_field(self) -> Option<Bytes> {
        self.and_then(IntoField::into_field)
    }
}
