//! Output: reports on the standard output, progress and errors on the standard error.
//!
//! The reader of either may go before the program ends, as `head` does. `println!` and `eprintln!` would panic then.

use std::fmt;
use std::io::{self, Write};

/// Prints a report and a line break.
///
/// # Errors
/// The standard output cannot be written: [`io::ErrorKind::BrokenPipe`] if its reader has gone.
pub(crate) fn report(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints a line about the progress, or an error, if anybody reads it.
pub(crate) fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
