//! The names of generated modules and tests, after files and cases.

use std::collections::HashSet;
use std::path::Path;

use proc_macro2::Span;
use syn::Ident;

/// Returns the names of the modules of files: the name of each file, with as many of its directories as make it unique.
///
/// All files of one name get longer names, so that no name depends on the order of the files.
pub(super) fn modules<'a>(files: impl Iterator<Item = &'a str>) -> Vec<Ident> {
    let files: Vec<Vec<String>> = files.map(parts).collect();
    let mut lengths = vec![1_usize; files.len()];
    let name = |file: &[String], length: usize| {
        let from = file.len().saturating_sub(length);
        identifier(&file.get(from..).unwrap_or_default().join("_"))
    };
    loop {
        let both = || files.iter().zip(&lengths);
        let names: Vec<String> = both().map(|(file, length)| name(file, *length)).collect();
        let may_grow: Vec<bool> = both()
            .zip(&names)
            .map(|((file, length), name)| {
                let others = names.iter().filter(|other| *other == name);
                others.count() > 1 && *length < file.len()
            })
            .collect();
        if !may_grow.contains(&true) {
            let mut unique = Names::default();
            return names.iter().map(|name| unique.unique(name)).collect();
        }
        for (length, may_grow) in lengths.iter_mut().zip(may_grow) {
            *length += usize::from(may_grow);
        }
    }
}

/// Returns the directories of a file and its name without the extension.
fn parts(file: &str) -> Vec<String> {
    let path = Path::new(file).with_extension("");
    let parts = path.components();
    let parts = parts.map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.collect()
}

/// The names of modules and functions in use.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Returns an identifier after `wanted` that is not in use yet, and takes it.
    pub(super) fn unique(&mut self, wanted: &str) -> Ident {
        let plain = identifier(wanted);
        let mut name = plain.clone();
        let mut number = 2_usize;
        while !self.0.insert(name.clone()) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        Ident::new(&name, Span::call_site())
    }
}

/// Turns a name into an identifier: other characters become `_`, a `_` goes before a digit and behind a keyword.
fn identifier(wanted: &str) -> String {
    let mut name: String = wanted
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '_'
            }
        })
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert(0, '_');
    }
    if name == "_" || syn::parse_str::<Ident>(&name).is_err() {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_same_name_are_told_apart_by_their_directories() {
        let names = |files: &[&str]| {
            let names = modules(files.iter().copied()).into_iter();
            names.map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&[
                "plans/a.b.pysoa",
                "plans/same.pysoa",
                "plans/sub/same.pysoa"
            ]),
            ["a_b", "plans_same", "sub_same"]
        );
        assert_eq!(
            names(&[
                "x/s/same.pysoa",
                "y/s/same.pysoa",
                "y/t/same.pysoa",
                "y/other.pysoa"
            ]),
            ["x_s_same", "y_s_same", "t_same", "other"]
        );
        assert_eq!(
            names(&["a-b.pysoa", "a_b.pysoa", "s/a-b.pysoa"]),
            ["a_b", "a_b_2", "s_a_b"]
        );
    }

    #[test]
    fn names_are_what_rust_takes_and_unique() {
        let mut names = Names::default();
        let made = ["001 simple", "type", "a-b", "a_b", "a.b", "_", "ok"]
            .map(|name| names.unique(name).to_string());
        assert_eq!(
            made,
            ["_001_simple", "type_", "a_b", "a_b_2", "a_b_3", "__", "ok"]
        );
    }
}
