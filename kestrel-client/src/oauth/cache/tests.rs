//! One token for all who ask, as long as it lives.

use std::sync::atomic::{AtomicUsize, Ordering};

use kestrel_serde::BoxError;
use tokio::sync::Semaphore;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// A provider whose n-th answer is what `answer` says of n, from 0, and how often it was asked.
fn counting(
    answer: impl Fn(usize) -> Result<Token, BoxError> + Send + Sync + 'static,
) -> (TokenCache, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let answer = Arc::new(answer);
    let count = Arc::clone(&asked);
    let cache = TokenCache::new(move || {
        let (answer, n) = (Arc::clone(&answer), count.fetch_add(1, Ordering::Relaxed));
        async move { answer(n) }
    });
    (cache, asked)
}

fn token(n: usize) -> Token {
    Token::new(format!("token {n}"))
}

#[test]
fn four_fifths_of_its_time_a_token_is_kept() {
    let now = Timestamp::from_millis(5_000);
    let kept = Kept::new(token(0).expires_at(Timestamp::from_millis(15_000)), now).unwrap();
    assert_eq!(kept.refresh_at, Timestamp::from_millis(13_000));
    assert!(Kept::new(token(0).expires_at(Timestamp::from_millis(4_999)), now).is_none());
    assert!(Kept::new(token(0), now).is_none());
}

#[tokio::test]
async fn a_token_is_used_again_until_it_is_old() {
    let (cache, asked) = counting(|n| Ok(token(n).expires_at(wall().saturating_add(HOUR))));
    assert_eq!(cache.token().await.unwrap().text(), token(0).text());
    assert_eq!(cache.token().await.unwrap().text(), token(0).text());
    cache.0.state.lock().kept.as_mut().unwrap().refresh_at = wall();
    assert_eq!(cache.clone().token().await.unwrap().text(), token(1).text());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_token_without_an_end_is_asked_for_each_time() {
    let (cache, _) = counting(|n| Ok(token(n)));
    assert_eq!(cache.token().await.unwrap(), token(0));
    assert_eq!(cache.token().await.unwrap(), token(1));
}

#[tokio::test]
async fn the_last_token_stands_in_while_there_is_no_new_one_until_it_ends() {
    let (cache, _) = counting(|n| match n {
        0 => Ok(token(n).expires_at(wall().saturating_add(HOUR))),
        _ => Err("the issuer is down".into()),
    });
    cache.token().await.unwrap();
    cache.0.state.lock().kept.as_mut().unwrap().refresh_at = wall();
    assert_eq!(cache.token().await.unwrap().text(), token(0).text());
    cache.0.state.lock().kept.as_mut().unwrap().end = wall();
    assert_eq!(cache.token().await.unwrap_err().to_string(), "the issuer is down");
}

#[tokio::test]
async fn all_wait_for_one_answer_also_when_the_first_to_ask_goes_away() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let cache = TokenCache::new(move || {
        let (gate, n) = (Arc::clone(&opened), count.fetch_add(1, Ordering::Relaxed));
        async move {
            gate.acquire().await?.forget();
            Ok(token(n))
        }
    });
    let mut first = Box::pin(cache.token());
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = Box::pin(cache.token());
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    gate.add_permits(1);
    assert_eq!(second.await.unwrap(), token(0));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_printed_has_no_token_in_it() {
    let printed = format!("{:?}", token(0).extension("pool", "p-1").unwrap());
    assert_eq!(printed, r#"Token { expires_at: None, extensions: SaslExtensions({"pool": "p-1"}), .. }"#);
}
