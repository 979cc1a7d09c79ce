//! Cycles of imports between files: a knot of files can only be read, and changed, as a whole.
//!
//! What counts is a `use` in production code. A name that a module only passes on counts as an import of the file that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{is_test, production, sources, workspace};

/// The most files that may import each other in a circle.
const LARGEST_CYCLE: usize = 4;

/// A path of names from the root of a crate: of a module, or of something in one.
pub(crate) type Names = Vec<String>;

/// A module that has a file.
#[derive(Debug, Default)]
struct Module {
    file: String,
    imports: Vec<Names>,
    /// What it passes on, by the name under which it does.
    passed_on: BTreeMap<String, Names>,
    /// The modules of which it passes everything on.
    all_of: Vec<Names>,
}

/// The modules of a crate, by their paths.
struct Crate(BTreeMap<Names, Module>);

impl Crate {
    fn read(source: &Path) -> Self {
        let mut modules = BTreeMap::new();
        for path in sources(source) {
            let inside = path.strip_prefix(source).expect("it was found in there");
            if is_test(inside) {
                continue;
            }
            let name = module_of(inside);
            let mut module = Module { file: inside.display().to_string(), ..Module::default() };
            for (is_passed_on, names) in uses(&production(&path)) {
                let Some(names) = absolute(&name, &names) else { continue };
                match names.split_last() {
                    Some((last, all)) if is_passed_on && last == "*" => module.all_of.push(all.to_vec()),
                    // What a module keeps for itself its children have too.
                    Some((last, _)) => drop(module.passed_on.insert(last.clone(), names.clone())),
                    None => {}
                }
                if !is_passed_on {
                    module.imports.push(names);
                }
            }
            modules.insert(name, module);
        }
        Self(modules)
    }

    /// The module that has what `names` leads to.
    fn holder(&self, names: &[String]) -> Option<&Names> {
        let mut names = names.to_vec();
        // A name can be passed on a few times.
        for _ in 0..8 {
            let length = (0..=names.len()).rev().find(|&length| self.0.contains_key(&names[..length]))?;
            let (holder, rest) = (self.0.get_key_value(&names[..length])?, &names[length..]);
            let Some(first) = rest.first() else { return Some(holder.0) };
            let glob = || holder.1.all_of.iter().find(|all| self.has(all, first));
            names = match holder.1.passed_on.get(first) {
                Some(target) => [target, &rest[1..]].concat(),
                None => match glob() {
                    Some(all) => [all, rest].concat(),
                    None => return Some(holder.0),
                },
            };
        }
        None
    }

    /// Whether the module `all` declares or passes on `name`, as far as its imports tell.
    fn has(&self, all: &[String], name: &str) -> bool {
        self.0.get(all).is_some_and(|module| module.passed_on.contains_key(name))
    }

    /// Which file imports which.
    fn arrows(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for module in self.0.values() {
            let imported = module.imports.iter().filter_map(|names| self.holder(names));
            let files = imported.map(|holder| self.0[holder].file.as_str());
            arrows.entry(&module.file).or_default().extend(files.filter(|file| *file != module.file));
        }
        arrows
    }
}

/// The path of the module that is in the file `inside` of a crate's sources.
pub(crate) fn module_of(inside: &Path) -> Names {
    let mut names: Names = inside
        .with_extension("")
        .iter()
        .map(|part| part.to_str().expect("names are text").to_owned())
        .collect();
    if names.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        names.pop();
    }
    names
}

/// `names` from the root of the crate, said in `module`; `None` for those of other crates.
pub(crate) fn absolute(module: &[String], names: &[String]) -> Option<Names> {
    let (first, rest) = names.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module, rest].concat()),
        "super" => {
            let (_, parent) = module.split_last()?;
            match rest.first() {
                Some(next) if next == "super" => absolute(parent, rest),
                _ => Some([parent, rest].concat()),
            }
        }
        // A module of this file's own; a crate otherwise, which leads nowhere.
        _ => Some([module, names].concat()),
    }
}

