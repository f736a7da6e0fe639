//! The command `health`: the state of one process, from its heartbeat file.
//!
//! The run loop of a server writes the time into this file about once a second ([`heartbeat`](super::heartbeat)). The
//! command compares it with the clock. It asks no server and no Redis, so it tells nothing about the service as a whole, and
//! an outage of Redis does not make it fail: restarting the process would not help then.
//!
//! A name with placeholders stands for the files of several processes. One that is current is enough: a restart would end
//! the jobs of that process as well.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use soa_runtime::period::Period;

use super::failure::Failure;

/// Looks for a current heartbeat in the files of this name, and describes it.
///
/// # Errors
/// There is none.
pub(super) fn probe(name: &str, max_age: Period) -> Result<String, Failure> {
    let files = files(name);
    if files.is_empty() {
        return Err(Failure::other(format!(
            "there is no heartbeat file `{name}`: the server has not started, has stopped, or writes another file \
             (`server.heartbeat_file`)"
        )));
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    let mut problems = Vec::new();
    for file in files {
        match check(&file, now, max_age.get()) {
            Ok(age) => {
                let file = file.display();
                return Ok(format!(
                    "alive: the heartbeat in `{file}` is {:.1} s old",
                    age.as_secs_f64()
                ));
            }
            Err(problem) => problems.push(problem),
        }
    }
    Err(Failure::other(problems.join("; ")))
}

/// Returns the age of the heartbeat in a file, or the reason why it does not count.
fn check(file: &Path, now: Duration, max_age: Duration) -> Result<Duration, String> {
    let shown = file.display();
    let text = fs::read_to_string(file);
    let text =
        text.map_err(|error| format!("the heartbeat file `{shown}` cannot be read: {error}"))?;
    let time = text.trim().parse().ok();
    let Some(time) = time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) else {
        return Err(format!(
            "the heartbeat file `{shown}` does not contain a time"
        ));
    };
    // A time in the future is from before the clock was set back.
    let age = now.abs_diff(time);
    if age <= max_age {
        return Ok(age);
    }
    let (age, max_age) = (age.as_secs(), Period::new(max_age));
    Err(format!(
        "the heartbeat in `{shown}` is {age} s old, and {max_age} are allowed: the process hangs, is stopped, or was killed"
    ))
}

/// Finds the files of a name, in which placeholders may stand for the numbers of processes.
fn files(name: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in Path::new(name).components() {
        let pattern = match component {
            Component::Normal(part) => part.to_str().filter(|part| part.contains("{{")),
            _ => None,
        };
        found = match pattern {
            None => found.iter().map(|path| path.join(component)).collect(),
            Some(pattern) => found
                .iter()
                .flat_map(|path| matching(path, pattern))
                .collect(),
        };
    }
    found.retain(|path| path.exists());
    found
}

/// The entries of a directory whose names fit a pattern, sorted.
fn matching(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let here = Path::new(".");
    let is_here = directory.as_os_str().is_empty();
    let entries = fs::read_dir(if is_here { here } else { directory });
    let names = entries.into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name());
    let fitting = names.filter(|name| name.to_str().is_some_and(|name| fits(pattern, name)));
    let mut paths: Vec<_> = fitting.map(|name| directory.join(name)).collect();
    paths.sort();
    paths
}

/// Returns true if a name has the form of a pattern: digits for `{{pid}}`, digits or `main` for `{{fid}}`.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, rest)) = pattern.split_once("{{") else {
        return pattern == name;
    };
    let (Some(name), Some((placeholder, after))) =
        (name.strip_prefix(before), rest.split_once("}}"))
    else {
        return false;
    };
    if placeholder == "fid"
        && let Some(rest) = name.strip_prefix("main")
        && fits(after, rest)
    {
        return true;
    }
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    (1..=digits).any(|end| name.get(end..).is_some_and(|rest| fits(after, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_their_patterns() {
        for (pattern, name, expected) in [
            ("beat", "beat", true),
            ("beat", "beats", false),
            ("beat-{{fid}}", "beat-main", true),
            ("beat-{{fid}}", "beat-12", true),
            ("beat-{{fid}}", "beat-", false),
            ("beat-{{pid}}", "beat-main", false),
            ("{{pid}}-{{fid}}.beat", "77-3.beat", true),
            ("{{pid}}{{fid}}", "123", true),
            ("{{pid}}{{fid}}", "1", false),
            ("{{pid}}", "1x", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
