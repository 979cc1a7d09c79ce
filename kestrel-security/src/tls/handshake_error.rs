//! Failed handshakes in words: what is wrong, on which side, and what to change. Pure.
//!
//! In TLS 1.3 a client is done before the broker has looked at its certificate: the refusal comes with the first read. So errors
//! of a young connection come here too.

use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// A handshake that failed: one sentence that says what is wrong and what to change. What TLS or the system said is the
/// `source()`.
///
/// ```
/// use std::io;
///
/// use kestrel_security::tls::{HandshakeError, rustls};
///
/// let refused = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
/// let error = HandshakeError::of_client(io::Error::new(io::ErrorKind::InvalidData, refused));
/// assert!(error.to_string().contains("ssl.truststore.location"));
/// assert!(error.is_final());
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct HandshakeError {
    words: String,
    is_final: bool,
    source: io::Error,
}

impl HandshakeError {
    /// The failure as a client has it.
    #[must_use]
    pub fn of_client(error: io::Error) -> Self {
        Self::new(
            error,
            by_client,
            "the broker closed the connection during the TLS handshake: does its port speak TLS, and not \
                  PLAINTEXT or SASL_PLAINTEXT?",
        )
    }

    /// The failure as a broker has it.
    #[must_use]
    pub fn of_server(error: io::Error) -> Self {
        Self::new(error, by_server, "the client closed the connection during the TLS handshake")
    }

    /// Whether to try again is useless until somebody changes something.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.is_final
    }

    fn new(error: io::Error, explain: fn(&Error) -> String, closed: &str) -> Self {
        let reason = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let (words, is_final) = match (reason, error.kind()) {
            (Some(reason), _) => (explain(reason), stays(reason)),
            (None, kind) if is_end(kind) => (closed.to_owned(), false),
            (None, _) => ("the TLS handshake failed".to_owned(), false),
        };
        Self { words, is_final, source: error }
    }
}

/// Whether both sides have to stay as they are for it to fail again: certificates, versions and ciphers that do not fit, or a peer
/// that speaks no TLS. The others may be an accident on the way, or a broker that starts.
const fn stays(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(_)
        | Error::NoCertificatesPresented
        | Error::PeerIncompatible(_)
        | Error::InvalidMessage(_) => true,
        Error::AlertReceived(alert) => {
            certificate_alert(*alert).is_some()
                || matches!(
                    alert,
                    AlertDescription::HandshakeFailure
                        | AlertDescription::ProtocolVersion
                        | AlertDescription::InsufficientSecurity
                )
        }
        _ => false,
    }
}

fn is_end(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// What a client says.
fn by_client(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(problem) => broker_certificate(problem),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            "the broker does not speak TLS on this port: set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or take the port \
             of its listener with TLS"
                .to_owned()
        }
        Error::AlertReceived(alert) => match certificate_alert(*alert) {
            Some(CertificateAlert::Missing) => {
                "the broker wants a client certificate: name one with ssl.keystore.location (ssl.certificate.location and \
                 ssl.key.location)"
                    .to_owned()
            }
            Some(CertificateAlert::Expired) => "the client certificate has expired, says the broker: renew it".to_owned(),
            Some(CertificateAlert::Refused) => {
                "the broker refuses the client certificate, or wants one and got none: one that an authority of the broker's \
                 truststore signed and that has not expired, with the certificates between, is to be named with \
                 ssl.keystore.location (ssl.certificate.location and ssl.key.location)"
                    .to_owned()
            }
            None => alert_in_words(*alert, "the broker"),
        },
        Error::PeerIncompatible(problem) => incompatible(problem, "the broker"),
        other => format!("the TLS handshake with the broker failed: {other}"),
    }
}

/// What a broker says.
fn by_server(error: &Error) -> String {
    match error {
        Error::NoCertificatesPresented => {
            "the client shows no certificate, and ssl.client.auth=required: it needs one in its keystore".to_owned()
        }
        Error::InvalidCertificate(problem) => client_certificate(problem),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            "the client does not speak TLS, and this listener does: it needs security.protocol=SSL or SASL_SSL".to_owned()
        }
        Error::AlertReceived(alert) => match certificate_alert(*alert) {
            Some(CertificateAlert::Expired) => "the client found the broker's certificate expired: renew it".to_owned(),
            Some(_) => {
                "the client refuses the broker's certificate: it needs the authority that signed it in its truststore \
                 (ssl.truststore.location, ssl.ca.location), and to connect by a name that is in the certificate"
                    .to_owned()
            }
            None => alert_in_words(*alert, "the client"),
        },
        Error::PeerIncompatible(problem) => incompatible(problem, "the client"),
        other => format!("the TLS handshake failed: {other}"),
    }
}

fn broker_certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "the broker's certificate was signed by no authority that is trusted here: name the certificate of the one that \
             signed it with ssl.truststore.location (ssl.ca.location)"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            match presented.as_slice() {
                [] => format!(
                    "the broker's certificate has no names (subjectAltName), and is connected to as {expected}: have it made \
                     anew with that name; the common name (CN) does not count"
                ),
                names => format!(
                    "the broker's certificate is for {}, and not for {expected}: connect by one of these names, which the broker \
                     has to advertise, or have the certificate made anew",
                    names.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ")
                ),
            }
        }
        other => certificate(other, "the broker's certificate"),
    }
}

