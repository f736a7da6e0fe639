//! The file of records: lines are added to it, and it does not grow without end.
//!
//! Several processes may write one file. Each adds whole lines by one write, and looks before whether the file still has its
//! name: another process, or a program that rotates logs, may have moved it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::rules::{Rules, WhenFull};

/// The pause after a failure, in which no further attempt is made.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The reason why lines are not written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The file is full, and is not to be replaced.
    Full,
    /// The file cannot be written.
    Failed(String),
}

/// A file to which lines are added.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    max_bytes: u64,
    when_full: WhenFull,
    open: Option<File>,
    /// True if the last line was cut off by a failure, as of a full disk.
    is_torn: bool,
    /// The last failure, with its time.
    failed: Option<(Instant, String)>,
}

impl RecordFile {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            path: rules.file.clone(),
            max_bytes: rules.max_file_bytes,
            when_full: rules.when_full,
            open: None,
            is_torn: false,
            failed: None,
        }
    }

    /// Writes lines. Returns the outcomes, each with its number of lines.
    pub(super) fn write(
        &mut self,
        lines: &[String],
        now: Instant,
    ) -> Vec<(u64, Result<(), Unwritten>)> {
        let mut outcomes = Vec::new();
        if let Some((since, error)) = &self.failed
            && now.duration_since(*since) < RETRY_PAUSE
        {
            outcomes.push((count(lines), Err(Unwritten::Failed(error.clone()))));
            return outcomes;
        }
        self.failed = None;
        let mut lines = lines;
        while !lines.is_empty() {
            let (fitting, outcome) = self.write_some(lines);
            // At least one line is done, or fails.
            let (done, rest) = lines.split_at(fitting.clamp(1, lines.len()));
            let outcome = outcome.map_err(|unwritten| match unwritten {
                Unwritten::Failed(error) => {
                    self.failed = Some((now, error.clone()));
                    Unwritten::Failed(error)
                }
                full @ Unwritten::Full => full,
            });
            match outcome {
                Ok(()) => outcomes.push((count(done), Ok(()))),
                // The next lines would fail in the same way.
                Err(unwritten) => {
                    outcomes.push((count(lines), Err(unwritten)));
                    return outcomes;
                }
            }
            lines = rest;
        }
        outcomes
    }

    /// Writes as many lines as the file has space for. Returns their number.
    fn write_some(&mut self, lines: &[String]) -> (usize, Result<(), Unwritten>) {
        let path = self.path.display().to_string();
        let failed = |error: &io::Error| Unwritten::Failed(format!("{path}: {error}"));
        let size = match self.current().and_then(|file| file.metadata()) {
            Ok(metadata) => metadata.len(),
            Err(error) => return (0, Err(failed(&error))),
        };
        let mut space = self.max_bytes.saturating_sub(size);
        let fitting = lines.iter().take_while(|line| {
            let left = space.checked_sub(line.len() as u64);
            space = left.unwrap_or(space);
            left.is_some()
        });
        let fitting = fitting.count();
        if fitting == 0 {
            // A line that is larger than a whole file does not fit into a new one either.
            let is_hopeless = size == 0;
            if is_hopeless || self.when_full == WhenFull::Stop {
                return (0, Err(Unwritten::Full));
            }
            if let Err(error) = self.rotate() {
                return (0, Err(failed(&error)));
            }
            return self.write_some(lines);
        }
        let text = lines.iter().take(fitting).map(String::as_str);
        let cut = if self.is_torn { "\n" } else { "" };
        let text: String = std::iter::once(cut).chain(text).collect();
        let written = self
            .current()
            .and_then(|mut file| file.write_all(text.as_bytes()));
        self.is_torn = written.is_err();
        match written {
            Ok(()) => (fitting, Ok(())),
            Err(error) => {
                let unwritten = failed(&error);
                self.open = None;
                (0, Err(unwritten))
            }
        }
    }

    /// The file that has the name, opened if need be.
    fn current(&mut self) -> io::Result<&File> {
        let named = std::fs::metadata(&self.path);
        let is_same = |file: &File| {
            let (named, own) = (named.as_ref().ok()?, file.metadata().ok()?);
            Some(named.ino() == own.ino() && named.dev() == own.dev())
        };
        match self.open.take() {
            Some(file) if is_same(&file) == Some(true) => Ok(self.open.insert(file)),
            _ => {
                let file = open(&self.path)?;
                Ok(self.open.insert(file))
            }
        }
    }

    /// Moves the file aside, in place of the one that was moved before.
    fn rotate(&mut self) -> io::Result<()> {
        let mut moved = self.path.clone().into_os_string();
        moved.push(".1");
        std::fs::rename(&self.path, moved)?;
        self.open = None;
        Ok(())
    }
}

