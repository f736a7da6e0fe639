//! The way of the log's lines to the standard error.
//!
//! A line is appended to a buffer, and a thread writes what is there. So nobody who logs ever waits for whoever reads the
//! log: a job does not, and neither does the thread that ends the process. The thread writes the first line at once, and
//! collects what follows for some milliseconds; a write then has many lines. The buffer has a bound, above which lines are
//! lost. They are counted, and the log says how many they were as soon as it is read again.
//!
//! Lines reach the file in whole. A pipe that several processes share mixes what is larger than its atomic size, so a write
//! ends at the last line that fits into that.
//!
//! The non-blocking writer of `tracing-appender` was tried first. Its queue has a bound in lines and not in bytes, each line
//! is an allocation and a write, and its guard gives up all that waits if the queue is full when the process ends.

use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use soa_runtime::observe::names;
use tracing_subscriber::fmt::MakeWriter;

/// Largest number of bytes in one write, which no other process' write to the same pipe divides: `PIPE_BUF` of Linux.
const WRITE_SIZE: usize = 4096;

/// Time after a write in which lines are collected for the next.
const COLLECTING_TIME: Duration = Duration::from_millis(5);

/// Number of collected bytes that are written at once.
const COLLECTED_SIZE: usize = 64 * 1024;

/// Pause before the next attempt, if the standard error is in non-blocking mode and full.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Time between two lines about lost ones.
const LOSS_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Time that one write takes at least for the reader to count as stuck.
const STUCK_AFTER: Duration = Duration::from_millis(100);

/// A writer of lines, which never blocks. Clones write to the same file.
#[derive(Clone, Debug)]
pub(super) struct LineWriter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Largest number of bytes that wait.
    limit: usize,
    state: Mutex<State>,
    /// Wakes the thread.
    filled: Condvar,
    /// Wakes those who wait until their lines are written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Lines that the thread has not taken yet.
    lines: Vec<u8>,
    /// Numbers of bytes since the start that were accepted, and that were written or given up.
    accepted: u64,
    done: u64,
    /// Lines that were lost and not told yet.
    lost: u64,
    /// Time of the last line about lost ones.
    told: Option<Instant>,
    /// Begin of the write that is under way.
    writing_since: Option<Instant>,
    /// Number of bytes at which the thread wants to be woken, while it waits.
    wake_at: Option<usize>,
    /// Number of those who wait for the end of all writes.
    flushing: usize,
    /// True if nothing was written in the time of a whole flush, and nothing since.
    is_given_up: bool,
}

