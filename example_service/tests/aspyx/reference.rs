//! The unmodified client of the reference, against the component as a process.

use std::process::Command;

use crate::support::{Served, folder};

#[test]
fn the_reference_calls_every_action_by_every_channel() {
    let python = std::env::var("ASPYX_PYTHON").expect(
        "ASPYX_PYTHON names a Python with aspyx-service 0.11.4: `./run-tests` installs one",
    );
    let served = Served::start();
    let output = Command::new(python)
        .arg("client.py")
        .args([&*served.url, "rust"])
        .current_dir(folder().join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{failed}");
    let calls: u32 = told.split_whitespace().next().unwrap().parse().unwrap();
    assert!(calls > 150, "{told}");
}
