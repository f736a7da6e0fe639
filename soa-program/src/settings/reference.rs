//! The page that documents every key, generated from the schema.

use std::fmt::Write;

use serde_json::Value as Json;

use super::path::Path;
use super::shape::{Shape, ShapeKind};

/// Generates the page: a table of keys in the order of the schema, then a section for each key that is a table.
pub(super) fn page(schema: &Json) -> String {
    let mut page = Page::default();
    page.table(Shape::root(schema), &Path::root());
    page.out
}

#[derive(Default)]
struct Page {
    out: String,
    /// Types that are described already, with the key under which they are.
    known: Vec<(*const Json, String)>,
}

impl Page {
    fn table(&mut self, shape: Shape<'_>, path: &Path) {
        let mut rows = String::new();
        let mut deeper = Vec::new();
        for (key, field) in shape.fields() {
            row(&mut rows, &mut deeper, field, &path.key(key));
        }
        if !rows.is_empty() {
            self.line("| key | value | default | |");
            self.line("|---|---|---|---|");
            self.out.push_str(&rows);
            self.line("");
        }
        for (shape, path) in deeper {
            let shown = path.to_string();
            let known = self
                .known
                .iter()
                .find(|(known, _)| *known == shape.identity());
            if let Some((_, place)) = known {
                let place = place.clone();
                self.line(&format!("# `{shown}`\n\nThe same keys as `{place}`.\n"));
                continue;
            }
            self.known.push((shape.identity(), shown.clone()));
            let ShapeKind::Tagged(tagged) = shape.kind() else {
                self.section(&format!("`{shown}`"), shape, &path);
                continue;
            };
            for (text, option) in &tagged.options {
                let title = format!("`{shown}` with `{} = \"{text}\"`", tagged.key);
                self.section(&title, *option, &Path::root());
            }
        }
    }

    fn section(&mut self, title: &str, shape: Shape<'_>, path: &Path) {
        self.line(&format!("# {title}\n"));
        if let Some(text) = shape.description() {
            self.line(&format!("{}\n", on_one_line(text)));
        }
        self.table(shape, path);
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// Writes the line of one key. Nested tables are added to `deeper`, for sections of their own.
fn row<'a>(rows: &mut String, deeper: &mut Vec<(Shape<'a>, Path)>, shape: Shape<'a>, path: &Path) {
    let value = match shape.kind() {
        ShapeKind::Table(table) => match table.others {
            Some(mut others) if table.fields.is_empty() => {
                let mut path = path.key("<name>");
                while let ShapeKind::Table(table) = others.kind()
                    && table.fields.is_empty()
                    && let Some(inner) = table.others
                {
                    path = path.key("<name>");
                    others = inner;
                }
                if others.fields().is_empty() {
                    format!("a table of {}", others.expected_items())
                } else {
                    deeper.push((others, path.clone()));
                    format!("a table of `{path}`")
                }
            }
            _ => {
                deeper.push((shape, path.clone()));
                "a table".to_owned()
            }
        },
        ShapeKind::Variants(variants) => {
            let names = variants.iter().map(|(name, _)| path.key(name).to_string());
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            deeper.extend(
                variants
                    .iter()
                    .map(|(name, shape)| (*shape, path.key(name))),
            );
            format!("one of {}", names.join(", "))
        }
        _ if shape.is_secret() => "text, which is never shown".to_owned(),
        ShapeKind::Period => format!("a time{}", shape.least_time()),
        ShapeKind::List(items) if let ShapeKind::Tagged(_) = items.kind() => {
            deeper.push((items, path.clone()));
            shape.expected()
        }
        _ => shape.expected(),
    };
    let default = match shape.default() {
        Some(Json::Object(_)) | None => String::new(),
        Some(default) => format!("`{default}`"),
    };
    let description = on_one_line(shape.description().unwrap_or_default());
    let cells = [value, default, description].map(|cell| cell.replace('|', "\\|"));
    let [value, default, description] = cells;
    // Writing to a string cannot fail.
    let _ = writeln!(rows, "| `{path}` | {value} | {default} | {description} |");
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
