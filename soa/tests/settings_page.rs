//! The page of all settings is what their schema says.

#![cfg(feature = "cli")]

use soa::settings::{NoSection, Settings};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/docs/settings.md");

#[test]
fn the_page_of_settings_is_current() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (head, keys) = page.split_once("-->\n\n").unwrap();
    let current = Settings::<NoSection>::reference();
    if std::env::var_os("SOA_WRITE").is_some() {
        std::fs::write(PAGE, format!("{head}-->\n\n{current}")).unwrap();
        return;
    }
    assert!(
        keys == current,
        "{PAGE} is not current; `SOA_WRITE=1 cargo test -p soa --test settings_page` writes it"
    );
}
