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
    let never = Kept::new(token(0).expires_at(Timestamp::from_millis(i64::MAX)), now).unwrap();
    assert_eq!(never.refresh_at, now.saturating_add(LONGEST_USE * 4 / 5));
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

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_is_asked_again_after_a_while() {
    let (cache, asked) = counting(|n| match n {
        0 => panic!("a defect of the provider"),
        1..5 => Err("the secret is wrong".into()),
        _ => Ok(token(n)),
    });
    assert_eq!(cache.token().await.unwrap_err().to_string(), "the provider panicked");
    for (n, pause) in (1..).zip([1, 2, 4, 8]) {
        let again = Duration::from_secs(pause);
        tokio::time::advance(again - Duration::from_millis(1)).await;
        cache.token().await.unwrap_err();
        assert_eq!(asked.load(Ordering::Relaxed), n, "not before {again:?} are over");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(cache.token().await.unwrap_err().to_string(), "the secret is wrong");
    }
    tokio::time::advance(PAUSE.1).await;
    assert_eq!(cache.token().await.unwrap(), token(5), "never more than 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_was_abandoned_is_begun_anew_when_it_is_old() {
    let (cache, asked) = {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let cache = TokenCache::new(move || {
            let n = count.fetch_add(1, Ordering::Relaxed);
            async move { if n == 0 { std::future::pending().await } else { Ok(token(n)) } }
        });
        (cache, asked)
    };
    assert!(cache.token().now_or_never().is_none());
    assert!(cache.token().now_or_never().is_none());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    tokio::time::advance(FETCH_LIMIT).await;
    assert_eq!(cache.token().await.unwrap(), token(1));
}

#[tokio::test]
async fn a_token_that_a_broker_refuses_is_not_used_for_the_rest_of_its_time() {
    let (cache, asked) = counting(|n| Ok(token(n).expires_at(wall().saturating_add(HOUR))));
    let first = cache.token().await.unwrap();
    cache.forget(&first);
    assert_eq!(cache.token().await.unwrap(), first, "another one of the same moment would be refused too");
    cache.0.state.lock().kept.as_mut().unwrap().fetched_at = Timestamp::from_millis(0);
    cache.forget(&token(7));
    assert_eq!(cache.token().await.unwrap(), first, "it was another one that was refused");
    cache.forget(&first);
    assert_eq!(cache.token().await.unwrap().text(), token(1).text());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn what_is_printed_has_no_token_in_it() {
    let printed = format!("{:?}", token(0).extension("pool", "p-1").unwrap());
    assert_eq!(printed, r#"Token { expires_at: None, extensions: SaslExtensions({"pool": "p-1"}), .. }"#);
}
