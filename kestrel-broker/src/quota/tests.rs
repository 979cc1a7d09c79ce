//! Apache Kafka's answers to scripts of charges, replayed on the ledger; and that forgetting changes nothing.

use std::time::{Duration, Instant};

use bytestring::ByteString;

use super::ledger::QuotaLedger;
use super::rate::WindowedRate;
use super::window::Tick;
use super::*;

/// What `tests/interop/throttles` had Apache Kafka say.
const ANSWERS: &str = include_str!("../../testdata/throttles.txt");

/// One script: a ledger with its clock, or the rate of connections.
struct Script {
    kind: Option<QuotaKind>,
    windows: Windows,
    origin: Instant,
    now: Instant,
    limits: Vec<(QuotaEntity, f64)>,
    ledger: QuotaLedger,
    connections: (WindowedRate, f64),
    forgets: bool,
}

impl Script {
    fn begin(kind: &str, count: &str, seconds: &str) -> Self {
        let windows =
            Windows { count: count.parse().unwrap(), length: Duration::from_secs(seconds.parse().unwrap()) };
        let bound = kind.strip_prefix("connections-").map_or(0.0, |bound| bound.parse().unwrap());
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let origin = Instant::now();
        let both = QuotaWindows { rates: windows, mutations: windows };
        Self {
            kind: match kind {
                "produce" => Some(QuotaKind::Produce),
                "fetch" => Some(QuotaKind::Fetch),
                "request" => Some(QuotaKind::Request),
                "mutation" => Some(QuotaKind::ControllerMutation),
                _ => None,
            },
            windows,
            origin,
            now: origin,
            limits: Vec::new(),
            ledger: QuotaLedger::new(both, origin),
            connections: (WindowedRate::default(), bound),
            forgets: false,
        }
    }

    /// The answer to a question; `None` to one that has none.
    fn replay(&mut self, words: &[&str]) -> Option<String> {
        let kind = self.kind.unwrap_or(QuotaKind::Request);
        if self.forgets {
            self.ledger.forget_idle(Tick::since(self.origin, self.now));
        }
        match words {
            ["at", millis] => self.now = self.origin + Duration::from_millis(millis.parse().unwrap()),
            ["limit", user, client_id, bound] => self.limit(user, client_id, bound),
            ["connect"] => return Some(self.connect()),
            ["refuse"] => self.connections.0.record(-1.0, self.windows, Tick::since(self.origin, self.now)),
            [verb, user, client_id, rest @ ..] => {
                let (user, client_id) = (name(user), name(client_id));
                let caller = Caller { user: &user, client_id: &client_id };
                let units = rest.first().map_or(0.0, |units| units.parse().unwrap());
                return self.ask(verb, kind, caller, units);
            }
            other => panic!("{other:?}"),
        }
        None
    }

    fn ask(&mut self, verb: &str, kind: QuotaKind, caller: Caller<'_>, units: f64) -> Option<String> {
        let (ledger, now) = (&mut self.ledger, self.now);
        if verb == "most" {
            let most = ledger.most_at_once(kind, caller);
            return Some(most.map_or_else(|| "none".to_owned(), |most| most.to_string()));
        }
        // As `Quotas` does: nothing is charged as long as nobody is limited.
        let nobody_is_limited = self.limits.is_empty();
        let throttle = match verb {
            "charge" if nobody_is_limited => Duration::ZERO,
            "charge" => ledger.charge(kind, caller, units, now),
            "back" => {
                if !nobody_is_limited {
                    ledger.take_back(kind, caller, units, now);
                }
                return None;
            }
            "strict" | "permissive" if nobody_is_limited => Duration::ZERO,
            "strict" => match ledger.mutate(caller, Strictness::Strict, units, now) {
                Ok(throttle) => throttle,
                Err(throttle) => return Some(format!("refused for {}", throttle.as_millis())),
            },
            "permissive" => ledger.mutate(caller, Strictness::Permissive, units, now).unwrap(),
            other => panic!("{other}"),
        };
        Some(throttle.as_millis().to_string())
    }

    fn limit(&mut self, user: &str, client_id: &str, bound: &str) {
        let entity = QuotaEntity { user: part(user), client_id: part(client_id) };
        self.limits.retain(|(other, _)| *other != entity);
        if bound != "-" {
            self.limits.push((entity, bound.parse().unwrap()));
        }
        let kind = self.kind.unwrap();
        let limits = self.limits.iter().map(|(entity, bound)| (kind, entity.clone(), *bound));
        self.ledger.set_limits(limits.collect());
    }

    fn connect(&mut self) -> String {
        let (now, (rate, bound)) = (Tick::since(self.origin, self.now), &mut self.connections);
        rate.record(1.0, self.windows, now);
        let throttle = rate.throttle(*bound, self.windows, now).min(self.windows.length);
        throttle.as_millis().to_string()
    }
}

fn name(word: &str) -> ByteString {
    if word == "_" { ByteString::new() } else { word.to_owned().into() }
}

fn part(word: &str) -> EntityPart {
    match word {
        "-" => EntityPart::Unsaid,
        "*" => EntityPart::Default,
        word => EntityPart::Named(word.to_owned().into()),
    }
}

