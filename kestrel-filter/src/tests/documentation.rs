//! What `docs/filters.md` says, held against the language.

use super::{Sample, context};
use crate::expression::function::functions;
use crate::filter::Filter;
use crate::record::part::Part;

const PAGE: &str = include_str!("../../../docs/filters.md");

/// The contents of the page's blocks in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    PAGE.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn answer(filter: &str) -> String {
    let sample = Sample::parse(blocks("json")[0]);
    let headers = sample.headers();
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{error}"));
    match filter.matches(&sample.record(&headers), &context()) {
        Ok(answer) => answer.to_string(),
        Err(undecided) => undecided.to_string(),
    }
}

#[test]
fn the_examples_are_true_of_the_record() {
    let filters: Vec<&str> = blocks("filter").into_iter().flat_map(str::lines).collect();
    assert!(filters.len() > 20, "{filters:?}");
    for filter in filters {
        assert_eq!(answer(filter), "true", "{filter}");
    }
}

#[test]
fn the_table_of_functions_is_that_of_the_code() {
    assert!(PAGE.contains(&functions()), "docs/filters.md has to have:\n{}", functions());
    let mut examples = 0;
    for row in functions().lines().skip(2) {
        let example = row.rsplit('`').nth(1).unwrap().replace("\\|", "|");
        assert_eq!(answer(&example), "true", "{example}");
        examples += 1;
    }
    assert!(examples > 15);
}

#[test]
fn what_is_undecided_is_so_for_the_reason_that_is_given() {
    for block in blocks("undecided") {
        let lines: Vec<&str> = block.lines().collect();
        for pair in lines.chunks(2) {
            assert_eq!(answer(pair[0]), pair[1]);
        }
    }
}

#[test]
fn what_is_refused_is_refused_in_these_words() {
    for block in blocks("refused") {
        let (filter, error) = block.trim_end().split_once('\n').unwrap();
        assert_eq!(Filter::parse(filter).unwrap_err().to_string(), error);
    }
}

#[test]
fn the_parts_are_those_of_the_code() {
    let table = PAGE.split("| part | type |").nth(1).unwrap().split("\n\n").next().unwrap();
    let first_cells = table.lines().skip(2).map(|row| row.split('|').nth(1).unwrap());
    let names: Vec<&str> = first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert_eq!(names, Part::ALL.map(Part::name));
}
