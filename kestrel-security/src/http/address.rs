//! HttpAddress: where an issuer of tokens serves something.

use core::net::IpAddr;
use std::fmt;

use hyper::Uri;

/// An `https` address, or an `http` one of this machine. Shown without its query, which may have anything in it.
///
/// ```
/// use kestrel_security::http::HttpAddress;
///
/// let address = HttpAddress::parse("https://issuer.example/oauth2/token?tenant=1")?;
/// assert_eq!(address.to_string(), "https://issuer.example:443/oauth2/token");
/// assert!(HttpAddress::parse("http://issuer.example/oauth2/token").is_err());
/// # Ok::<(), kestrel_security::http::InvalidAddress>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAddress {
    is_encrypted: bool,
    host: String,
    port: u16,
    path: String,
}

/// The reason why a text is no [`HttpAddress`]. It has nothing of the text in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(&'static str);

impl HttpAddress {
    /// Reads an address. One without encryption has to be of this machine: `localhost`, or a loopback address.
    ///
    /// # Errors
    /// When it is none of these, or has a user in it.
    pub fn parse(url: &str) -> Result<Self, InvalidAddress> {
        let invalid = |problem| Err(InvalidAddress(problem));
        let Ok(uri) = url.trim().parse::<Uri>() else {
            return invalid("expected an address such as https://issuer.example/path");
        };
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return invalid("only https:// and http:// are spoken");
            }
        };
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
            return invalid("the host is missing");
        };
        if authority.as_str().contains('@') {
            return invalid("id and secret do not belong into the address");
        }
        let port = authority.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let address = Self { is_encrypted, host: authority.host().to_owned(), port, path };
        if !is_encrypted && !is_of_this_machine(address.bare_host()) {
            return invalid("http:// can be read and changed by everybody on the way: it has to be https://");
        }
        Ok(address)
    }

    /// Whether it is spoken to by TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The host as the address has it: an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, which is 443 or 80 where the address has none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host without the brackets of an IPv6 address.
    #[must_use]
    pub fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// Whether a name leads to the machine itself, without a question to anybody.
fn is_of_this_machine(host: &str) -> bool {
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}:{}{path}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_defaults_and_hide_their_query() {
        for (url, shown, path) in [
            (
                "https://issuer.example/oauth2/token?x=1",
                "https://issuer.example:443/oauth2/token",
                "/oauth2/token?x=1",
            ),
            (" http://127.0.0.1:8080 ", "http://127.0.0.1:8080/", "/"),
            ("https://[::1]:8443/t", "https://[::1]:8443/t", "/t"),
            ("http://[::1]:8080/t", "http://[::1]:8080/t", "/t"),
            ("http://localhost/t", "http://localhost:80/t", "/t"),
        ] {
            let address = HttpAddress::parse(url).unwrap();
            assert_eq!((address.to_string(), address.path()), (shown.to_owned(), path));
        }
        assert_eq!(HttpAddress::parse("https://[::1]:8443/t").unwrap().bare_host(), "::1");
    }

    #[test]
    fn what_is_no_address_is_refused_without_what_may_be_secret() {
        for url in [
            "",
            "issuer.example/token",
            "file:///tmp/token",
            "ftp://a/b",
            "https://",
            "https:///path",
            "https://id:opensesame@host/",
            "http://issuer.example/token",
            "http://10.0.0.1/token",
            "http://localhost.example/token",
        ] {
            let error = HttpAddress::parse(url).expect_err(url).to_string();
            assert!(!error.contains("opensesame"), "{error}");
        }
    }
}