fn count(lines: &[String]) -> u64 {
    lines.len() as u64
}

/// Opens a file to add to it. Requests are nobody's business but its owner's.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("soa-record-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self, max_bytes: u64, when_full: WhenFull) -> RecordFile {
            let mut rules = Rules::of_file(self.0.join("a.jsonl"));
            (rules.max_file_bytes, rules.when_full) = (max_bytes, when_full);
            RecordFile::new(&rules)
        }

        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.0.join(name)).unwrap_or_default()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| format!("{text}\n")).collect()
    }

    fn ok(outcomes: &[(u64, Result<(), Unwritten>)]) -> u64 {
        let ok = outcomes.iter().filter(|(_, outcome)| outcome.is_ok());
        ok.map(|(count, _)| count).sum()
    }

    #[test]
    fn a_full_file_is_moved_aside_and_both_stay_within_the_limit() {
        let folder = Folder::new("rotate");
        let mut file = folder.file(10, WhenFull::Rotate);
        let written = file.write(
            &lines(&["1234", "5678", "abcd", "efgh", "last"]),
            Instant::now(),
        );
        assert_eq!(ok(&written), 5);
        assert_eq!(folder.read("a.jsonl"), "last\n");
        assert_eq!(folder.read("a.jsonl.1"), "abcd\nefgh\n");
    }

    #[test]
    fn a_file_that_is_not_to_be_replaced_stops_until_it_is_taken_away() {
        let folder = Folder::new("stop");
        let mut file = folder.file(10, WhenFull::Stop);
        let now = Instant::now();
        let written = file.write(&lines(&["1234", "5678", "abcd"]), now);
        assert_eq!(ok(&written), 2);
        assert!(matches!(written.last(), Some((1, Err(Unwritten::Full)))));
        assert_eq!(folder.read("a.jsonl"), "1234\n5678\n");
        std::fs::rename(folder.0.join("a.jsonl"), folder.0.join("kept")).unwrap();
        assert_eq!(ok(&file.write(&lines(&["abcd"]), now)), 1);
        assert_eq!(folder.read("a.jsonl"), "abcd\n");
    }

    #[test]
    fn a_file_of_another_name_is_left_and_the_size_of_one_that_is_there_counts() {
        let folder = Folder::new("name");
        let now = Instant::now();
        let mut one = folder.file(20, WhenFull::Rotate);
        let mut other = folder.file(20, WhenFull::Rotate);
        assert_eq!(ok(&one.write(&lines(&["12345678"]), now)), 1);
        assert_eq!(ok(&other.write(&lines(&["abcdefgh", "ijklmnop"]), now)), 2);
        assert_eq!(folder.read("a.jsonl.1"), "12345678\nabcdefgh\n");
        assert_eq!(ok(&one.write(&lines(&["later"]), now)), 1);
        assert_eq!(folder.read("a.jsonl"), "ijklmnop\nlater\n");
    }

    #[test]
    fn a_line_that_is_larger_than_a_file_is_refused() {
        let folder = Folder::new("large");
        let mut file = folder.file(4, WhenFull::Rotate);
        let written = file.write(&lines(&["12345678"]), Instant::now());
        assert!(matches!(written.as_slice(), [(1, Err(Unwritten::Full))]));
    }

    #[test]
    fn a_path_that_cannot_be_written_fails_and_is_tried_again_after_a_pause() {
        let folder = Folder::new("missing");
        let mut file = folder.file(1_000, WhenFull::Rotate);
        file.path = folder.0.join("not there").join("a.jsonl");
        let now = Instant::now();
        let failed = |written: &[(u64, Result<(), Unwritten>)]| match written {
            [(1, Err(Unwritten::Failed(error)))] => error.contains("not there"),
            _ => false,
        };
        assert!(failed(&file.write(&lines(&["a"]), now)));
        std::fs::create_dir(folder.0.join("not there")).unwrap();
        assert!(failed(&file.write(&lines(&["b"]), now)), "in the pause");
        assert_eq!(ok(&file.write(&lines(&["c"]), now + RETRY_PAUSE)), 1);
        assert_eq!(folder.read("not there/a.jsonl"), "c\n");
    }
}
