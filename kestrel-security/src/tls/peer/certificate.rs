//! What of an X.509 certificate is looked at: whose it is, and until when it is valid. Pure.

use std::time::Duration;

use pkcs8::der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use pkcs8::der::{Decode, Error, SliceReader, Tag, Tagged};

use super::distinguished_name::distinguished_name;

/// What of a certificate is looked at.
///
/// It is read from a certificate that TLS has checked already, or from one's own: nothing here says that it is valid.
///
/// ```
/// use kestrel_security::tls::peer::Certificate;
///
/// assert_eq!(Certificate::read(b"no certificate"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    subject: String,
    not_after: Duration,
}

impl Certificate {
    /// Reads the DER of a certificate; `None` when it is none.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        read(der).ok()
    }

    /// Whose it is, as Java and so Kafka writes it: RFC 2253, `CN=alice,OU=Clients,O=Example`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The last moment at which it is valid, since 1970.
    #[must_use]
    pub const fn not_after(&self) -> Duration {
        self.not_after
    }
}

/// Walks to the subject: `SEQUENCE { tbs SEQUENCE { [0] version, serial, algorithm, issuer, validity, subject, … }, … }`.
fn read(der: &[u8]) -> Result<Certificate, Error> {
    let mut outer = SliceReader::new(der)?;
    let mut certificate = sequence(&mut outer)?;
    let mut tbs = sequence(&mut certificate)?;
    if Tag::peek(&tbs)?.is_context_specific() {
        AnyRef::decode(&mut tbs)?;
    }
    let _serial_algorithm_and_issuer =
        [AnyRef::decode(&mut tbs)?, AnyRef::decode(&mut tbs)?, AnyRef::decode(&mut tbs)?];
    let mut validity = sequence(&mut tbs)?;
    let _not_before = AnyRef::decode(&mut validity)?;
    let not_after = time(AnyRef::decode(&mut validity)?)?;
    Ok(Certificate { subject: distinguished_name(sequence(&mut tbs)?)?, not_after })
}

/// The inside of the sequence that comes next.
pub(super) fn sequence<'a>(reader: &mut SliceReader<'a>) -> Result<SliceReader<'a>, Error> {
    inside(reader, Tag::Sequence)
}

/// The inside of what comes next, which has this tag.
pub(super) fn inside<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<SliceReader<'a>, Error> {
    let any = AnyRef::decode(reader)?;
    any.tag().assert_eq(tag)?;
    SliceReader::new(any.value())
}

fn time(any: AnyRef<'_>) -> Result<Duration, Error> {
    match any.tag() {
        Tag::UtcTime => any.decode_as::<UtcTime>().map(|time| time.to_unix_duration()),
        _ => any.decode_as::<GeneralizedTime>().map(|time| time.to_unix_duration()),
    }
}
