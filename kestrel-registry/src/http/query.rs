//! The parts of an address: segments of the path, and parameters.

use percent_encoding::percent_decode_str;

use crate::error::Refusal;
use crate::machine::{Page, Shown};

/// The segments of a path, decoded one by one: a `%2F` is part of a name, and not a border. A slash at the end is none either.
///
/// # Errors
/// When one is empty, which no name is, or what is encoded is no UTF-8.
pub(super) fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let decoded = |part: &str| match percent_decode_str(part).decode_utf8() {
        Ok(name) if !name.is_empty() => Ok(name.into_owned()),
        _ => Err(Refusal::no_such_path()),
    };
    path.split('/').map(decoded).collect()
}

/// The parameters of an address, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let decoded = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self(pairs.map(pair).collect())
    }

    /// The parameter with this name, as often as it comes.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The text of a parameter; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// Whether a parameter is `true`, however it is written.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Which versions count: the live ones, unless `deleted` or `deletedOnly` says otherwise.
    pub(super) fn shown(&self) -> Shown {
        match (self.flag("deletedOnly"), self.flag("deleted")) {
            (true, _) => Shown::Deleted,
            (false, true) => Shown::All,
            (false, false) => Shown::Live,
        }
    }

    /// `offset` and `limit`; a limit that is not positive is none.
    pub(super) fn page(&self) -> Result<Page, Refusal> {
        let offset = self.number("offset")?.unwrap_or(0);
        let limit = self.number("limit")?.filter(|limit| *limit > 0);
        Ok(Page {
            offset: usize::try_from(offset).unwrap_or(0),
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
        })
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse =
            |value: &str| value.parse().map_err(|_| Refusal::malformed_parameter(name, value, "a number"));
        self.get(name).filter(|value| !value.is_empty()).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_anything_in_them() {
        assert_eq!(segments("/subjects/a%2Fb%20c+d/versions/").unwrap(), ["subjects", "a/b c+d", "versions"]);
        assert_eq!(segments("/subjects/%3A.lab%3Aclicks").unwrap(), ["subjects", ":.lab:clicks"]);
        assert!(segments("/subjects/%ff").is_err());
        assert!(segments("/").unwrap().is_empty());
    }

    #[test]
    fn parameters_are_read() {
        let query = Query::parse("deleted=True&key=a%26b&value=x+y&key=c&limit=-1&offset=3&&empty");
        assert!(query.flag("deleted") && !query.flag("permanent") && !query.flag("empty"));
        assert_eq!(query.all("key").collect::<Vec<_>>(), ["a&b", "c"]);
        assert_eq!(query.get("value"), Some("x y"));
        assert_eq!(query.page().unwrap(), Page { offset: 3, limit: None });
        assert_eq!(query.shown(), Shown::All);
        assert!(Query::parse("limit=many").page().is_err());
        assert_eq!(Query::parse("deleted=true&deletedOnly=true").shown(), Shown::Deleted);
    }
}
