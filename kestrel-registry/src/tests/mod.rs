//! The registry without a socket and a broker: calls go through the paths of the API to the machine, and records come back to it.

mod compatibility;
mod contract;
mod deletion;
mod import;
mod replay;
mod server;
mod settings;
mod store;
mod unread;

use serde_json::{Value, json};

use crate::error::Refusal;
use crate::http::{Call, Route, route};
use crate::machine::{Decision, Machine, Origin};
use crate::record::{Entry, RecordText};

/// A machine with the log that it is fed from.
#[derive(Debug, Default)]
struct Scripted {
    machine: Machine,
    log: Vec<RecordText>,
}

impl Scripted {
    /// Makes a call; gives the code and the answer. What is decided takes effect at once.
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u32, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let asked = route(Call { method, path, query, body: body.as_bytes() });
        let decided = asked.and_then(|route| match route {
            Route::Ask(request) => self.machine.decide(&request),
            other => panic!("{other:?} is not the machine's"),
        });
        match decided {
            Ok(Decision { records, answer }) => {
                records.iter().for_each(|entry| self.write(entry));
                (200, serde_json::to_value(answer.for_strict_clients()).unwrap_or(Value::Null))
            }
            Err(refusal) => (refusal.code(), json!(refusal.message())),
        }
    }

    /// A record takes effect as it is read from the topic: from its text.
    fn write(&mut self, entry: &Entry) {
        let text = entry.encode();
        apply(&mut self.machine, &text, self.log.len()).expect("what was decided takes effect");
        self.log.push(text);
    }

    /// Makes the calls of a script and compares what comes back. A line is a call or, after `=`, what is expected of the last one:
    /// its answer, or the code of a refusal and some words of it.
    fn run(&mut self, script: &str) {
        let mut answered = (0, Value::Null);
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix("= ") {
                Some(expected) => check(line, expected, &answered),
                None => {
                    let mut words = line.splitn(3, ' ');
                    let mut word = || words.next().unwrap_or_default();
                    answered = self.call(word(), word(), word());
                }
            }
        }
    }
}

fn check(line: &str, expected: &str, (code, answer): &(u32, Value)) {
    let refused = expected.split_once(' ').unwrap_or((expected, ""));
    if let (Ok(expected_code), true) = (refused.0.parse::<u32>(), *code != 200) {
        let words = answer.as_str().unwrap_or_default();
        assert!(*code == expected_code && words.contains(refused.1), "{line}: {code} {words}");
        return;
    }
    let expected: Value = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!((*code, answer), (200, &expected), "{line}");
}

/// Reads a record of the topic.
fn apply(machine: &mut Machine, text: &RecordText, offset: usize) -> Result<(), Refusal> {
    let value = text.value.as_deref().map(str::as_bytes);
    let entry = Entry::decode(Some(text.key.as_bytes()), value).expect("what was written can be read");
    machine.apply(entry, Origin { offset: i64::try_from(offset).unwrap(), timestamp: 0 })
}

/// Runs a script on an empty registry.
fn script(text: &str) -> Scripted {
    let mut scripted = Scripted::default();
    scripted.run(text);
    scripted
}
