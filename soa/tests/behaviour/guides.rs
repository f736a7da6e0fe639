//! The guides, as somebody reads them who is new.

use std::path::Path;

/// The guides in their order, from the table of the module.
fn guides() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docs");
    let table = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split_once('`'));
    let names = rows.map(|(name, _)| name.to_owned());
    names
        .map(|name| {
            let text = std::fs::read_to_string(folder.join(format!("{name}.md"))).unwrap();
            (name, text)
        })
        .collect()
}

#[test]
fn each_guide_names_the_next() {
    let guides = guides();
    assert!(guides.len() > 10);
    for pair in guides.windows(2) {
        let [(guide, text), (next, _)] = pair else {
            unreachable!()
        };
        let link = format!("(crate::docs::{next})");
        let named = text.lines().filter(|line| line.starts_with("Next: "));
        assert!(
            named.into_iter().any(|line| line.contains(&link)),
            "{guide} does not name {next}"
        );
    }
}
