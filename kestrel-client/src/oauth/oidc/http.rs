//! One POST over HTTP/1.1, plain or by TLS: a connection for each, because tokens are rare.

use std::time::Duration;

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use kestrel_security::http::http_body_util::Full;
use kestrel_security::http::hyper::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue,
};
use kestrel_security::http::hyper::{Request, StatusCode};
use kestrel_security::http::{self, HttpAddress};
use kestrel_settings::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Limits;
use super::error::{HttpStep, OidcError};
use crate::security::Encryption;

/// A form, and to whom it goes.
pub(super) struct Post<'a> {
    pub(super) endpoint: &'a HttpAddress,
    pub(super) authorization: Secret,
    pub(super) form: String,
}

/// Sends a form and waits for the answer.
pub(super) async fn post(
    post: Post<'_>,
    encryption: &Encryption,
    limits: Limits,
) -> Result<(StatusCode, Bytes), OidcError> {
    let endpoint = post.endpoint;
    let request = post.request()?;
    let tcp = within(limits.connect, HttpStep::Connecting, connect(endpoint)).await?;
    if !endpoint.is_encrypted() {
        return within(limits.read, HttpStep::Reading, exchange(tcp, request, endpoint)).await;
    }
    let encryptor = encryption.encryptor(endpoint.host()).await.map_err(OidcError::Certificates)?;
    let encrypt = async {
        let encrypted = encryptor.encrypt(tcp).await;
        encrypted.map_err(|cause| OidcError::Tls { endpoint: endpoint.to_string(), cause })
    };
    let encrypted = within(limits.connect, HttpStep::Connecting, encrypt).await?;
    within(limits.read, HttpStep::Reading, exchange(encrypted, request, endpoint)).await
}

impl Post<'_> {
    fn request(self) -> Result<Request<Full<Bytes>>, OidcError> {
        let header = |text: &str| HeaderValue::from_str(text).map_err(|_| OidcError::Header);
        let mut authorization = header(self.authorization.expose())?;
        authorization.set_sensitive(true);
        let endpoint = self.endpoint;
        let request = Request::post(endpoint.path())
            .header(HOST, header(&format!("{}:{}", endpoint.host(), endpoint.port()))?)
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json")
            .header(CACHE_CONTROL, "no-cache")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(self.form));
        request.map_err(|_| OidcError::Header)
    }
}

async fn connect(endpoint: &HttpAddress) -> Result<TcpStream, OidcError> {
    let connected = TcpStream::connect((endpoint.bare_host(), endpoint.port())).await;
    connected.map_err(|cause| OidcError::Connect { endpoint: endpoint.to_string(), cause })
}

async fn within<T>(
    limit: Duration,
    step: HttpStep,
    work: impl Future<Output = Result<T, OidcError>>,
) -> Result<T, OidcError> {
    timeout(limit, work).await.unwrap_or(Err(OidcError::Timeout { step, after: limit }))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
    endpoint: &HttpAddress,
) -> Result<(StatusCode, Bytes), OidcError> {
    let answered = http::exchange(TokioIo::new(stream), request).await;
    answered.map_err(|cause| OidcError::Http { endpoint: endpoint.to_string(), cause })
}
