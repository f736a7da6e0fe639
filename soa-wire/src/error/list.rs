//! The text of several errors.

use std::fmt;

use crate::message::WireError;

/// Writes ``CODE at `field`: message; CODE: message``.
pub fn list(f: &mut fmt::Formatter<'_>, errors: &[WireError]) -> fmt::Result {
    for (index, error) in errors.iter().enumerate() {
        if index > 0 {
            f.write_str("; ")?;
        }
        write!(f, "{error}")?;
    }
    Ok(())
}
