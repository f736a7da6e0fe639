//! Patterns of files: `*` for a part of a name, `?` for one character, `**` for any number of directories.
//!
//! Hidden files and directories match only if the pattern has the dot. Symbolic links are not followed below `**`, as they
//! may lead in a circle. It is written here because a crate for it would be built by everybody who uses the macros.

use std::path::{Path, PathBuf};

/// Returns the files under a directory that match, relative to it, sorted.
pub(super) fn find(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let parts: Vec<&str> = pattern
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let mut found = Vec::new();
    walk(root, Path::new(""), &parts, &mut found);
    found.sort();
    found.dedup();
    found
}

fn walk(root: &Path, place: &Path, parts: &[&str], found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        return;
    };
    if *part == "**" {
        walk(root, place, rest, found);
    } else if *part == ".." {
        return walk(root, &place.join(part), rest, found);
    }
    let Ok(entries) = std::fs::read_dir(root.join(place)) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let below = place.join(name);
        let is_directory = root.join(&below).is_dir();
        if *part == "**" {
            if is_directory && !name.starts_with('.') && !entry.path().is_symlink() {
                walk(root, &below, parts, found);
            }
        } else if matches(part, name) {
            if rest.is_empty() {
                if !is_directory {
                    found.push(below);
                }
            } else if is_directory {
                walk(root, &below, rest, found);
            }
        }
    }
}

/// Returns true if a name matches a pattern without slashes.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // `reached[n]`: the pattern up to here matches the first n characters.
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for part in pattern {
        let mut next = vec![false; name.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, was)| **was) {
            let (from, to) = match part {
                '*' => (at, name.len() + 1),
                '?' if at < name.len() => (at + 1, at + 2),
                part if name.get(at) == Some(&part) => (at + 1, at + 2),
                _ => continue,
            };
            for place in next.iter_mut().take(to).skip(from) {
                *place = true;
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, name) in [
            ("*.pysoa", "a.pysoa"),
            ("*", "a"),
            ("a?c*", "abc"),
            ("*a*b*", "xaybz"),
            (".*", ".a"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.pysoa", "a.txt"),
            ("*", ".a"),
            ("a?", "a"),
            ("a", "ab"),
            ("", "a"),
            ("a?", "abc"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_found_in_directories() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(
            find(root, "src/test_plans/glob.rs"),
            [Path::new("src/test_plans/glob.rs")]
        );
        assert_eq!(
            find(root, "src/**/gl?b.rs"),
            [Path::new("src/test_plans/glob.rs")]
        );
        assert_eq!(
            find(root, "./src/*/glob.rs"),
            [Path::new("src/test_plans/glob.rs")]
        );
        assert!(
            find(root, "src/test_plans/pl*")
                .contains(&PathBuf::from("src/test_plans/plan_file.rs"))
        );
        assert!(find(root, "none/*").is_empty());
    }
}
