//! Request: what is asked of a registry, before it is known which address will be asked. Pure.

use bytes::Bytes;
use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// What a part of a path or a query may have as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is asked of a registry.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    /// Encoded, from the registry's own path on.
    path: String,
    body: Option<Bytes>,
}

impl Request {
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub(crate) fn post(path: &[&str], body: &impl Serialize) -> Self {
        Self::new(Method::POST, path).with_body(body)
    }

    pub(crate) fn put(path: &[&str], body: &impl Serialize) -> Self {
        Self::new(Method::PUT, path).with_body(body)
    }

    fn new(method: Method, segments: &[&str]) -> Self {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, ESCAPED));
        }
        Self { method, path, body: None }
    }

    fn with_body(self, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("requests have a form in JSON");
        Self { body: Some(body.into()), ..self }
    }

    /// Adds a parameter.
    pub(crate) fn query(&mut self, name: &str, value: &str) {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        self.path.push('=');
        self.path.extend(utf8_percent_encode(value, ESCAPED));
    }

    pub(crate) const fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn body(&self) -> Bytes {
        self.body.clone().unwrap_or_default()
    }

    /// Whether to do it twice is as good as once: so is everything but to delete, which says the second time that there is nothing.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.method != Method::DELETE
    }

    /// As it is named in errors.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded() {
        let mut request = Request::get(&["subjects", ":.a b:c/d?é", "versions", "1"]);
        request.query("format", "a&b");
        request.query("deleted", "true");
        assert_eq!(
            request.describe(),
            "GET /subjects/%3A.a%20b%3Ac%2Fd%3F%C3%A9/versions/1?format=a%26b&deleted=true"
        );
    }
}
