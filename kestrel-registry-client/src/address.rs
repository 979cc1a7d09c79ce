//! Address: where a registry is, from a URL. Pure.

use std::fmt;

use hyper::Uri;
use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::authentication::basic;

/// Where a registry is. Shown without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    is_encrypted: bool,
    /// An IPv6 address in brackets.
    host: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
}

/// The reason why a text is no address. It has nothing of the text in it, which may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidAddress(&'static str);

impl Address {
    /// Reads a URL, and the user and password in it as the value of an `Authorization` header.
    pub(crate) fn parse(url: &str) -> Result<(Self, Option<HeaderValue>), InvalidAddress> {
        let invalid = |problem| Err(InvalidAddress(problem));
        let Ok(uri) = url.trim().parse::<Uri>() else {
            return invalid("expected a URL such as http://registry.example:8081");
        };
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return invalid("expected a URL that begins with http:// or https://"),
        };
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
            return invalid("the URL has no host");
        };
        if uri.query().is_some() {
            return invalid("the URL has a query, where the registry's paths are to be appended");
        }
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        let port = authority.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok((
            Self { is_encrypted, host: authority.host().to_ascii_lowercase(), port, path },
            user.map(credentials),
        ))
    }

    pub(crate) const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The host without the brackets of an IPv6 address.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The value of the header `Host`.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// The `Authorization` of `user:password`, both percent-encoded.
fn credentials(user: &str) -> HeaderValue {
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    basic(&decoded(user), &decoded(password))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_defaults_and_lose_what_is_secret() {
        for (url, shown, authorization) in [
            ("http://registry:8081", "http://registry:8081", None),
            (" http://10.0.0.1/ ", "http://10.0.0.1:80", None),
            ("https://[::1]/apis/ccompat/v7/", "https://[::1]:443/apis/ccompat/v7", None),
            ("https://KEY:a%2Bb%40@sr.example", "https://sr.example:443", Some("Basic S0VZOmErYkA=")),
            ("http://ada@registry", "http://registry:80", Some("Basic YWRhOg==")),
        ] {
            let (address, found) = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(found.as_ref().map(|value| value.to_str().unwrap()), authorization, "{url}");
            assert!(!format!("{address:?}{found:?}").contains("S0VZ"), "secrets are not shown");
        }
        let (address, _) = Address::parse("https://[::1]/apis").unwrap();
        assert_eq!((address.bare_host(), address.authority()), ("::1", "[::1]:443".to_owned()));
        assert_eq!(address.path(), "/apis");
    }

    #[test]
    fn what_is_no_url_is_refused_without_what_may_be_secret() {
        for url in [
            "",
            "registry:8081",
            "opensesame",
            "ftp://opensesame@registry",
            "http://",
            "http:///opensesame",
            "http://registry/?key=opensesame",
        ] {
            let error = Address::parse(url).expect_err(url).to_string();
            assert!(!error.contains("opensesame"), "{error}");
        }
    }
}
