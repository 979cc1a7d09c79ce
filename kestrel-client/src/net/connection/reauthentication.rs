//! Re-authentication: proves to the broker again who the client is, on the connection in use, before the broker's session ends
//! (KIP-368).
//!
//! ```text
//!   ── 85 to 95 % of the session ──▶ a token is made ──▶ the outbox pauses ──▶ the answers that are owed come
//!        ▲                                                                          │
//!        └── the outbox resumes: what has gathered goes, in order ◀── SaslHandshake, SaslAuthenticate …
//! ```
//! Part of the connection's task. Requests that come meanwhile wait in the outbox: none fails before its own time is over, and none
//! overtakes another.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::outbox::Outgoing;
use super::{Shared, Waiter};
use crate::environment::{self, after};
use crate::error::{Chain, Error};
use crate::net::authentication::{Authentication, AuthenticationError, Step};
use crate::net::session::Session;
use crate::security::{Proof, TokenError};

/// The part of a session after which it is renewed, in percent: each time another one, so that the connections of many clients do
/// not do it together.
const RENEWED_AFTER_PERCENT: std::ops::RangeInclusive<u64> = 85..=95;
/// The part of a session after which no request goes out any more, renewed or not, in percent.
const OVER_AFTER_PERCENT: u64 = 96;
/// Apache Kafka refuses a further authentication within a second. A session that is shorter is spent waiting.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);
/// The least and the most wait before a token that could not be had is asked for again.
const TOKEN_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// Why a connection could not go on with its session.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReauthenticationError {
    #[error("the session ended before there was a new token")]
    Token(#[source] TokenError),
    #[error("the broker did not take the renewed session")]
    Exchange(#[source] AuthenticationError),
    #[error("the connection failed while its session was renewed")]
    Connection(#[source] Error),
}

/// Renews the session of a connection as often as it has to be; ends when that is not possible.
pub(super) async fn keep_authenticated(session: Option<&Session>, shared: &Shared) -> ReauthenticationError {
    let Some(mut session) = session.cloned() else { return std::future::pending().await };
    let mut random = environment::seed();
    while let Some(lifetime) = session.lifetime {
        if lifetime < LEAST_INTERVAL {
            tracing::warn!(
                broker = %shared.options.broker,
                ?lifetime,
                "sessions are so short that requests wait for authentications (the broker's connections.max.reauth.ms, or the \
                 lifetime of tokens)"
            );
        }
        let begun_at = session.authenticated_at;
        shared.waits().is_session_used = false;
        shared.outbox.pause_at(after(begun_at, percent_of(lifetime, OVER_AFTER_PERCENT)));
        let due = after(begun_at, percent_of(lifetime, renewed_after(environment::next_random(&mut random))));
        environment::sleep_until(Some(due)).await;
        if !shared.waits().is_session_used {
            // Who says nothing needs no session. The first request that comes has it renewed.
            shared.outbox.pause();
            shared.outbox.holds_back().await;
        }
        match renew(&session, lifetime, shared).await {
            Ok(renewed) => session = renewed,
            Err(error) => return error,
        }
        shared.outbox.resume();
    }
    std::future::pending().await
}

/// The part of a session after which to renew it, in percent.
fn renewed_after(random: u64) -> u64 {
    let (least, most) = RENEWED_AFTER_PERCENT.into_inner();
    least + random % (most - least + 1)
}

fn percent_of(lifetime: Duration, percent: u64) -> Duration {
    lifetime.saturating_mul(u32::try_from(percent).unwrap_or(100)) / 100
}

/// Authenticates once more; gives the new session.
async fn renew(
    session: &Session,
    lifetime: Duration,
    shared: &Shared,
) -> Result<Session, ReauthenticationError> {
    // Before the pause, because a token may come from far away.
    let proof = proof(session, lifetime).await?;
    shared.outbox.pause();
    environment::sleep_until(Some(after(session.authenticated_at, LEAST_INTERVAL))).await;
    shared.no_answer_is_owed().await;
    tracing::debug!(broker = %shared.options.broker, "the session is renewed");
    let client_id = session.client_id.clone();
    let client = proof.client().map_err(ReauthenticationError::Token)?;
    let mut authentication =
        Authentication::new(client, client_id, &shared.versions).map_err(ReauthenticationError::Exchange)?;
    loop {
        // The broker's session begins after this, and so ends later than this one.
        let authenticated_at = environment::now();
        let answer = ask(&mut authentication, session.timeout, shared).await?;
        let step = authentication.handle_answer(answer).inspect_err(|error| {
            if matches!(error, AuthenticationError::Refused { .. }) {
                proof.note_refusal();
            }
        });
        match step.map_err(ReauthenticationError::Exchange)? {
            Step::Continue => {}
            Step::Done(lifetime) => return Ok(Session { lifetime, authenticated_at, ..session.clone() }),
        }
    }
}

/// Gets what the client proves who it is with; tries again as long as the session lasts, because until then nothing is lost.
async fn proof(session: &Session, lifetime: Duration) -> Result<Proof, ReauthenticationError> {
    let (least, most) = TOKEN_PAUSE;
    let pause = (lifetime / 50).clamp(least, most);
    let session_end = after(session.authenticated_at, lifetime);
    let mut is_known = false;
    loop {
        match session.sasl.proof(session.timeout).await {
            Ok(proof) => return Ok(proof),
            Err(error) => {
                let again_at = after(environment::now(), pause);
                if again_at >= session_end {
                    return Err(ReauthenticationError::Token(error));
                }
                if !std::mem::replace(&mut is_known, true) {
                    tracing::warn!(
                        error = %Chain(&error),
                        "there is no token to renew a session with: the connection ends with the session"
                    );
                }
                environment::sleep_until(Some(again_at)).await;
            }
        }
    }
}

/// Sends a request of the authentication before all that wait, and waits for its answer.
async fn ask(
    authentication: &mut Authentication,
    timeout: Duration,
    shared: &Shared,
) -> Result<Bytes, ReauthenticationError> {
    let correlation_id = shared.next_correlation_id();
    let (api, version) = authentication.api();
    let chunks = authentication.request(correlation_id).map_err(ReauthenticationError::Exchange)?;
    let (reply, answer) = oneshot::channel();
    let asked_at = environment::now();
    shared.outbox.push_urgent(Outgoing {
        chunks,
        correlation_id,
        deadline: after(asked_at, timeout),
        expects_answer: true,
        waiter: Waiter {
            reply,
            api,
            version,
            asked_at,
            written_at: asked_at,
            timeout,
            permit: None,
            unheard: None,
        },
    });
    // Nobody else watches its time until it is written.
    shared.rearm.notify_one();
    match answer.await {
        Ok(answer) => answer.map_err(ReauthenticationError::Connection),
        Err(_) => Err(ReauthenticationError::Connection(shared.disconnected(false))),
    }
}

impl Shared {
    /// Waits until every request that was written is answered. What is written meanwhile counts, too.
    async fn no_answer_is_owed(&self) {
        let drained = self.waits().await_drained();
        let _ = drained.await;
    }
}