/// A name without the kind that webpki writes around it: `DnsName("a.example")`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

fn client_certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "the client's certificate was signed by no authority that ssl.truststore.location or ssl.truststore.certificates names"
                .to_owned()
        }
        other => certificate(other, "the client's certificate"),
    }
}

/// What is wrong with a certificate, whoever's it is.
fn certificate(problem: &CertificateError, whose: &str) -> String {
    match problem {
        CertificateError::ExpiredContext { time, not_after } => {
            format!(
                "{whose} expired at {}, and it is {} here: renew it, or set the clock",
                Utc(*not_after),
                Utc(*time)
            )
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            format!(
                "{whose} is valid from {} on, and it is {} here: set the clock",
                Utc(*not_before),
                Utc(*time)
            )
        }
        CertificateError::Expired => format!("{whose} has expired: renew it"),
        CertificateError::InvalidPurposeContext { .. } | CertificateError::InvalidPurpose => {
            format!(
                "{whose} is for another purpose (extendedKeyUsage): brokers need serverAuth, clients clientAuth"
            )
        }
        CertificateError::BadSignature => {
            format!(
                "{whose} is not signed by the authority that it names: that one has another key now, or the name is used twice"
            )
        }
        // As webpki names it: what `openssl req -x509` makes is an authority by itself.
        CertificateError::Other(reason) if reason.to_string().contains("CaUsedAsEndEntity") => {
            format!(
                "{whose} is the one of an authority (CA:TRUE), and signs itself: have one made that an authority signed"
            )
        }
        other => format!("{whose} cannot be used: {other}"),
    }
}

/// What an alert says of this side's certificate.
enum CertificateAlert {
    Missing,
    Expired,
    Refused,
}

const fn certificate_alert(alert: AlertDescription) -> Option<CertificateAlert> {
    match alert {
        AlertDescription::CertificateRequired => Some(CertificateAlert::Missing),
        AlertDescription::CertificateExpired => Some(CertificateAlert::Expired),
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied
        | AlertDescription::UnknownCA => Some(CertificateAlert::Refused),
        _ => None,
    }
}

fn alert_in_words(alert: AlertDescription, peer: &str) -> String {
    match alert {
        AlertDescription::ProtocolVersion => old_version(peer),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            nothing_in_common(peer)
        }
        other => format!("{peer} ended the TLS handshake: {other:?}"),
    }
}

fn incompatible(problem: &PeerIncompatible, peer: &str) -> String {
    match problem {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        // What came with 1.2.
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => old_version(peer),
        other => format!("{} ({other:?})", nothing_in_common(peer)),
    }
}

fn old_version(peer: &str) -> String {
    format!(
        "{peer} speaks no version of TLS that is spoken here: 1.2 and 1.3 are, unless ssl.enabled.protocols says less"
    )
}

fn nothing_in_common(peer: &str) -> String {
    format!(
        "{peer} has no cipher, curve or kind of key in common: ECDHE with AES-GCM or ChaCha20 and RSA, ECDSA or Ed25519 are spoken here"
    )
}

/// A moment as a date and a time.
struct Utc(UnixTime);

impl std::fmt::Display for Utc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
    }
}

/// The date of a day since 1970, by the algorithm of Howard Hinnant.
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn io(error: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn a_moment_is_said_as_a_date() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_767_225_599, "2025-12-31 23:59 UTC"),
            (4_102_444_800, "2100-01-01 00:00 UTC"),
        ] {
            assert_eq!(Utc(UnixTime::since_unix_epoch(Duration::from_secs(seconds))).to_string(), expected);
        }
    }

    #[test]
    fn what_a_client_cannot_mend_by_trying_again_is_final() {
        let closed = HandshakeError::of_client(io::ErrorKind::ConnectionReset.into());
        assert!(!closed.is_final() && closed.to_string().contains("does its port speak TLS"), "{closed}");
        let name = CertificateError::NotValidForNameContext {
            expected: "10.0.0.1".try_into().unwrap(),
            presented: vec!["DnsName(\"a.example\")".to_owned()],
        };
        let error = HandshakeError::of_client(io(Error::InvalidCertificate(name)));
        assert!(
            error.is_final() && error.to_string().contains("is for a.example, and not for 10.0.0.1"),
            "{error}"
        );
    }

    #[test]
    fn what_may_be_an_accident_is_tried_again() {
        for (error, is_final) in [
            (Error::AlertReceived(AlertDescription::CertificateExpired), true),
            (Error::AlertReceived(AlertDescription::HandshakeFailure), true),
            (Error::AlertReceived(AlertDescription::InternalError), false),
            (Error::AlertReceived(AlertDescription::UserCanceled), false),
            (Error::DecryptError, false),
            (Error::General("busy".to_owned()), false),
        ] {
            assert_eq!(HandshakeError::of_client(io(error.clone())).is_final(), is_final, "{error}");
        }
    }

    #[test]
    fn the_two_sides_have_different_words() {
        let alert = || io(Error::AlertReceived(AlertDescription::UnknownCA));
        assert!(HandshakeError::of_client(alert()).to_string().contains("refuses the client certificate"));
        assert!(HandshakeError::of_server(alert()).to_string().contains("refuses the broker's certificate"));
        let old = || io(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered));
        assert!(HandshakeError::of_server(old()).to_string().contains("the client speaks no version"));
    }
}
