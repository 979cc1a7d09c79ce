//! Fetches the keys of an issuer from where they are: a file, or an address.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use kestrel_security::http::http_body_util::Full;
use kestrel_security::http::hyper::header::{ACCEPT, HOST};
use kestrel_security::http::hyper::{Request, StatusCode, http};
use kestrel_security::http::{HttpAddress, HttpError, exchange};
use kestrel_security::jwt::{KeySet, KeySetError};
use kestrel_security::tls::{ClientTls, HandshakeError, Reloading, TlsError, server_name};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::KeySource;

/// How long a fetch may take, from the first byte to the last.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most bytes of a file of keys.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// The reason why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, io::Error),
    #[error("{0} is not a file")]
    NoFile(PathBuf),
    #[error("{0} has more than the {MAX_FILE_BYTES} bytes that are read of keys")]
    TooLarge(PathBuf),
    #[error("{0} could not be read within {PATIENCE:?}")]
    Stuck(PathBuf),
    #[error("{0} cannot be reached: {1}")]
    Connect(HttpAddress, io::Error),
    #[error("the certificates that are trusted for {0} cannot be used: {1}")]
    Certificates(HttpAddress, TlsError),
    #[error("{0} cannot be spoken to by TLS: {1}")]
    Tls(HttpAddress, HandshakeError),
    #[error("{0} did not answer as HTTP says: {1}")]
    Http(HttpAddress, HttpError),
    #[error("{0} cannot be asked for: {1}")]
    Request(HttpAddress, http::Error),
    #[error("{0} answered {1}")]
    Status(HttpAddress, StatusCode),
    #[error("{0} did not answer within {PATIENCE:?}")]
    Timeout(HttpAddress),
    #[error("what is at {0} are no keys: {1}")]
    Keys(String, KeySetError),
    #[error("what is at {0} has no key that verifies anything{1}")]
    NoKey(String, String),
}

/// Fetches the keys.
///
/// # Errors
/// When there is none of use.
pub(super) async fn fetch(source: &KeySource) -> Result<KeySet, FetchError> {
    let (place, document) = match source {
        KeySource::File(path) => (path.display().to_string(), read(path).await?),
        KeySource::Url(address, tls) => {
            let answered = timeout(PATIENCE, get(address, tls)).await;
            (address.to_string(), answered.unwrap_or_else(|_| Err(FetchError::Timeout(address.clone())))?)
        }
    };
    let keys = KeySet::from_json(&document).map_err(|error| FetchError::Keys(place.clone(), error))?;
    // An issuer without a key would end all logins: rather the keys that there were.
    if keys.is_empty() {
        let left_out = keys.left_out().iter().map(|key| format!("; {key}")).collect();
        return Err(FetchError::NoKey(place, left_out));
    }
    Ok(keys)
}

async fn read(path: &Path) -> Result<Bytes, FetchError> {
    let file = path.to_owned();
    let read = spawn_blocking(move || read_blocking(&file));
    match timeout(PATIENCE, read).await {
        Ok(Ok(read)) => read,
        Ok(Err(panicked)) => Err(FetchError::File(path.to_owned(), io::Error::other(panicked))),
        Err(_) => Err(FetchError::Stuck(path.to_owned())),
    }
}

fn read_blocking(path: &Path) -> Result<Bytes, FetchError> {
    let failed = |error| FetchError::File(path.to_owned(), error);
    // Whoever opens a pipe waits for somebody who writes.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FetchError::NoFile(path.to_owned()));
    }
    let mut document = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut document).map_err(failed)?;
    if document.len() as u64 > MAX_FILE_BYTES {
        return Err(FetchError::TooLarge(path.to_owned()));
    }
    Ok(Bytes::from(document))
}

async fn get(address: &HttpAddress, tls: &ClientTls) -> Result<Bytes, FetchError> {
    let of = || address.clone();
    let request = Request::get(address.path())
        .header(HOST, format!("{}:{}", address.host(), address.port()))
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .body(Full::default())
        .map_err(|error| FetchError::Request(of(), error))?;
    let tcp = TcpStream::connect((address.bare_host(), address.port())).await;
    let tcp = tcp.map_err(|error| FetchError::Connect(of(), error))?;
    let answered = if address.is_encrypted() {
        let connector = connector(tls).await.map_err(|error| FetchError::Certificates(of(), error))?;
        let name = server_name(address.host()).map_err(|error| FetchError::Certificates(of(), error))?;
        let stream = connector.connect(name, tcp).await;
        let stream = stream.map_err(|error| FetchError::Tls(of(), HandshakeError::of_client(error)))?;
        exchange(TokioIo::new(stream), request).await
    } else {
        exchange(TokioIo::new(tcp), request).await
    };
    match answered.map_err(|error| FetchError::Http(of(), error))? {
        (StatusCode::OK, document) => Ok(document),
        (status, _) => Err(FetchError::Status(of(), status)),
    }
}

/// The authorities as they are now: keys are fetched so rarely that nothing is kept.
async fn connector(tls: &ClientTls) -> Result<TlsConnector, TlsError> {
    let tls = tls.clone();
    let read = spawn_blocking(move || Reloading::new(tls).map(|tls| TlsConnector::from(tls.current())));
    match read.await {
        Ok(read) => read,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
