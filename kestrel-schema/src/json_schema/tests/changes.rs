//! The table of changes in testdata.

use std::collections::BTreeSet;

use super::{Policy, verdict};

const CHANGES: &str = include_str!("../../../testdata/json_schema_changes.txt");

struct Change {
    mark: char,
    strict: String,
    lenient: String,
    old: String,
    new: String,
    reason: &'static str,
}

impl Change {
    fn read(line: &'static str) -> Self {
        let parts: Vec<&str> = line.split(" ;; ").collect();
        let [verdict, old, new, reason] = parts[..] else { panic!("four parts are wanted: {line}") };
        let (mark, verdict) = verdict.split_at(2);
        let (strict, lenient) = match verdict.split_once(" (lenient ") {
            Some((strict, lenient)) => (strict, lenient.trim_end_matches(')')),
            None => (verdict, verdict),
        };
        Self {
            mark: mark.chars().next().unwrap(),
            strict: strict.to_owned(),
            lenient: lenient.to_owned(),
            old: document(old),
            new: document(new),
            reason,
        }
    }

    /// What SEMANTIC is to say.
    fn semantic(&self) -> &'static str {
        match (self.mark, self.strict.as_str()) {
            ('=', "ok") | ('+', _) => "ok",
            ('=' | '-', _) => "DOCUMENTS_REFUSED @ #/",
            ('?', _) => "NO_VERDICT @ #/",
            (other, _) => panic!("unknown mark {other}"),
        }
    }

    fn check(&self) -> Result<(), String> {
        let wanted = [
            (Policy::Strict, self.strict.as_str()),
            (Policy::Lenient, &self.lenient),
            (Policy::Semantic, self.semantic()),
        ];
        for (policy, wanted) in wanted {
            let found = verdict(policy, &self.old, &self.new);
            if found != wanted {
                let Self { old, new, reason, .. } = self;
                return Err(format!("{policy} says {found}, not {wanted}: {old} to {new}: {reason}"));
            }
        }
        Ok(())
    }
}

/// A schema as the table writes it.
fn document(short: &str) -> String {
    let text = short.replace('\'', "\"");
    let Some((draft, rest)) =
        text.split_once(":{").filter(|(draft, _)| draft.bytes().all(|b| b.is_ascii_digit()))
    else {
        return text;
    };
    let name = match draft {
        "4" | "6" => format!("http://json-schema.org/draft-0{draft}/schema#"),
        "2019" => "https://json-schema.org/draft/2019-09/schema".to_owned(),
        "2020" => "https://json-schema.org/draft/2020-12/schema".to_owned(),
        other => panic!("unknown draft {other}"),
    };
    format!("{{\"$schema\":\"{name}\",{rest}")
}

fn changes() -> impl Iterator<Item = Change> {
    CHANGES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(Change::read)
}

/// All schemas of the table.
pub(super) fn documents() -> Vec<String> {
    changes().flat_map(|change| [change.old, change.new]).collect()
}

#[test]
fn every_change_has_the_verdict_of_the_table() {
    let wrong: Vec<String> = changes().filter_map(|change| change.check().err()).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), changes().count(), wrong.join("\n"));
}

#[test]
fn the_table_has_what_it_claims() {
    let distinct: BTreeSet<(String, String)> = changes().map(|change| (change.old, change.new)).collect();
    assert_eq!(distinct.len(), changes().count(), "a change is in the table twice");
    assert!(distinct.len() >= 150, "{}", distinct.len());
    // Where the table of changes lets documents be refused, the reason is said.
    assert!(changes().filter(|change| change.mark == '-').all(|change| change.reason.len() > 20));
}

#[test]
fn every_schema_reads_itself() {
    for Change { old, new, .. } in changes() {
        for text in [old, new] {
            for policy in Policy::ALL {
                assert_eq!(verdict(policy, &text, &text), "ok", "{policy}: {text}");
            }
        }
    }
}
