//! TokenEndpoint: the address that tokens are asked for at.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

/// An `http` or `https` address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenEndpoint {
    pub(super) is_encrypted: bool,
    /// As the address has it: an IPv6 address in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query.
    pub(super) path: String,
}

/// A text that is no address of a token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the token endpoint: {0}")]
pub struct InvalidEndpoint(&'static str);

impl TokenEndpoint {
    pub(super) fn parse(url: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = |problem| Err(InvalidEndpoint(problem));
        let Ok(uri) = url.trim().parse::<Uri>() else {
            return invalid("expected an address such as https://issuer.example/oauth2/token");
        };
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return invalid(
                    "only https:// and http:// are spoken; a file is read by a provider of yours",
                );
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
        let endpoint = Self { is_encrypted, host: authority.host().to_owned(), port, path };
        if !is_encrypted && !is_of_this_machine(endpoint.bare_host()) {
            return invalid(
                "http:// would show the client's secret to everybody on the way: it has to be https://",
            );
        }
        Ok(endpoint)
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// Whether a name leads to the machine itself, without a question to anybody.
fn is_of_this_machine(host: &str) -> bool {
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}

/// The address without its query, which may have anything in it.
impl fmt::Display for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}:{}{path}", self.host, self.port)
    }
}

/// A text as a form has it, like Java's URLEncoder.
pub(super) fn form_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b if b.is_ascii_alphanumeric() || b".-*_".contains(&b) => escaped.push(char::from(b)),
            b => escaped.push_str(&format!("%{b:02X}")),
        }
    }
    escaped
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
            let endpoint = TokenEndpoint::parse(url).unwrap();
            assert_eq!((endpoint.to_string(), &*endpoint.path), (shown.to_owned(), path));
        }
        assert_eq!(TokenEndpoint::parse("https://[::1]:8443/t").unwrap().bare_host(), "::1");
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
            let error = TokenEndpoint::parse(url).expect_err(url).to_string();
            assert!(!error.contains("opensesame"), "{error}");
        }
    }

    #[test]
    fn forms_are_escaped_as_in_java() {
        assert_eq!(
            form_escaped("api://kafka/.default a-b_c*~é"),
            "api%3A%2F%2Fkafka%2F.default+a-b_c*%7E%C3%A9"
        );
    }
}
