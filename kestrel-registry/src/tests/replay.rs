//! A registry that reads its topic anew is the one that wrote it, whatever compaction has removed by then.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde_json::Value;

use super::{Scripted, apply};
use crate::machine::Machine;
use crate::record::RecordText;

const SUBJECTS: [&str; 4] = ["a", "b", ":.lab:a", ":.lab:c"];
const SCHEMAS: [&str; 5] = ["int", "long", "float", "double", "string"];

/// A step: what is done, to which subject, with which schema or version.
type Step = (u8, usize, usize);

fn step(scripted: &mut Scripted, (kind, subject, which): Step) -> (u32, Value) {
    let subject = SUBJECTS[subject];
    let schema = SCHEMAS[which % SCHEMAS.len()];
    let version = which % 3 + 1;
    let body = format!(r#"{{"schema":"\"{schema}\""}}"#);
    let imported = format!(r#"{{"schema":"\"{schema}\"","id":{},"version":{version}}}"#, which + 10);
    let (method, path, body) = match kind {
        0..=4 => ("POST", format!("/subjects/{subject}/versions"), body),
        5 => ("DELETE", format!("/subjects/{subject}"), body),
        6 => ("DELETE", format!("/subjects/{subject}?permanent=true"), body),
        7 => ("DELETE", format!("/subjects/{subject}/versions/{version}"), body),
        8 => ("DELETE", format!("/subjects/{subject}/versions/{version}?permanent=true"), body),
        9 => ("PUT", format!("/config/{subject}"), r#"{"compatibility":"NONE"}"#.to_owned()),
        10 => ("DELETE", format!("/config/{subject}"), String::new()),
        11 => ("PUT", format!("/mode/{subject}"), r#"{"mode":"IMPORT"}"#.to_owned()),
        12 => ("PUT", format!("/mode/{subject}"), r#"{"mode":"READWRITE"}"#.to_owned()),
        13 => ("POST", format!("/subjects/{subject}/versions"), imported),
        _ => ("DELETE", "/contexts/.lab".to_owned(), String::new()),
    };
    scripted.call(method, &path, &body)
}

/// What compaction leaves of the first `cut` records: the last of each key, and no tombstone; then the rest. With their offsets.
pub(super) fn compacted(log: &[RecordText], cut: usize) -> Vec<(usize, &RecordText)> {
    let (old, new) = log.split_at(cut);
    let last: HashMap<_, _> = old.iter().enumerate().map(|(at, record)| (&record.key, at)).collect();
    let kept =
        old.iter().enumerate().filter(|(at, record)| last[&record.key] == *at && record.value.is_some());
    kept.chain((cut..).zip(new)).collect()
}

pub(super) fn replayed(records: &[(usize, &RecordText)]) -> Machine {
    let mut machine = Machine::default();
    for (offset, record) in records {
        // What is not understood is kept, too.
        let _ = apply(&mut machine, record, *offset);
    }
    machine
}

#[test]
fn a_subject_that_is_deleted_again_stays_deleted_as_a_whole() {
    let mut scripted = Scripted::default();
    let (import, delete) = (13, 5);
    // Version 3, and when it is deleted version 1, which is deleted too.
    for one in [(11, 2, 0), (import, 2, 2), (delete, 2, 0), (import, 2, 0), (delete, 2, 0)] {
        let (code, answer) = step(&mut scripted, one);
        assert_eq!(code, 200, "{answer}");
    }
    for cut in 0..=scripted.log.len() {
        assert_eq!(replayed(&compacted(&scripted.log, cut)), scripted.machine, "cut {cut}");
    }
}

proptest! {
    #[test]
    fn replay_equals_live(
        steps in prop::collection::vec((0_u8..15, 0_usize..4, 0_usize..5), 1..60),
        cuts in prop::collection::vec(0.0_f64..=1.0, 3),
    ) {
        let mut scripted = Scripted::default();
        for one in steps {
            step(&mut scripted, one);
        }
        for share in cuts {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a short log")]
            let cut = (scripted.log.len() as f64 * share) as usize;
            let machine = replayed(&compacted(&scripted.log, cut));
            prop_assert_eq!(&machine, &scripted.machine, "cut {} of {:#?}", cut, scripted.log);
        }
    }

    /// An id is one schema, for ever, whenever the registry was started anew in between; and a schema one id, as long as it is there.
    #[test]
    fn an_id_is_one_schema(steps in prop::collection::vec((0_u8..9, 0_usize..4, 0_usize..5), 1..60)) {
        let mut scripted = Scripted::default();
        scripted.run("PUT /config {\"compatibility\":\"NONE\"}\nPUT /config/:.lab: {\"compatibility\":\"NONE\"}");
        let mut schemas = BTreeMap::new();
        for (kind, subject, which) in steps {
            let (code, answer) = step(&mut scripted, (kind, subject, which));
            if kind <= 4 {
                prop_assert_eq!(code, 200, "{}", answer);
                let context = SUBJECTS[subject].contains(".lab");
                let schema = schemas.entry((context, answer["id"].as_i64())).or_insert(which);
                prop_assert_eq!(*schema, which);
            }
            let compacted = replayed(&compacted(&scripted.log, scripted.log.len()));
            prop_assert_eq!(&compacted, &scripted.machine);
            scripted.machine = compacted;
        }
    }
}
