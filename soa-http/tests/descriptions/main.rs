//! Descriptions of components: the document of OpenAPI, the page that shows it, and the report.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod compared;
mod document;
mod page;
mod report;
mod support;
mod types;
mod values;
