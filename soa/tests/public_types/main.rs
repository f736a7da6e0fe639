//! The types of other crates in the public signatures of this framework, held against a list.
//!
//! A type of another crate in a signature ties users to the version of that crate. rustdoc tells every public signature
//! as JSON, names that are hidden from the documentation left out; each crate and path in them has to be in
//! `allowed.txt` beside this file, and everything there has to be in use.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

#[path = "../interop/nested_cargo.rs"]
mod nested_cargo;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The crates whose public items are a user's.
const CRATES: [&str; 7] = [
    "soa-wire",
    "soa-runtime",
    "soa-redis",
    "soa-http",
    "soa-registry",
    "soa-testing",
    "soa-program",
];

/// The standard library, and our own crates.
const OWN: [&str; 11] = [
    "std",
    "core",
    "alloc",
    "soa",
    "soa_wire",
    "soa_runtime",
    "soa_redis",
    "soa_http",
    "soa_registry",
    "soa_testing",
    "soa_program",
];

#[test]
fn public_signatures_have_only_the_types_of_other_crates_that_are_listed() {
    let allowed: BTreeSet<String> = include_str!("allowed.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let folder = document();
    let found = CRATES
        .into_iter()
        .flat_map(|name| foreign_types(&folder, name));
    let found: BTreeSet<String> = found.collect();
    let is_of = |path: &str, entry: &str| match entry.strip_suffix('*') {
        Some(module) => path.starts_with(module),
        None => path == entry,
    };
    let unlisted: Vec<&String> = found
        .iter()
        .filter(|path| !allowed.iter().any(|entry| is_of(path, entry)))
        .collect();
    assert!(
        unlisted.is_empty(),
        "in public signatures, and not in allowed.txt: {unlisted:#?}"
    );
    let unused: Vec<&String> = allowed
        .iter()
        .filter(|entry| !found.iter().any(|path| is_of(path, entry)))
        .collect();
    assert!(
        unused.is_empty(),
        "in allowed.txt, and in no public signature: {unused:#?}"
    );
}

/// Documents the workspace as JSON, and returns the folder with the files. All of it at once, so that cargo builds no
/// dependency with other features than it has built it with before.
fn document() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = nested_cargo::cargo()
        .current_dir(&root)
        .args([
            "doc",
            "--workspace",
            "--no-deps",
            "--all-features",
            "--quiet",
            "--locked",
        ])
        .env("RUSTDOC", root.join("scripts/rustdoc-json"))
        .env_remove("RUSTDOCFLAGS")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The folder for files of tests stands in the folder of all that is built.
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../doc")
}

/// The foreign types in the public signatures of a crate, as paths.
fn foreign_types(folder: &Path, name: &str) -> BTreeSet<String> {
    let file = folder.join(name.replace('-', "_") + ".json");
    let docs: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let items = docs["index"].as_object().unwrap().values();
    let own = items.filter(|item| item["crate_id"] == 0 && !is_derived_by_the_compiler(item));
    let mut ids = BTreeSet::new();
    own.for_each(|item| collect_ids(&item["inner"], &mut ids));
    let paths = ids.iter().filter_map(|id| {
        let summary = &docs["paths"][id];
        let path = summary["path"].as_array()?;
        let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
        (!OWN.contains(path.first()?)).then(|| path.join("::"))
    });
    paths.collect()
}

/// True for implementations that nobody has written: of auto traits, and blanket ones of other crates.
fn is_derived_by_the_compiler(item: &Value) -> bool {
    let implementation = &item["inner"]["impl"];
    implementation["is_synthetic"] == true || !implementation["blanket_impl"].is_null()
}

/// Collects the ids of all types and traits that are named in a part of a signature.
fn collect_ids(part: &Value, ids: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            if fields.contains_key("path")
                && let Some(id) = fields.get("id").and_then(Value::as_u64)
            {
                ids.insert(id.to_string());
            }
            fields.values().for_each(|field| collect_ids(field, ids));
        }
        Value::Array(parts) => parts.iter().for_each(|part| collect_ids(part, ids)),
        _ => {}
    }
}
