//! Books with their authors, and authors with their teachers: objects of another service, fetched in two calls.
#![allow(clippy::print_stdout)] // The output of an example.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, Client, Expand, LocalTransport, Server, service};

#[derive(Debug, Clone, Serialize, Deserialize, Validate, JsonSchema, Expand)]
#[garde(allow_unvalidated)]
struct Author {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    teacher_id: Option<u64>,
    /// The teacher is an author, who may have a teacher, too: hence `nested`, and the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(
        from = teacher_id,
        with = AuthorsClient::GET_AUTHORS,
        request = GetAuthorsRequest { author_ids },
        found = authors,
        nested,
    )]
    teacher: Option<Box<Author>>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct GetAuthorsRequest {
    author_ids: Vec<u64>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct GetAuthorsResponse {
    authors: BTreeMap<u64, Author>,
}

struct Authors;

#[service(name = "authors", version = "1.0.0")]
impl Authors {
    /// Returns the authors with these ids. Unknown ids are left out.
    #[action]
    async fn get_authors(
        &self,
        request: GetAuthorsRequest,
    ) -> Result<GetAuthorsResponse, ActionError> {
        println!("authors was asked for {:?}", request.author_ids);
        let known = [
            (1, "Plato", Some(2)),
            (2, "Socrates", None),
            (3, "Aristotle", Some(1)),
        ];
        let known = known.into_iter().map(|(id, name, teacher_id)| {
            let name = name.to_owned();
            let author = Author {
                name,
                teacher_id,
                teacher: None,
            };
            (id, author)
        });
        let authors = known.filter(|(id, _)| request.author_ids.contains(id));
        Ok(GetAuthorsResponse {
            authors: authors.collect(),
        })
    }
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema, Expand)]
#[garde(allow_unvalidated)]
struct Book {
    title: String,
    author_id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(
        from = author_id,
        with = AuthorsClient::GET_AUTHORS,
        request = GetAuthorsRequest { author_ids },
        found = authors,
        nested,
    )]
    author: Option<Author>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema, Expand)]
#[garde(allow_unvalidated)]
struct BooksResponse {
    #[expand(nested)]
    books: Vec<Book>,
}

struct Library;

#[service(name = "library", version = "1.0.0")]
impl Library {
    /// Returns all books.
    #[action]
    async fn books(&self) -> Result<BooksResponse, ActionError> {
        let books = [("Republic", 1), ("Symposium", 1), ("Poetics", 3)];
        let books = books.into_iter().map(|(title, author_id)| Book {
            title: title.to_owned(),
            author_id,
            author: None,
        });
        Ok(BooksResponse {
            books: books.collect(),
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder()
        .service(
            "library",
            LocalTransport::new(Server::builder(Library).build()?),
        )
        .service(
            "authors",
            LocalTransport::new(Server::builder(Authors).build()?),
        )
        .build()?;
    let response = LibraryClient::new(&client).books().expand().await?;
    for book in response.books {
        print!("{}", book.title);
        let mut next = book.author.map(Box::new);
        let mut word = " by";
        while let Some(author) = next {
            print!("{word} {}", author.name);
            next = author.teacher;
            word = ", a pupil of";
        }
        println!();
    }
    Ok(())
}
