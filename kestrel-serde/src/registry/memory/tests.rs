//! What is known, for how long, and what is forgotten.

use super::*;

/// A memory, and a clock that is set by hand.
struct Script {
    memory: Memory<&'static str, u32>,
    now: Instant,
}

#[expect(clippy::disallowed_methods, reason = "an instant to begin with; the script moves it")]
fn script() -> Script {
    Script { memory: Memory::new(), now: Instant::now() }
}

impl Script {
    fn after(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self
    }

    fn learn(&mut self, value: u32) {
        self.memory.learn("a", value, self.now);
    }

    fn recall(&self, max_age: MaxAge) -> String {
        match self.memory.recall(&"a", max_age, self.now) {
            Some(Ok(known)) => format!("known {}", known.value),
            Some(Err(failed)) => shown(&failed),
            None => "ask".into(),
        }
    }

    fn fail(&mut self, kind: RegistryErrorKind) -> String {
        match self.memory.fail("a", &RegistryError::new(kind, "no"), self.now) {
            Ok(known) => format!("known {}", known.value),
            Err(failed) => shown(&failed),
        }
    }

    /// Asks for as long as it takes to hear something final, and gives when that was, in milliseconds.
    fn fails_until_final(&mut self, kind: RegistryErrorKind) -> Vec<u64> {
        let (begun_at, mut asked) = (self.now, Vec::new());
        loop {
            asked.push(u64::try_from((self.now - begun_at).as_millis()).unwrap());
            match &*self.fail(kind) {
                "failed for good" => return asked,
                other => assert_eq!(other, "failed"),
            }
            while self.recall(MaxAge::Any) != "ask" {
                self.after(100);
            }
        }
    }
}

fn shown(failed: &NoAnswer) -> String {
    if failed.is_final { "failed for good" } else { "failed" }.into()
}

const ALL_KINDS: [RegistryErrorKind; 8] = [
    RegistryErrorKind::NotFound,
    RegistryErrorKind::Incompatible,
    RegistryErrorKind::Invalid,
    RegistryErrorKind::Denied,
    RegistryErrorKind::Unavailable,
    RegistryErrorKind::Answer,
    RegistryErrorKind::TooIntricate,
    RegistryErrorKind::Config,
];

#[test]
fn an_answer_is_good_for_as_long_as_is_said() {
    let mut script = script();
    assert_eq!(script.recall(MaxAge::Any), "ask");
    script.learn(1);
    let minute = MaxAge::Within(Duration::from_secs(60));
    assert_eq!(script.after(59_999).recall(minute), "known 1");
    assert_eq!(script.after(1).recall(minute), "ask");
    assert_eq!(script.recall(MaxAge::ThisRun), "known 1");
    assert_eq!(script.recall(MaxAge::Any), "known 1");
}

#[test]
fn a_registry_that_lags_is_asked_again_before_it_is_believed() {
    let mut script = script();
    assert_eq!(script.fails_until_final(RegistryErrorKind::NotFound), [0, 100, 300, 700, 1_500, 3_100]);
    assert_eq!(script.after(9_999).recall(MaxAge::Any), "failed for good");
    assert_eq!(script.after(1).recall(MaxAge::Any), "ask");
    assert_eq!(script.fail(RegistryErrorKind::NotFound), "failed for good", "it has been waited for");
    script.learn(1);
    assert_eq!(script.fail(RegistryErrorKind::NotFound), "known 1", "another registry may have told it");
}

#[test]
fn a_registry_that_refuses_is_waited_for_and_not_for_ever() {
    for kind in [RegistryErrorKind::Denied, RegistryErrorKind::Answer] {
        let asked = script().fails_until_final(kind);
        let last = asked.last().unwrap();
        assert!((300_000..310_000).contains(last), "{asked:?}");
        assert!(asked.len() < 50, "not with each record");
    }
    for kind in [RegistryErrorKind::Invalid, RegistryErrorKind::Config, RegistryErrorKind::TooIntricate] {
        assert_eq!(script().fails_until_final(kind), [0], "{kind:?}");
    }
}

#[test]
fn another_failure_is_waited_for_anew() {
    let mut script = script();
    script.fails_until_final(RegistryErrorKind::NotFound);
    assert_eq!(script.after(10_000).fail(RegistryErrorKind::Unavailable), "failed");
    assert_eq!(script.after(100).fail(RegistryErrorKind::NotFound), "failed");
}

