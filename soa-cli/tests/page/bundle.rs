//! The files of the page, as they are committed.

use std::path::PathBuf;

fn read(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dashboard/dist");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn no_file_has_the_address_of_another_host() {
    // These are names, and no addresses: elements are made with them.
    const NAMES: [&str; 3] = ["1999/xhtml", "2000/svg", "1998/Math/MathML"];
    for name in ["index.html", "app.js", "app.css", "LICENSES"] {
        let mut text = read(name);
        for known in NAMES {
            text = text.replace(&format!("http://www.w3.org/{known}"), "");
        }
        for scheme in ["http://", "https://", "//# sourceMappingURL"] {
            assert!(!text.contains(scheme), "{name} has {scheme}");
        }
    }
}

#[test]
fn the_licences_of_both_libraries_are_there() {
    let licences = read("LICENSES");
    for part in ["preact ", "uplot ", "Permission is hereby granted"] {
        assert!(licences.contains(part), "{part}");
    }
    assert_eq!(licences.matches("THE SOFTWARE IS PROVIDED").count(), 2);
}

#[test]
fn the_page_has_no_script_and_no_style_within() {
    let page = read("index.html");
    assert!(
        !page.contains("<style") && !page.contains(" style="),
        "{page}"
    );
    assert!(
        !page.contains("<script>") && !page.contains(" on"),
        "{page}"
    );
}
