//! Cargo, run by a test.

use std::process::Command;

/// Cargo without what it tells this test of its package. The build of `ring` depends on that: with it, this crate and all that
/// use it would be built anew here, and once more by the next command.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let of_package = |name: &str| {
        let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_package) {
            cargo.env_remove(name);
        }
    }
    cargo
}
