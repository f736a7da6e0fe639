//! A service for the tests of delivery: it notes in a file what it runs, takes its time, and ends its process on demand.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use soa::{ActionError, Context, service};

/// A run to be noted.
#[soa::body]
struct Note {
    /// File to which a line is appended for each run.
    file: String,
    /// Text of the line.
    id: String,
    /// Time that the run takes.
    milliseconds: u64,
}

/// The number of the delivery.
#[soa::body]
struct Noted {
    attempt: u32,
}

/// A way to end the process.
#[soa::body]
struct Ending {
    /// `abort`, `overflow`, `memory` or `block`.
    how: String,
    /// File to which a line is appended for each run.
    file: String,
}

/// A file to which each run appends the number of its process.
#[soa::body]
struct Tell {
    file: String,
}

struct Mill;

fn append(file: &str, line: &str) -> Result<(), ActionError> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    written.map_err(|error| ActionError::internal(error.to_string()))
}

async fn noted(note: Note, cx: &Context) -> Result<Noted, ActionError> {
    append(&note.file, &note.id)?;
    tokio::time::sleep(Duration::from_millis(note.milliseconds)).await;
    Ok(Noted {
        attempt: cx.attempt(),
    })
}

#[service(name = "mill", version = "1.0.0")]
impl Mill {
    /// May run twice.
    #[action(idempotent)]
    async fn grind(&self, request: Note, cx: &Context) -> Result<Noted, ActionError> {
        noted(request, cx).await
    }

    /// Tells its process, and takes a second.
    #[action(idempotent)]
    async fn tell(&self, request: Tell) -> Result<(), ActionError> {
        append(&request.file, &std::process::id().to_string())?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    /// Must not run twice.
    #[action]
    async fn sell(&self, request: Note, cx: &Context) -> Result<Noted, ActionError> {
        noted(request, cx).await
    }

    /// Ends the process, or blocks its thread.
    #[action(idempotent)]
    async fn burn(&self, request: Ending) -> Result<(), ActionError> {
        append(&request.file, "burn")?;
        match &*request.how {
            "abort" => std::process::abort(),
            "overflow" => {
                let _ = deeper(1);
            }
            "memory" => more_and_more(),
            _ => std::thread::sleep(Duration::from_secs(12)),
        }
        Ok(())
    }
}

/// Has no end but that of the memory. It is asked for and never used, so the machine has all of it.
fn more_and_more() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(std::hint::black_box(Vec::with_capacity(16 * 1024 * 1024)));
    }
}

/// Has no end but that of the stack.
#[expect(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + page.iter().sum::<u64>()
}

fn main() -> ExitCode {
    soa::main(async |_: soa::settings::Settings| Ok(Mill))
}
