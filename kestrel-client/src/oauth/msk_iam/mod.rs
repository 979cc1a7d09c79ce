//! MskIam: tokens for Amazon MSK, signed here with AWS credentials. No request is made for them.
//!
//! ```text
//!   AwsCredentialsProvider ──▶ MskIam ── sigv4: a signed address of `kafka-cluster:Connect` ──▶ Base64 ──▶ Token, for 15 minutes
//! ```

mod credentials;
mod sigv4;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kestrel_protocol::Timestamp;
use kestrel_serde::BoxError;

use credentials::OfEnvironment;
pub use credentials::{AwsCredentials, AwsCredentialsProvider};
use sigv4::Presigning;

use super::provider::TokenProvider;
use super::token::Token;
use crate::environment::wall;

/// How long a token is valid: what AWS's own signers say.
const LIFETIME: Duration = Duration::from_secs(900);
/// Who signed, for the logs of MSK.
const USER_AGENT: &str = concat!("kestrel-client/", env!("CARGO_PKG_VERSION"));

/// Signs tokens for Amazon MSK with IAM access control. For `Sasl::oauthbearer`, over TLS.
///
/// ```no_run
/// use kestrel_client::oauth::MskIam;
/// use kestrel_client::{Client, Sasl, Tls};
///
/// let builder = Client::builder("b-1.demo.kafka.eu-west-1.amazonaws.com:9098")
///     .tls(Tls::native_roots())
///     .sasl(Sasl::oauthbearer(MskIam::from_env("eu-west-1")));
/// ```
///
/// Roles, profiles and instance metadata are the business of the callback, for which the AWS SDK may be used:
///
/// ```
/// use kestrel_client::BoxError;
/// use kestrel_client::oauth::{AwsCredentials, MskIam};
///
/// let tokens = MskIam::new("eu-west-1", || async {
///     Ok::<_, BoxError>(AwsCredentials::new("AKIA...", "the secret").session_token("the token"))
/// });
/// # let _ = tokens;
/// ```
pub struct MskIam {
    region: String,
    credentials: Box<dyn AwsCredentialsProvider>,
}

impl MskIam {
    /// Tokens for clusters in `region`, signed with what `credentials` gives for each.
    pub fn new(region: impl Into<String>, credentials: impl AwsCredentialsProvider) -> Self {
        Self { region: region.into(), credentials: Box::new(credentials) }
    }

    /// Tokens for clusters in `region`, signed with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of the
    /// environment, which are read for each token.
    pub fn from_env(region: impl Into<String>) -> Self {
        Self::new(region, OfEnvironment)
    }
}

#[async_trait]
impl TokenProvider for MskIam {
    async fn token(&self) -> Result<Token, BoxError> {
        Ok(token(&self.region, &self.credentials.credentials().await?, wall()))
    }
}

/// The token that `credentials` make at `now`.
fn token(region: &str, credentials: &AwsCredentials, now: Timestamp) -> Token {
    let host = format!("kafka.{region}.{}", domain(region));
    let presigning = Presigning {
        host: &host,
        region,
        service: "kafka-cluster",
        query: &[("Action", "kafka-cluster:Connect")],
        lifetime: LIFETIME,
    };
    let address =
        format!("{}&User-Agent={}", presigning.address(credentials, now), sigv4::escaped(USER_AGENT));
    let end = now.saturating_add(LIFETIME);
    let end = credentials.end().map_or(end, |credentials_end| credentials_end.min(end));
    Token::new(URL_SAFE_NO_PAD.encode(address)).expires_at(end)
}

/// The domain of a region's services: partitions of AWS that are closed off have their own.
fn domain(region: &str) -> &'static str {
    const PARTITIONS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ];
    let found = PARTITIONS.into_iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("amazonaws.com", |(_, domain)| domain)
}

impl fmt::Debug for MskIam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MskIam").field("region", &self.region).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