impl LineWriter {
    /// A writer that keeps up to this number of bytes. Nothing is written before [`start`](Self::start).
    pub(super) fn new(limit: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit,
                state: Mutex::default(),
                filled: Condvar::new(),
                written: Condvar::new(),
            }),
        }
    }

    /// Starts the thread that writes, to the standard error.
    pub(super) fn start(&self) -> io::Result<()> {
        self.start_to(rustix::stdio::stderr())
    }

    fn start_to(&self, file: BorrowedFd<'static>) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("soa-log".to_owned());
        thread.spawn(move || shared.run(file)).map(drop)
    }

    /// Appends a line, or counts it as lost.
    pub(super) fn append(&self, line: &[u8]) {
        let mut state = self.shared.state();
        let waiting = state.waiting();
        // A line that is larger than the bound is not lost alone for that.
        if waiting > 0 && waiting.saturating_add(line.len()) > self.shared.limit {
            state.lost += 1;
            return;
        }
        state.lines.extend_from_slice(line);
        state.accepted += as_count(line.len());
        let size = state.lines.len();
        let is_due = state.wake_at.is_some_and(|wake_at| size >= wake_at);
        if is_due {
            state.wake_at = None;
            drop(state);
            self.shared.filled.notify_one();
        }
    }

    /// Waits until all lines so far are written, for this time at most. If nothing was written in the time of the last call,
    /// it does not wait again.
    pub(super) fn flush(&self, limit: Duration) {
        let end = Instant::now() + limit;
        self.shared.tell_losses(true);
        let mut state = self.shared.state();
        let (goal, before) = (state.accepted, state.done);
        state.flushing += 1;
        state.wake_at = None;
        self.shared.filled.notify_one();
        while state.done < goal && !state.is_given_up {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.is_given_up = state.done == before;
                break;
            }
            let waited = self.shared.written.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.flushing -= 1;
    }

    /// True if a write takes so long that another one to the same file would block as well.
    pub(super) fn is_stuck(&self) -> bool {
        let since = self.shared.state().writing_since;
        since.is_some_and(|since| since.elapsed() >= STUCK_AFTER)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines as they come, for the life of the process.
    fn run(&self, file: BorrowedFd<'_>) {
        let mut batch = Vec::new();
        loop {
            self.take(&mut batch);
            let mut rest = &*batch;
            while let Some((part, further)) = first_part(rest) {
                self.state().writing_since = Some(Instant::now());
                let is_written = write(file, part);
                let mut state = self.state();
                state.writing_since = None;
                state.done += as_count(part.len());
                if is_written {
                    state.is_given_up = false;
                } else {
                    state.lost += lines(part);
                }
                let has_losses = state.lost > 0;
                if state.flushing > 0 {
                    self.written.notify_all();
                }
                drop(state);
                if has_losses && is_written {
                    self.tell_losses(false);
                }
                rest = further;
            }
            batch.clear();
            batch.shrink_to(COLLECTED_SIZE);
        }
    }

    /// Waits for lines, and takes them all.
    fn take(&self, batch: &mut Vec<u8>) {
        let mut state = self.state();
        // What comes right after a write is collected.
        let end = Instant::now() + COLLECTING_TIME;
        while state.flushing == 0 && state.lines.len() < COLLECTED_SIZE {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.wake_at = Some(COLLECTED_SIZE);
            let waited = self.filled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        while state.lines.is_empty() {
            state.wake_at = Some(1);
            // A poisoned lock is as good as any: see `state`.
            match state.time_to_losses() {
                None => {
                    let woken = self.filled.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                Some(left) if left.is_zero() => {
                    drop(state);
                    self.tell_losses(false);
                    state = self.state();
                }
                Some(left) => {
                    let woken = self.filled.wait_timeout(state, left);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        state.wake_at = None;
        std::mem::swap(&mut state.lines, batch);
    }

    /// Logs how many lines were lost, if there are some and it is time to.
    fn tell_losses(&self, is_last: bool) {
        let mut state = self.state();
        let is_due = |left: Duration| is_last || left.is_zero();
        if !state.time_to_losses().is_some_and(is_due) {
            return;
        }
        state.told = Some(Instant::now());
        let lost = std::mem::take(&mut state.lost);
        drop(state);
        names::LOG_LOST.counter([]).increment(lost);
        tracing::error!(
            lost,
            "lines of the log were lost: nobody read it fast enough"
        );
    }
}

impl State {
    /// Number of bytes that wait, those that are being written included.
    fn waiting(&self) -> usize {
        usize::try_from(self.accepted - self.done).unwrap_or(usize::MAX)
    }

    /// The time until losses may be told, if there are some.
    fn time_to_losses(&self) -> Option<Duration> {
        let since_told = self.told.map_or(LOSS_LOG_INTERVAL, |told| told.elapsed());
        (self.lost > 0).then(|| LOSS_LOG_INTERVAL.saturating_sub(since_told))
    }
}

/// Divides lines into those of the next write and the others.
fn first_part(lines: &[u8]) -> Option<(&[u8], &[u8])> {
    if lines.is_empty() {
        return None;
    }
    let is_end = |byte: &u8| *byte == b'\n';
    let begin = lines.get(..WRITE_SIZE).unwrap_or(lines);
    let end = match begin.iter().rposition(is_end) {
        Some(last) => last + 1,
        // A longer line is written alone.
        None => lines
            .iter()
            .position(is_end)
            .map_or(lines.len(), |end| end + 1),
    };
    lines.split_at_checked(end)
}

/// Writes all of it. False if the file does not take it: its reader is gone, or the disk is full.
fn write(file: BorrowedFd<'_>, mut lines: &[u8]) -> bool {
    while !lines.is_empty() {
        match rustix::io::write(file, lines) {
            Ok(written) => lines = lines.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => thread::sleep(RETRY_PAUSE),
            Err(_) => return false,
        }
    }
    true
}

fn lines(text: &[u8]) -> u64 {
    as_count(text.iter().filter(|byte| **byte == b'\n').count())
}

fn as_count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LineWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{PipeReader, Read as _, pipe};
    use std::os::fd::AsFd as _;

    use super::*;

    /// A writer to a pipe, which stays open for the life of the process.
    fn started(limit: usize) -> (LineWriter, PipeReader) {
        let (reader, end) = pipe().unwrap();
        let end: &'static _ = Box::leak(Box::new(end));
        let writer = LineWriter::new(limit);
        writer.start_to(end.as_fd()).unwrap();
        (writer, reader)
    }

    const LONG: Duration = Duration::from_secs(60);

    fn number(count: usize) -> Vec<u8> {
        format!("line {count:>10}\n").into_bytes()
    }

    #[test]
    fn lines_arrive_in_order_and_whole() {
        let (writer, mut reader) = started(64 * 1024 * 1024);
        let read = thread::spawn(move || {
            let mut text = vec![0; number(0).len() * 100_000];
            reader.read_exact(&mut text).unwrap();
            text
        });
        let mut expected = Vec::new();
        for count in 0..100_000 {
            writer.append(&number(count));
            expected.extend(number(count));
        }
        writer.flush(LONG);
        assert!(read.join().unwrap() == expected);
        assert_eq!(writer.shared.state().lost, 0);
    }

    #[test]
    fn who_logs_does_not_wait_for_who_reads_and_what_does_not_fit_is_counted() {
        let limit = 1024 * 1024;
        let (writer, reader) = started(limit);
        for count in 0..200_000 {
            writer.append(&number(count));
        }
        let lost = {
            let state = writer.shared.state();
            assert!(state.waiting() <= limit);
            state.lost
        };
        // What is not lost is in the buffer, or in the pipe.
        assert!((1..200_000).contains(&lost), "{lost}");
        let since = Instant::now();
        writer.flush(Duration::from_millis(100));
        writer.flush(LONG);
        assert!(since.elapsed() < LONG / 2);
        assert!(writer.is_stuck());
        drop(reader);
    }

    #[test]
    fn a_write_ends_with_a_line() {
        let text: Vec<u8> = (0..1000).flat_map(number).collect();
        let mut rest = &*text;
        let mut count = 0;
        while let Some((part, further)) = first_part(rest) {
            assert!(part.len() <= WRITE_SIZE && part.ends_with(b"\n"));
            rest = further;
            count += 1;
        }
        assert_eq!(count, text.len().div_ceil(WRITE_SIZE / 16 * 16));
        let long = [b"x".repeat(WRITE_SIZE * 2), b"\nshort\n".to_vec()].concat();
        let (part, further) = first_part(&long).unwrap();
        assert_eq!((part.len(), further), (WRITE_SIZE * 2 + 1, &b"short\n"[..]));
    }

    #[test]
    fn a_reader_that_is_gone_costs_lines_and_nothing_else() {
        let (writer, reader) = started(1024);
        drop(reader);
        for count in 0..10 {
            writer.append(&number(count));
            writer.flush(LONG);
        }
        assert_eq!(writer.shared.state().waiting(), 0);
    }
}
