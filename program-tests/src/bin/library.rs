//! A component of two services, and a page of its own.

use std::process::ExitCode;

use soa::http::axum::routing::get;
use soa::settings::Settings;
use soa::{ActionError, Component, Program, service};

struct Books;

#[soa::body(closed)]
struct Title {
    title: String,
}

/// Lends books.
#[service(name = "books", version = "1.0.0")]
impl Books {
    /// Finds a book.
    #[action]
    async fn find(&self, request: Title) -> Result<Title, ActionError> {
        Ok(request)
    }
}

struct Readers;

#[soa::body]
struct Count {
    readers: i32,
}

/// Knows who reads.
#[service(name = "readers", version = "2.0.0")]
impl Readers {
    /// Counts the readers.
    #[action]
    async fn count(&self) -> Result<Count, ActionError> {
        Ok(Count { readers: 7 })
    }
}

fn main() -> ExitCode {
    let make = async |_: Settings| {
        Ok(Component::builder("library")
            .service(Books)
            .service(Readers))
    };
    Program::new(make)
        .with_router(|router| router.route("/", get(async || "The library is open.")))
        .run()
}
