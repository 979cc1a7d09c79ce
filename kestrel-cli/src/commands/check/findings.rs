//! Findings: what was checked, how it is, and what to do. Pure.

use crate::failure::{Exit, Failure};
use crate::output::{Cell, Table};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warn,
    /// Not usable.
    Fail,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

#[derive(Debug)]
struct Finding {
    check: String,
    verdict: Verdict,
    found: String,
    remedy: String,
}

impl Findings {
    /// Adds what was found, and what to do about it.
    pub(super) fn add(&mut self, check: &str, verdict: Verdict, found: impl Into<String>, remedy: &str) {
        let (check, found, remedy) = (check.to_owned(), found.into(), remedy.to_owned());
        self.0.push(Finding { check, verdict, found, remedy });
    }

    /// Adds that a check could not be made, which is as bad as what it is about.
    pub(super) fn failed(&mut self, check: &str, failure: &Failure) {
        self.add(check, Verdict::Fail, failure.message(), failure.what_to_change().unwrap_or_default());
    }

    /// A row for each.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(["check", "result", "found", "remedy"]);
        for Finding { check, verdict, found, remedy } in &self.0 {
            let result = Cell::from(verdict.word()).alarming_if(*verdict != Verdict::Ok);
            let remedy = Some(remedy.as_str()).filter(|remedy| !remedy.is_empty());
            table.row([check.as_str().into(), result, found.as_str().into(), remedy.into()]);
        }
        table
    }

    /// The outcome of the command; what failed was said.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        let fails = self.0.iter().any(|finding| finding.verdict == Verdict::Fail);
        if fails { Err(Failure::reported(Exit::Failed)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fails_fails() {
        let mut findings = Findings::default();
        findings.add("leaders", Verdict::Ok, "3 partitions", "");
        findings.add("replicas", Verdict::Warn, "1 behind", "Look.");
        assert!(findings.outcome().is_ok());
        findings.failed("registry", &Failure::new("no answer").remedy("Start it."));
        assert!(findings.outcome().is_err());
        let lines = findings.table().json_lines();
        assert_eq!(
            lines.lines().last(),
            Some(r#"{"check":"registry","result":"fail","found":"no answer","remedy":"Start it."}"#)
        );
    }
}
