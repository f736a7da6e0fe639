//! The order of the modules of every crate, as ARCHITECTURE.md lists it, held against the sources.
//!
//! * Each module of a crate is in the crate's list, and uses only modules above it there.
//! * No two files of a crate use each other, directly or round a loop. A `mod.rs` that declares and re-exports uses
//!   nothing: an import through it counts as one of the file that defines the name.
//!
//! Test modules are left out: a test may use whatever it tests.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use source::Crate;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The lists of ARCHITECTURE.md by the folder of their crate.
fn lists() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, section) = text.split_once("\n## Modules, lowest first\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lists = section.split("\n### ").skip(1).map(|part| {
        let folder = part.split_whitespace().next().unwrap();
        let list = part.split("```text\n").nth(1).unwrap();
        let list = list.split("```").next().unwrap();
        let names = list.split_whitespace().map(str::to_owned);
        (folder.to_owned(), names.collect())
    });
    lists.collect()
}

#[test]
fn every_module_uses_only_those_above_it_in_the_list() {
    let mut problems = Vec::new();
    for (folder, list) in lists() {
        let sources = Crate::read(&root().join(&folder).join("src"));
        let place = |module: &str| list.iter().position(|name| name == module);
        let modules = sources.top_modules();
        for listed in list.iter().filter(|name| !modules.contains(*name)) {
            problems.push(format!("{folder}: `{listed}` is listed, and is no module"));
        }
        for module in modules.iter().filter(|name| place(name).is_none()) {
            problems.push(format!(
                "{folder}: the module `{module}` is not in the list"
            ));
        }
        for (file, target) in sources.uses() {
            let (Some(from), Some(to)) = (file.top_module(), target.top_module()) else {
                continue;
            };
            if from != to && place(from) <= place(to) {
                let (file, target) = (file.path(), target.path());
                problems.push(format!(
                    "{folder}: {file} uses {target}, but the list has `{to}` after `{from}`"
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let mut problems = Vec::new();
    for folder in lists().into_keys() {
        let sources = Crate::read(&root().join(&folder).join("src"));
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (file, target) in sources.uses() {
            if file != target {
                uses.entry(file.path()).or_default().insert(target.path());
            }
        }
        for circle in circles(&uses) {
            problems.push(format!("{folder}: {}", circle.join(" -> ")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// One circle through each file that is in any, shortest first, none told twice.
fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for start in uses.keys() {
        if found.iter().any(|circle| circle.contains(start)) {
            continue;
        }
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        'search: while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for next in way
                    .last()
                    .and_then(|last| uses.get(last))
                    .into_iter()
                    .flatten()
                {
                    let mut way = way.clone();
                    way.push(next.clone());
                    if next == start {
                        found.push(way);
                        break 'search;
                    }
                    if seen.insert(next.clone()) {
                        longer.push(way);
                    }
                }
            }
            ways = longer;
        }
    }
    found
}

#[test]
fn imports_that_run_the_wrong_way_are_found_in_every_form() {
    let sources = Crate::of([
        (
            "lib.rs",
            "mod a; mod b; mod c; pub use b::{Thing, inner::Deep as Renamed};",
        ),
        (
            "a.rs",
            "use crate::{Thing as T, c::{self, d}}; use crate::Renamed;",
        ),
        (
            "b/mod.rs",
            "pub mod inner; mod own; pub use own::Own; pub struct Thing;",
        ),
        (
            "b/inner.rs",
            "use super::Own; pub struct Deep; fn f() { super::super::c::g(); }",
        ),
        (
            "b/own.rs",
            "pub struct Own; macro_rules! m { () => { $crate::a::X } }",
        ),
        (
            "c.rs",
            "#[cfg(test)] mod tests { use crate::a::Y; } /* crate::a */ fn g() {} // crate::a",
        ),
    ]);
    let mut uses: Vec<String> = sources
        .uses()
        .map(|(file, target)| format!("{} {}", file.path(), target.path()))
        .collect();
    uses.sort();
    uses.dedup();
    assert_eq!(
        uses,
        [
            "a.rs b/inner.rs",
            "a.rs b/mod.rs",
            "a.rs c.rs",
            "b/inner.rs b/own.rs",
            "b/inner.rs c.rs",
            "b/own.rs a.rs",
        ]
    );
}
