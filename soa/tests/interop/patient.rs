//! A service with a health check of each kind, and types of every kind, for clients of the reference to read about.

use std::collections::BTreeMap;
use std::net::IpAddr;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::health::Health;
use soa::{
    ActionError, ActionErrors, Blob, Context, Decimal, Nullable, UtcDateTime, Value, service,
};

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct Record {
    /// Who it is.
    #[garde(length(chars, min = 1, max = 40))]
    name: String,
    #[garde(range(max = 150))]
    age: Option<u8>,
    ward: Ward,
    #[serde(flatten)]
    payment: Payment,
    temperatures: BTreeMap<u32, f64>,
    seen: Nullable<UtcDateTime>,
    bill: Decimal,
    picture: Option<Blob>,
    address: Option<IpAddr>,
    parents: Vec<Record>,
    pair: (u8, String),
    notes: Value,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Ward {
    Low,
    /// With a view.
    High,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Payment {
    Cash,
    Card { number: String },
}

#[derive(Debug, ActionErrors)]
pub(crate) enum RecordError {
    #[action_error(message = "{name} is not a patient", field = "name")]
    NotAPatient { name: String },
}

#[derive(Debug)]
pub(crate) struct Patient;

/// Is examined.
#[service(name = "patient", version = "4.5.6")]
impl Patient {
    /// Keeps a record.
    #[action(timeout = "30s")]
    async fn keep(&self, request: Record) -> Result<Record, RecordError> {
        Ok(request)
    }

    #[health_check]
    async fn pulse(&self) -> Health {
        Health::ok().diagnostic("pulse", 60)
    }

    #[health_check]
    async fn temperature(&self) -> Health {
        Health::warning("FEVER", "38.5 degrees")
    }

    #[health_check]
    async fn reflexes(&self) -> Result<(), ActionError> {
        Err(ActionError::server("NO_REFLEX", "The knee does not move"))
    }

    #[health_check(cached = "1m")]
    async fn blood(&self) -> Health {
        Health::ok().diagnostic("group", "0")
    }

    #[health_check(slow_after = "1ms")]
    async fn sleep(&self, _cx: &Context) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    #[health_check(timeout = "50ms")]
    async fn patience(&self) {
        std::future::pending().await
    }

    #[health_check]
    async fn nerves(&self) {
        panic!("on purpose")
    }
}
