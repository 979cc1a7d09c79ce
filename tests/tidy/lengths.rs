//! The ratchet: no file and no function is longer than the longest of today. Whoever shortens the longest lowers the number.

use crate::{is_test, production, sources, workspace};

/// The most lines of a file, tests apart.
const LONGEST_FILE: usize = 519;
/// The most lines of a function.
const LONGEST_FUNCTION: usize = 72;
/// The most lines of all but one function in a hundred.
const LONG_FUNCTION: usize = 39;

/// The lines of each function in formatted code: from `fn` to the brace that closes at the same depth.
fn functions(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (begin, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let words: Vec<&str> = code.split(' ').collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        let is_function = words[..at].iter().all(|word| {
            word.starts_with("pub") || ["const", "async", "unsafe", "in", "extern"].contains(word)
        });
        if !is_function || code.contains("fn $") || code.ends_with(';') || code.ends_with('}') {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        let closes = |line: &&str| {
            line.strip_prefix(indent)
                .is_some_and(|rest| rest == "}" || rest.ends_with(");") && !rest.starts_with(' '))
        };
        if let Some(length) = lines[begin..].iter().position(closes) {
            found.push((length + 1, code));
        }
    }
    found
}

#[test]
fn files_and_functions_do_not_grow() {
    let (mut lengths, mut wrong) = (Vec::new(), Vec::new());
    for name in crate::CRATES {
        for path in sources(&workspace().join(name).join("src")).iter().filter(|path| !is_test(path)) {
            let text = production(path);
            let count = text.lines().count();
            if count > LONGEST_FILE {
                wrong.push(format!("{}: {count} lines", path.display()));
            }
            for (length, name) in functions(&text) {
                lengths.push(length);
                if length > LONGEST_FUNCTION {
                    wrong.push(format!("{}: {length} lines: {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    lengths.sort_unstable();
    let all_but_a_hundredth = lengths[lengths.len() * 99 / 100];
    assert!(lengths.len() > 3000, "{} functions", lengths.len());
    assert!(
        all_but_a_hundredth <= LONG_FUNCTION,
        "one function in a hundred has {all_but_a_hundredth} lines or more"
    );
}
