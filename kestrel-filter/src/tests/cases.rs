//! The table of cases, `testdata/cases.txt`: a record, and what filters say to it. `UPDATE_EXPECT=1` writes the answers anew.

use std::fmt::Write;

use expect_test::expect_file;

use super::{Sample, context};
use crate::filter::Filter;

const CASES: &str = include_str!("../../testdata/cases.txt");
const VERDICTS: [&str; 4] = ["yes", "no", "undecided", "refused"];

/// What a filter says to a record, with the reason where there is one.
fn answer(filter: &str, sample: &Sample) -> String {
    let filter = match Filter::parse(filter) {
        Ok(filter) => filter,
        Err(error) => {
            let place = &filter[error.range()];
            let place = if place.is_empty() { "the end".to_owned() } else { format!("`{place}`") };
            let mut text = format!("refused    {filter}\n           {place}: {}\n", error.message());
            if let Some(help) = error.help() {
                writeln!(text, "           {help}").unwrap();
            }
            return text;
        }
    };
    let headers = sample.headers();
    match filter.matches(&sample.record(&headers), &context()) {
        Ok(true) => format!("yes        {}\n", filter.text()),
        Ok(false) => format!("no         {}\n", filter.text()),
        Err(undecided) => format!("undecided  {}\n           {undecided}\n", filter.text()),
    }
}

/// The filters of the table, each with its record.
fn cases() -> Vec<(String, Sample)> {
    let mut sample = Sample::parse("{}");
    let mut cases = Vec::new();
    for line in CASES.lines() {
        match line.split_once(' ').map(|(first, rest)| (first, rest.trim_start())) {
            Some(("record", json)) => sample = Sample::parse(json),
            Some((verdict, filter)) if VERDICTS.contains(&verdict) => {
                cases.push((filter.to_owned(), sample.clone()));
            }
            _ => {}
        }
    }
    cases
}

#[test]
fn filters_say_what_the_table_says() {
    let (mut cases, mut said) = (cases().into_iter(), String::new());
    for line in CASES.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if VERDICTS.contains(&first) {
            let (filter, sample) = cases.next().unwrap();
            said.push_str(&answer(&filter, &sample));
        } else if !line.starts_with("           ") {
            said.push_str(line);
            said.push('\n');
        }
    }
    expect_file!["../../testdata/cases.txt"].assert_eq(&said);
}

#[test]
fn the_table_is_long_enough() {
    let accepted = cases().iter().filter(|(filter, _)| Filter::parse(filter).is_ok()).count();
    assert!(cases().len() >= 200 && accepted >= 140, "{} cases, {accepted} accepted", cases().len());
}

#[test]
fn a_filter_that_is_written_back_is_the_same() {
    for (text, _) in cases() {
        let Ok(filter) = Filter::parse(&text) else { continue };
        let written = filter.to_string();
        let again = Filter::parse(&written).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert!(again == filter && again.to_string() == written, "{text}: {written}");
    }
}
