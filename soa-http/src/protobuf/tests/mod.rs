//! The messages without a server: which types have one, what is written, and what is read.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod bytes;
mod refusals;
mod values;

use std::sync::Arc;

use schemars::JsonSchema;
use soa_wire::schema::Schema;

use super::message::Message;
use super::package::Packages;
use super::types::Types;

/// Returns the message whose fields are those of a struct.
fn message_of<T: JsonSchema + 'static>() -> Result<Arc<Message>, String> {
    let schema = Schema::of::<T>();
    let mut packages = Packages::default();
    let mut types = Types::new(&mut packages, &schema, true);
    let fields = types.fields(schema.fields().unwrap(), "tests", "Tests_call")?;
    types.finish("tests", "Tests_call_Request".to_owned(), fields)
}