#[test]
fn a_registry_that_is_down_is_asked_less_often_with_each_failure() {
    let mut script = script();
    for pause in [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000] {
        script.fail(RegistryErrorKind::Unavailable);
        assert_eq!(script.after(pause - 1).recall(MaxAge::Any), "failed", "{pause}");
        assert_eq!(script.after(1).recall(MaxAge::Any), "ask", "{pause}");
    }
    script.learn(1);
    script.fail(RegistryErrorKind::Unavailable);
    assert_eq!(script.after(100).recall(MaxAge::Within(Duration::ZERO)), "ask");
}

#[test]
fn an_old_answer_stands_in_for_a_registry_that_cannot_be_asked() {
    for kind in [RegistryErrorKind::Unavailable, RegistryErrorKind::Denied, RegistryErrorKind::Answer] {
        let mut script = script();
        script.memory.remember("a", 1);
        assert_eq!(script.recall(MaxAge::Any), "known 1");
        assert_eq!(script.recall(MaxAge::ThisRun), "ask");
        assert_eq!(script.fail(kind), "known 1");
        assert_eq!(script.recall(MaxAge::ThisRun), "known 1");
        assert_eq!(script.after(100).recall(MaxAge::ThisRun), "ask");
    }
}

#[test]
fn only_a_registry_that_says_it_is_not_there_takes_an_answer_away() {
    for kind in ALL_KINDS {
        let mut script = script();
        script.learn(1);
        script.fail(kind);
        script.after(600_000).fail(kind);
        let left = script.after(600_000).recall(MaxAge::Any);
        assert_eq!(left == "known 1", kind != RegistryErrorKind::NotFound, "{kind:?}: {left}");
    }
}

#[test]
fn what_the_registry_does_not_want_any_more_is_not_gone_on_with() {
    for kind in [RegistryErrorKind::Incompatible, RegistryErrorKind::Invalid] {
        let mut script = script();
        script.memory.remember("a", 1);
        assert_eq!(script.fail(kind), "failed for good");
        assert_eq!(script.recall(MaxAge::ThisRun), "failed for good");
    }
}

#[test]
fn what_stands_in_is_good_until_the_registry_is_asked_again() {
    let mut script = script();
    let (asked_at, age) = (script.now, Duration::from_secs(60));
    script.learn(1);
    let good_until = |script: &Script| match script.memory.recall(&"a", MaxAge::Any, script.now) {
        Some(Ok(known)) => known.good_until(age),
        other => panic!("{other:?}"),
    };
    assert_eq!(good_until(script.after(30_000)), Some(asked_at + age), "from when it was asked for");
    script.after(30_000);
    let error = RegistryError::new(RegistryErrorKind::Unavailable, "no");
    let known = script.memory.fail("a", &error, script.now).unwrap();
    assert_eq!(known.good_until(age), Some(script.now + FIRST_PAUSE));
}

#[test]
fn an_earlier_run_never_overrules_this_one() {
    let mut script = script();
    script.learn(2);
    script.memory.remember("a", 1);
    assert_eq!(script.recall(MaxAge::ThisRun), "known 2");
}

#[test]
fn made_up_ids_push_no_answer_out_and_do_not_fill_the_memory() {
    let (mut memory, now) = (Memory::new(), script().now);
    memory.learn(usize::MAX, (), now);
    for id in 0..MAX_FAILURES * 3 {
        memory.fail(id, &RegistryError::new(RegistryErrorKind::NotFound, "no"), now).unwrap_err();
        assert!(memory.failures.len() <= MAX_FAILURES);
    }
    assert!(matches!(memory.recall(&usize::MAX, MaxAge::Any, now), Some(Ok(_))));
}

#[test]
fn answers_are_bounded_and_go_one_by_one() {
    let (mut memory, now) = (Memory::new(), script().now);
    for id in 0..=MAX_ANSWERS {
        memory.learn(id, (), now);
    }
    assert_eq!(memory.answers.len(), MAX_ANSWERS);
    memory.learn(MAX_ANSWERS, (), now);
    assert_eq!(memory.answers.len(), MAX_ANSWERS);
}