/// Replays all scripts; gives how many answers were compared.
fn replay_all(forgets: bool) -> usize {
    let mut script = None;
    let mut answers = 0;
    for (number, line) in (1..).zip(ANSWERS.lines()) {
        let (question, expected) = line.split_once(" = ").map_or((line, None), |(q, a)| (q, Some(a)));
        let words: Vec<&str> = question.split(' ').collect();
        match words.as_slice() {
            [""] | ["#", ..] => {}
            ["begin", kind, count, seconds] => {
                script = Some(Script { forgets, ..Script::begin(kind, count, seconds) });
            }
            words => {
                let answer = script.as_mut().unwrap().replay(words);
                assert_eq!(answer.as_deref(), expected, "line {number}: {question}");
                answers += usize::from(expected.is_some());
            }
        }
    }
    answers
}

#[test]
fn every_throttle_is_that_of_apache_kafka() {
    assert!(replay_all(false) > 1000);
}

#[test]
fn forgetting_idle_buckets_changes_no_throttle() {
    replay_all(true);
}

const WINDOWS: Windows = Windows { count: 11, length: Duration::from_secs(1) };

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn any_instant() -> Instant {
    Instant::now()
}

fn limited(kind: QuotaKind, bound: f64, now: Instant) -> Quotas {
    let quotas = Quotas::new(QuotaWindows { rates: WINDOWS, mutations: WINDOWS }, RateLimits::default(), now);
    let entity = QuotaEntity { user: EntityPart::Unsaid, client_id: EntityPart::Default };
    quotas.set_limits([(kind, entity, bound)].into_iter().collect());
    quotas
}

#[test]
fn where_nobody_is_limited_nothing_is_remembered() {
    let now = any_instant();
    let quotas = limited(QuotaKind::Fetch, 1.0, now);
    let (user, client_id) = (name("alice"), name("app"));
    let caller = Caller { user: &user, client_id: &client_id };
    assert_eq!(quotas.charge(QuotaKind::Produce, caller, 1e9, now), Duration::ZERO);
    assert_eq!(quotas.metrics().buckets, 0);
    assert_ne!(quotas.charge(QuotaKind::Fetch, caller, 1e3, now), Duration::ZERO);
    assert_eq!((quotas.metrics().buckets, quotas.metrics().fetch.count), (1, 1));
    quotas.set_limits(Limits::default());
    assert_eq!(quotas.charge(QuotaKind::Fetch, caller, 1e9, now), Duration::ZERO);
}

#[test]
fn idle_clients_are_forgotten_while_others_are_charged() {
    let now = any_instant();
    let quotas = limited(QuotaKind::Produce, 100.0, now);
    let user = name("alice");
    for second in 0..1000_u32 {
        let client_id = name(&format!("client-{second}"));
        let caller = Caller { user: &user, client_id: &client_id };
        quotas.charge(QuotaKind::Produce, caller, 1.0, now + second * WINDOWS.length);
    }
    assert!(quotas.metrics().buckets < 25, "{}", quotas.metrics().buckets);
}

#[test]
fn a_throttle_that_apache_kafka_overflows_at_is_a_long_one() {
    let now = any_instant();
    let quotas = limited(QuotaKind::Produce, 1.0, now);
    let (user, client_id) = (name("alice"), name("app"));
    let caller = Caller { user: &user, client_id: &client_id };
    let throttle = quotas.charge(QuotaKind::Produce, caller, 3e9, now);
    assert_eq!(throttle, Duration::from_millis(i32::MAX.unsigned_abs().into()));
}

#[test]
fn permits_remember_how_long_their_caller_has_to_wait() {
    let now = any_instant();
    let quotas = std::sync::Arc::new(limited(QuotaKind::ControllerMutation, 1.0, now));
    let (user, client_id) = (name("alice"), name("app"));
    let caller = Caller { user: &user, client_id: &client_id };
    let permits = Permits::of(&quotas, caller, Strictness::Strict);
    assert!(permits.take(13, now), "the last one may overdraw");
    assert_eq!(permits.throttle(now), Duration::ZERO);
    assert!(!permits.take(1, now));
    assert_eq!(permits.throttle(now + Duration::from_millis(500)), Duration::from_millis(1500));
    let permissive = Permits::of(&quotas, caller, Strictness::Permissive);
    assert!(permissive.take(1, now), "older requests know no error for it");
    assert_eq!(permissive.throttle(now), Duration::from_secs(3));
    assert!(Permits::unlimited().take(usize::MAX, now));
}

#[test]
fn connections_wait_for_their_listener_and_the_broker_and_addresses_are_refused() {
    let now = any_instant();
    let limits = RateLimits { broker: Some(4), listeners: vec![Some(2), None] };
    let mut rates = ConnectionRates::new(WINDOWS, limits, now);
    let (here, there) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    for _ in 0..20 {
        assert_eq!(rates.arrive(0, now), Duration::ZERO);
    }
    assert_eq!(rates.arrive(0, now), Duration::from_millis(500), "21 at 2 a second");
    for _ in 0..19 {
        assert_eq!(rates.arrive(1, now), Duration::ZERO);
    }
    assert_eq!(rates.arrive(1, now), Duration::from_millis(250), "41 at 4 a second");
    let by_ip = [(here, 1.0)].into();
    rates.set_ip_limits(IpLimits { default: None, by_ip });
    for _ in 0..10 {
        assert_eq!(rates.admit(1, here, now), Ok(()));
    }
    assert_eq!(rates.admit(1, here, now), Err(WINDOWS.length));
    assert_eq!(rates.admit(1, there, now), Ok(()), "no limit of its own, and no default");
    assert_eq!(rates.arrive(1, now), Duration::from_millis(250), "who was refused counts for nobody");
}
