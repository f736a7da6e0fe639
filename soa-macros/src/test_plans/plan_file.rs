//! The files of plans that the patterns of `test_plans!` match.

use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::LitStr;

use super::case::{self, Case};
use super::glob;
use crate::errors::Errors;

/// A file of plans.
pub(super) struct Plan {
    /// The path, relative to the crate.
    pub(super) file: String,
    pub(super) cases: Vec<Case>,
}

/// Returns the plans that match, sorted by their paths.
pub(super) fn find(patterns: &[LitStr], root: &Path, errors: &mut Errors) -> Vec<Plan> {
    let mut files: Vec<PathBuf> = Vec::new();
    if patterns.is_empty() {
        errors.at(
            Span::call_site(),
            "`test_plans!` needs a pattern of files, relative to the crate: write `\"tests/plans/*.pysoa\"`",
        );
    }
    for pattern in patterns {
        let found = glob::find(root, &pattern.value());
        if found.is_empty() {
            let pattern_text = pattern.value();
            errors.on(
                pattern,
                format!(
                    "no file matches `{pattern_text}` in the directory of the crate's Cargo.toml"
                ),
            );
        }
        files.extend(found);
    }
    files.sort();
    files.dedup();
    let mut read = Vec::new();
    for file in files {
        match std::fs::read_to_string(root.join(&file)) {
            Ok(text) => read.push(Plan {
                file: file.to_string_lossy().replace('\\', "/"),
                cases: case::cases(&text),
            }),
            Err(error) => errors.at(
                Span::call_site(),
                format!("{} cannot be read: {error}", file.display()),
            ),
        }
    }
    read
}
