//! The types that travel.

// The names say it, and descriptions would be part of what is published.
#![allow(missing_docs)]

/// A place.
#[soa::body(package = "example_types")]
#[derive(PartialEq)]
pub struct Point {
    pub x: i64,
    pub y: i64,
}

/// One of each.
#[soa::body(package = "example_types")]
#[derive(PartialEq)]
pub struct Scalars {
    pub i: i64,
    pub f: f64,
    pub b: bool,
    pub s: String,
}

/// A key, perhaps with a value.
#[soa::body(package = "example_types")]
#[derive(PartialEq)]
pub struct Tag {
    pub key: String,
    pub value: Option<String>,
}

/// A color.
#[soa::body(package = "example_types")]
#[derive(Copy, PartialEq, Eq)]
pub enum Color {
    #[serde(rename = "red")]
    Red,
    #[serde(rename = "green")]
    Green,
}

/// Types in types.
#[soa::body(package = "example_api")]
#[derive(PartialEq)]
pub struct Node {
    pub label: String,
    pub at: Point,
    pub path: Vec<Point>,
    pub tags: Vec<Tag>,
}

/// Fields with defaults.
#[soa::body(package = "example_api")]
#[derive(PartialEq)]
pub struct Item {
    pub id: i64,
    pub name: String,
    #[serde(default = "usual_price")]
    pub price: f64,
    #[serde(default)]
    pub labels: Vec<String>,
    pub note: Option<String>,
    pub at: Option<Point>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

fn usual_price() -> f64 {
    1.5
}

impl Item {
    /// Returns an item with nothing but an id and a name.
    pub fn named(id: i64, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            price: usual_price(),
            labels: Vec::new(),
            note: None,
            at: None,
            tags: Vec::new(),
        }
    }

    /// Returns the item of this number, as the contract has it.
    pub fn numbered(number: u32) -> Self {
        Self {
            price: f64::from(number) + 0.5,
            labels: (0..number).map(|label| format!("l{label}")).collect(),
            note: (number.is_multiple_of(2)).then(|| "even".to_owned()),
            tags: vec![Tag {
                key: "k".to_owned(),
                value: Some(number.to_string()),
            }],
            ..Self::named(number.into(), format!("item {number}"))
        }
    }
}

/// The parts of a search.
#[soa::body(package = "example_api")]
#[derive(PartialEq)]
pub struct Found {
    pub text: String,
    pub limit: i64,
    pub exact: bool,
}