/// The paths that a file uses, with whether it passes them on.
pub(crate) fn uses(text: &str) -> Vec<(bool, Names)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        let statement = rest[at + 4..].split(';').next().unwrap_or_default();
        if line.is_empty() || (line.starts_with("pub") && line.ends_with([' ', ')'])) {
            let mut names = Vec::new();
            expand(&mut Vec::new(), &statement.split_whitespace().collect::<Vec<_>>().join(" "), &mut names);
            found.extend(names.into_iter().map(|names| (!line.is_empty(), names)));
        }
        rest = &rest[at + 4..];
    }
    found
}

/// Takes the braces out of a `use`.
fn expand(prefix: &mut Names, tree: &str, found: &mut Vec<Names>) {
    let (path, list) = match tree.split_once('{') {
        Some((path, list)) => (path, Some(list.rsplit_once('}').map_or(list, |(list, _)| list))),
        None => (tree, None),
    };
    let path = path.split(" as ").next().unwrap_or_default();
    let names = path.split("::").map(str::trim).filter(|name| !name.is_empty());
    let length = prefix.len();
    prefix.extend(names.map(str::to_owned));
    match list {
        Some(list) => split(list).into_iter().for_each(|branch| expand(prefix, branch, found)),
        None => {
            let mut names = prefix.clone();
            names.pop_if(|last| last == "self" && length > 0);
            found.push(names);
        }
    }
    prefix.truncate(length);
}

/// Splits at the commas outside of braces.
fn split(list: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[begin..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn reachable<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(arrows[file].iter().filter(|next| seen.insert(**next)));
    }
    seen
}

/// The files of each cycle.
fn cycles<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<BTreeSet<&'a str>> {
    let reach: BTreeMap<_, _> = arrows.keys().map(|&file| (file, reachable(arrows, file))).collect();
    let circle = |file: &&'a str| {
        reach[*file].iter().copied().filter(|other| reach[other].contains(*file)).collect::<BTreeSet<_>>()
    };
    arrows.keys().filter(|file| reach[**file].contains(**file)).map(circle).collect()
}

#[test]
fn no_knot_of_files_is_large() {
    let mut large = Vec::new();
    for name in crate::CRATES {
        let modules = Crate::read(&workspace().join(name).join("src"));
        let arrows = modules.arrows();
        assert!(arrows.values().any(|imported| !imported.is_empty()), "{name} imports nothing");
        for cycle in cycles(&arrows).into_iter().filter(|cycle| cycle.len() > LARGEST_CYCLE) {
            let inside: Vec<_> = cycle
                .iter()
                .map(|file| (file, arrows[file].intersection(&cycle).collect::<Vec<_>>()))
                .collect();
            large.push(format!("{name}: {} files: {inside:#?}", cycle.len()));
        }
    }
    assert!(large.is_empty(), "{}", large.join("\n"));
}

#[test]
fn a_cycle_is_found_through_what_modules_pass_on() {
    let parse =
        |statement: &str| uses(statement).into_iter().map(|(_, names)| names.join("::")).collect::<Vec<_>>();
    assert_eq!(parse("use crate::a::{b, c::{D, self}};\n"), ["crate::a::b", "crate::a::c::D", "crate::a::c"]);
    let module = |file: &str, import: &str, passed_on: Option<(&str, &str)>| Module {
        file: file.into(),
        imports: vec![import.split("::").map(str::to_owned).collect()],
        passed_on: passed_on
            .into_iter()
            .map(|(name, to)| (name.to_owned(), to.split("::").map(str::to_owned).collect()))
            .collect(),
        ..Module::default()
    };
    let modules = Crate(BTreeMap::from([
        (vec!["a".to_owned()], module("a.rs", "room::Name", None)),
        (vec!["room".to_owned()], module("room.rs", "nowhere", Some(("Name", "room::inner::Name")))),
        (vec!["room".to_owned(), "inner".to_owned()], module("inner.rs", "a::Other", None)),
    ]));
    assert_eq!(cycles(&modules.arrows()), BTreeSet::from([BTreeSet::from(["a.rs", "inner.rs"])]));
}
