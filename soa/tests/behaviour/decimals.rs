//! Limits of decimals: in rules, in the schema, and as callers see them.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::testing::TestServer;
use soa::{ActionError, Decimal, Nullable, Value, rules, service, value};

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    #[garde(custom(rules::positive))]
    #[schemars(extend("exclusiveMinimum" = 0))]
    price: Decimal,
    #[garde(custom(rules::at_least("0.05")), custom(rules::at_most("0.95")))]
    #[schemars(extend("minimum" = 0.05, "maximum" = 0.95))]
    discount: Option<Decimal>,
    #[garde(custom(rules::at_most("100")))]
    tip: Option<Nullable<Decimal>>,
    #[garde(length(min = 1))]
    name: String,
}

struct Shop;

#[service(name = "shop", version = "1.0.0")]
impl Shop {
    #[action]
    async fn order(&self, order: Order) -> Result<Order, ActionError> {
        Ok(order)
    }
}

async fn errors(json: &str) -> Vec<String> {
    let shop = TestServer::new(Shop);
    let answer = shop.call_json("order", json).await;
    let error = answer.err();
    let errors = error.as_ref().map(|error| error.errors());
    errors
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[tokio::test]
async fn limits_of_decimals_are_reported_together_with_all_other_errors() {
    let good = r#"{"price": "0.10", "discount": 0.950, "tip": null, "name": "Ada"}"#;
    assert!(errors(good).await.is_empty());
    let bad = r#"{"price": "0.00", "discount": "0.04999", "name": 7, "tpi": 1}"#;
    let expected = [
        "INVALID at `price`: Value not > 0",
        "INVALID at `discount`: Value not >= 0.05",
        "INVALID at `name`: Not a unicode string",
        "UNKNOWN: Extra keys present: tpi",
    ];
    assert_eq!(errors(bad).await, expected);
    let nan = r#"{"price": "NaN", "name": "Ada"}"#;
    assert_eq!(
        errors(nan).await,
        ["INVALID at `price`: Value is not a number"]
    );
    // A rule without its limit in the schema is reported where the body is otherwise valid.
    let tip = r#"{"price": 1, "tip": "100.01", "name": "Ada"}"#;
    assert_eq!(errors(tip).await, ["INVALID at `tip`: Value not <= 100"]);
}

#[tokio::test]
async fn introspect_shows_the_limits_of_decimals() {
    let shop = TestServer::new(Shop);
    let body = value!({ "action_name": "order" });
    let told = shop.call("introspect", body).await.unwrap();
    let order = told.get("actions").and_then(|actions| actions.get("order"));
    let schema = order.and_then(|order| order.get("request_schema")).unwrap();
    let field = |name: &str| {
        schema
            .get("contents")
            .and_then(|fields| fields.get(name))
            .cloned()
    };
    assert_eq!(field("price"), Some(value!({ "type": "decimal", "gt": 0 })));
    let discount = value!({ "type": "decimal", "gte": 0.05, "lte": 0.95 });
    assert_eq!(field("discount"), Some(discount));
    let price = Value::from("0.0".parse::<Decimal>().unwrap());
    let schema = soa::schema::Schema::from_introspection(schema);
    let errors = schema.check(&value!({ "price": price, "name": "Ada" }));
    assert_eq!(errors[0].message, "Value not > 0");
}

#[test]
#[should_panic(
    expected = "the body of `order`: `price`: expected a decimal number such as \"12.30\", found \"free\""
)]
fn a_body_of_a_test_that_cannot_be_read_fails_the_test() {
    drop(TestServer::new(Shop).call_json("order", r#"{"price": "free"}"#));
}
