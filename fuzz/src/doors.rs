//! The doors whose readers fuzz targets call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::http::{Doors, HttpSettings};
use soa::{ActionError, Blob, Date, Decimal, Nullable, Server, UtcDateTime, Value, service};

/// A field for every form of protobuf.
#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Carried {
    number: i64,
    float: f64,
    truth: bool,
    text: String,
    blob: Blob,
    day: Date,
    price: Decimal,
    at: Option<UtcDateTime>,
    any: Value,
    nullable: Nullable<String>,
    hollow: Option<i64>,
    numbers: Vec<i32>,
    floats: Vec<f32>,
    truths: Vec<bool>,
    texts: Vec<String>,
    blobs: Vec<Blob>,
    inner: Within,
    inners: Vec<Within>,
}

/// A message in a message.
#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Within {
    number: i8,
    texts: Vec<String>,
    leaf: Leaf,
}

/// A message that may be empty.
#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Leaf {
    note: Option<String>,
    unsigned: Vec<u64>,
}

struct Carrier;

#[service(name = "carrier", version = "1.0.0")]
impl Carrier {
    #[action]
    async fn carry(&self, body: Carried) -> Result<(), ActionError> {
        drop(body);
        Ok(())
    }
}

/// Creates doors to types that protobuf can carry.
pub fn carrying_doors() -> Doors {
    let server = Server::builder(Carrier).build();
    let mut settings = HttpSettings::default();
    settings.protobuf = Some(true);
    let server = server.expect("the server can be built");
    Doors::new(server.into(), settings).expect("the doors can be opened")
}

/// Creates doors to every feature of serde.
pub fn doors() -> Doors {
    let doors = Doors::new(crate::server().into(), HttpSettings::default());
    doors.expect("the doors can be opened")
}
