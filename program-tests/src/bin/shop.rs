//! A service whose actions have every type of the wire, for the tests of the types on the command line.

use std::collections::BTreeMap;
use std::process::ExitCode;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::settings::Settings;
use soa::{
    ActionError, Amount, Blob, Context, Date, DateTime, Decimal, Map, Time, UtcDateTime, Value,
    service, value,
};

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
struct Order {
    price: Decimal,
    day: Option<Date>,
    at: Option<Time>,
    local: Option<DateTime>,
    moment: Option<UtcDateTime>,
    total: Option<Amount>,
    photo: Option<Blob>,
    /// The number of pieces by the number of the article.
    pieces: Option<BTreeMap<u32, i64>>,
    parts: Option<Vec<Order>>,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
struct Dated {
    day: Date,
}

struct Shop;

// It calls neither: the declaration is what is tested.
#[service(
    name = "shop",
    version = "1.0.0",
    calls("stock", "user-accounts", "price.list")
)]
impl Shop {
    /// Returns the order.
    #[action]
    async fn order(&self, order: Order) -> Result<Order, ActionError> {
        Ok(order)
    }

    /// Returns the day of an order.
    #[action(name = "day", switch = 5)]
    async fn day(&self, dated: Dated) -> Result<Dated, ActionError> {
        Ok(dated)
    }

    /// Returns anything.
    #[action(name = "day")]
    async fn old_day(&self, body: Value) -> Result<Value, ActionError> {
        Ok(body)
    }

    /// Returns the type of each value in the context.
    #[action]
    async fn context(&self, cx: &Context) -> Result<Value, ActionError> {
        let header = cx.header().to_map();
        let kinds = header
            .iter()
            .map(|(key, value)| (key.clone(), value.kind_name()));
        Ok(
            value!({ "kinds": (kinds.collect::<Map>()), "version": (cx.header().extra.get("version").cloned()) }),
        )
    }
}

fn main() -> ExitCode {
    soa::main(async |_: Settings| Ok(Shop))
}
