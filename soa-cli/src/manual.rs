//! The man pages: one for the program, and one for each command.

use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::failure::{Failure, Reason};
use crate::output::print;

/// Writes all pages into a folder.
pub(crate) fn write(folder: &Path) -> Result<(), Failure> {
    let written = clap_mangen::generate_to(Arguments::command(), folder);
    written.map_err(|error| {
        Failure::new(
            Reason::Bad,
            format!(
                "the man pages cannot be written into {}: {error}",
                folder.display()
            ),
        )
        .advise("the folder has to exist")
    })?;
    print(&format!("wrote the man pages into {}", folder.display()))
}
