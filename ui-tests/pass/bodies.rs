//! Bodies of every shape: with all derives, with some, and with none of them.
#![deny(warnings)]

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use soa::service;

mod framework {
    pub use ::soa::*;
}

#[soa::body]
#[derive(PartialEq, Eq, Hash, Default)]
pub struct Nothing;

#[soa::body]
#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Some {
    a: i64,
}

#[soa::body]
#[derive(garde::Validate)]
pub struct Validated {
    #[garde(range(min = 1))]
    a: i64,
    b: Vec<Some>,
}

#[soa::body(closed, crate = crate::framework)]
pub struct Renamed {
    #[cfg(any())]
    removed: Missing,
    #[serde(default)]
    kept: Vec<Validated>,
    r#type: Option<Box<Renamed>>,
}

#[soa::body(without = ["Debug", "Clone"])]
pub struct Secret {
    password: String,
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self {
            password: self.password.clone(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[soa::body]
pub struct Page<T, const N: usize>
where
    T: Clone,
{
    items: Vec<T>,
    #[serde(skip)]
    _number: PhantomData<[u8; N]>,
}

#[soa::body]
#[serde(tag = "kind", content = "content", rename_all = "kebab-case")]
pub enum Choice {
    #[cfg(any())]
    Removed(Missing),
    Unit,
    New(#[garde(range(max = 10))] i64),
    Pair(Some, i64),
    Named {
        #[cfg(any())]
        removed: Missing,
        #[garde(dive)]
        page: Validated,
        by_name: BTreeMap<String, Some>,
    },
}

#[soa::body]
pub struct Whole {
    choice: Choice,
    page: Page<Some, 0>,
    renamed: Renamed,
    secret: Secret,
    nothing: Nothing,
}

pub struct Bodies;

#[service(name = "bodies", version = "1.0.0")]
impl Bodies {
    #[action]
    async fn whole(&self, request: Whole) -> Result<Page<Choice, 0>, soa::ActionError> {
        Ok(Page {
            items: vec![request.choice],
            _number: PhantomData,
        })
    }
}

fn main() {
    fn takes<T: soa::ActionBody + Clone + fmt::Debug>() {}
    takes::<Whole>();
    takes::<Page<Choice, 0>>();
    takes::<Choice>();

    // A body can be declared where statements are, and within a macro.
    macro_rules! body {
        ($name:ident { $($field:ident: $type:ty),* }) => {
            #[soa::body]
            struct $name { $($field: $type),* }
        };
    }
    body!(Local { a: i64, b: Vec<Some> });
    takes::<Local>();
}
