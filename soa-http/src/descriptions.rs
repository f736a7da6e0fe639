//! Descriptions of a component: the document of OpenAPI, the page that shows it, and the report.

use axum::extract::NestedPath;
#[cfg(feature = "docs")]
use axum::http::header::LOCATION;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};

#[cfg(feature = "docs")]
use crate::docs;
use crate::doors::Doors;
use crate::openapi;
use crate::reply::Reply;
use crate::report;

const DOCUMENT: &str = "/openapi.json";

/// A description.
#[derive(Debug)]
pub(crate) enum Description {
    /// The document of OpenAPI.
    Document(openapi::Cache),
    /// A file of the page.
    #[cfg(feature = "docs")]
    Page(&'static docs::File),
    /// Another path of the page, and the way from there.
    #[cfg(feature = "docs")]
    Elsewhere(&'static str),
    Report,
    /// The messages of protobuf.
    ReportProtobuf,
}

/// A description with its path.
pub(crate) type Described = (&'static str, Description);

/// Returns the descriptions with their paths.
pub(crate) fn all() -> impl Iterator<Item = Described> {
    let always = [
        (DOCUMENT, Description::Document(openapi::Cache::default())),
        (report::PATH, Description::Report),
    ];
    always.into_iter().chain(page())
}

/// Returns the files of the page, and the other paths of it. They are relative, as doors may be mounted anywhere.
#[cfg(feature = "docs")]
fn page() -> impl Iterator<Item = Described> {
    let files = docs::FILES.iter();
    let files = files.map(|file| (file.path, Description::Page(file)));
    files.chain([
        ("/docs/", Description::Elsewhere("../docs")),
        ("/redoc", Description::Elsewhere("docs")),
    ])
}

#[cfg(not(feature = "docs"))]
fn page() -> impl Iterator<Item = Described> {
    std::iter::empty()
}

impl Description {
    /// True for the page, whose files name each other by relative paths.
    pub(crate) fn is_of_page(&self) -> bool {
        match self {
            #[cfg(feature = "docs")]
            Self::Page(_) | Self::Elsewhere(_) => true,
            _ => false,
        }
    }

    pub(crate) fn answer(&self, doors: &Doors, parts: &Parts) -> Reply {
        let nested = parts.extensions.get::<NestedPath>();
        let mounted_at = nested.map_or("", NestedPath::as_str);
        let mounted_at = mounted_at.trim_end_matches('/');
        let reply = match self {
            Self::Document(cache) => cache.answer(doors, mounted_at, &parts.headers),
            #[cfg(feature = "docs")]
            Self::Page(file) => docs::answer(file, &parts.headers),
            #[cfg(feature = "docs")]
            Self::Elsewhere(path) => Reply::text(StatusCode::TEMPORARY_REDIRECT, "")
                .with_header(LOCATION, HeaderValue::from_static(path)),
            Self::ReportProtobuf => {
                let report = doors.protobuf().map_or("", |protobuf| protobuf.report());
                Reply::text(StatusCode::OK, report)
            }
            Self::Report => Reply::text(
                StatusCode::OK,
                report::report(doors, &parts.headers, mounted_at),
            ),
        };
        reply.with_header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::DESCRIPTIONS;

    #[test]
    fn every_description_is_where_no_route_of_a_service_may_be() {
        for (path, _) in all().filter(|(path, _)| *path != report::PATH) {
            let is_at_or_below = |known: &str| {
                let rest = path.strip_prefix(known);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            assert!(
                DESCRIPTIONS.iter().any(|known| is_at_or_below(known)),
                "{path}"
            );
        }
    }
}
