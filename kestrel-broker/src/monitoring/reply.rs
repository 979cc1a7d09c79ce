//! Reply: what a page is answered with, as HTTP has it. Pure.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::text::Format;

/// An answer.
pub(super) type Reply = Response<Full<Bytes>>;

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Metrics,
    Life,
    Service,
}

/// Why a request gets none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPage {
    /// There is nothing at its path.
    Unknown,
    /// It asks for something else than to read it.
    NotToBeRead,
}

/// The pages by their paths.
const PAGES: [(&str, Page); 3] =
    [("/metrics", Page::Metrics), ("/healthz", Page::Life), ("/readyz", Page::Service)];

impl Page {
    /// The page that a request asks for.
    ///
    /// # Errors
    /// When there is none, or it is not asked for to be read.
    pub(super) fn asked(method: &Method, path: &str) -> Result<Self, NoPage> {
        let (_, page) = PAGES.iter().find(|(known, _)| *known == path).ok_or(NoPage::Unknown)?;
        if matches!(*method, Method::GET | Method::HEAD) { Ok(*page) } else { Err(NoPage::NotToBeRead) }
    }
}

/// What a request that gets no page is answered.
pub(super) fn refused(why: NoPage) -> Reply {
    match why {
        NoPage::Unknown => {
            let known = PAGES.map(|(path, _)| path).join(", ");
            line(StatusCode::NOT_FOUND, &format!("there is nothing here, but {known}"))
        }
        NoPage::NotToBeRead => {
            let mut reply = line(StatusCode::METHOD_NOT_ALLOWED, "it can be read only: GET or HEAD");
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            reply
        }
    }
}

/// The metrics.
pub(super) fn metrics(text: String, format: Format) -> Reply {
    reply(StatusCode::OK, format.content_type(), text)
}

/// How a check ended.
pub(super) fn check<T>(outcome: Result<T, String>) -> Reply {
    match outcome {
        Ok(_) => line(StatusCode::OK, "ok"),
        Err(why) => line(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

/// A line of text.
pub(super) fn line(status: StatusCode, text: &str) -> Reply {
    reply(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

fn reply(status: StatusCode, content_type: &'static str, text: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
