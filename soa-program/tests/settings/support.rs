//! The section of a service, and files that are removed after a test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use soa_program::settings::{Period, Secret, Settings, SettingsError};

/// Settings of a service that lends books.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct Library {
    /// Shelf with the books.
    #[garde(length(chars, min = 1, max = 30))]
    pub(crate) shelf: String,
    /// Largest number of books per reader.
    #[serde(default = "ten")]
    #[garde(range(min = 1, max = 99))]
    pub(crate) books: u8,
    /// Fee for each day that a book is late.
    #[serde(default)]
    pub(crate) fee: Option<f64>,
    /// Time for which a book is lent.
    #[serde(default)]
    #[garde(custom(not_over_a_year))]
    pub(crate) lent: Option<Period>,
    /// Key of the catalogue.
    #[serde(default)]
    pub(crate) token: Option<Secret>,
    /// Kinds of books that are not lent.
    #[serde(default)]
    pub(crate) kept: Vec<Kind>,
    /// Branches by name.
    #[serde(default)]
    #[garde(dive)]
    pub(crate) branches: BTreeMap<String, Branch>,
    /// Register of the readers.
    #[serde(default)]
    pub(crate) readers: Option<Readers>,
}

/// A kind of book.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Made up.
    Novel,
    /// To look things up.
    Dictionary,
    /// With pictures.
    PictureBook,
}

/// A branch.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Branch {
    /// Hour at which it opens.
    #[garde(range(max = 23))]
    #[serde(rename = "opensAt")]
    pub(crate) opens_at: u8,
}

/// Register of the readers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Readers {
    /// In a file.
    File {
        /// Path of the file.
        path: PathBuf,
    },
    /// In another service.
    Service {
        /// Name of the service.
        name: String,
    },
}

fn ten() -> u8 {
    10
}

#[allow(clippy::trivially_copy_pass_by_ref)] // garde passes references to rules.
fn not_over_a_year(lent: &Option<Period>, _: &()) -> garde::Result {
    match lent {
        Some(lent) if *lent > Period::from_secs(366 * 86_400) => {
            Err(garde::Error::new("nobody reads for longer than a year"))
        }
        _ => Ok(()),
    }
}

/// A directory that is removed when this is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("settings-{}-{number}", std::process::id());
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Removes the path of the directory, which is different each time, from a text.
    pub(crate) fn shorten(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Loads the settings of the library from one file.
pub(crate) fn of_file(name: &str, text: &str) -> Result<Settings<Library>, SettingsError> {
    let directory = Directory::new();
    let file = directory.file(name, text);
    Settings::loader().file(file).load()
}
