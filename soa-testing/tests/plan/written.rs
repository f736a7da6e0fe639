//! Values that a plan writes without a type, read by the types of the action.

use std::collections::BTreeMap;

use soa::testing::plan::{Failure, Plan, Subject};
use soa::{
    ActionError, Amount, Blob, Context, Date, DateTime, Decimal, Time, Value, service, value,
};

#[soa::body(closed)]
#[derive(Debug, Default)]
#[serde(default)]
struct Order {
    price: Option<Decimal>,
    day: Option<Date>,
    hour: Option<Time>,
    at: Option<DateTime>,
    paid: Option<Amount>,
    seal: Option<Blob>,
    count: Option<i64>,
    counts: BTreeMap<u32, i64>,
    prices: Vec<Decimal>,
    note: Option<String>,
    mark: Option<Mark>,
}

#[soa::body]
#[derive(Debug)]
#[serde(untagged)]
enum Mark {
    Number(Decimal),
    Text(String),
}

#[soa::body]
struct Told {
    told: String,
}

impl Told {
    fn of(
        order: Result<impl std::fmt::Debug, impl std::fmt::Display>,
    ) -> Result<Self, ActionError> {
        let told = order.map_or_else(|error| error.to_string(), |order| format!("{order:?}"));
        Ok(Self { told })
    }
}

struct Store;

#[service(name = "store", version = "1.0.0")]
impl Store {
    #[action]
    async fn take(&self, order: Order) -> Result<Order, ActionError> {
        Ok(order)
    }
}

struct Shop;

#[service(name = "shop", version = "1.0.0")]
impl Shop {
    #[action]
    async fn order(&self, order: Order) -> Result<Order, ActionError> {
        Ok(order)
    }

    /// Takes anything.
    #[action]
    async fn echo(&self, body: Value) -> Result<Value, ActionError> {
        Ok(body)
    }

    /// Calls another service by its typed client.
    #[action]
    async fn buy(&self, cx: &Context) -> Result<Told, ActionError> {
        Told::of(cx.client::<StoreClient>().take(Order::default()).await)
    }

    /// Calls another service by name.
    #[action]
    async fn ask(&self, cx: &Context) -> Result<Told, ActionError> {
        Told::of(
            cx.soa_client()
                .call_action("store", "take", &value!({}))
                .await,
        )
    }

    /// Calls its own service by name.
    #[action]
    async fn again(&self, cx: &Context) -> Result<Told, ActionError> {
        Told::of(
            cx.soa_client()
                .call_action("shop", "order", &value!({}))
                .await,
        )
    }
}

/// Runs a case of these lines.
async fn run(lines: &str) -> Result<(), Failure> {
    let text = format!("test name: orders\ntest description: Orders something\n{lines}");
    let plan = Plan::parse("orders.pysoa", &text).unwrap();
    plan.cases()[0].run(&Subject::service(Shop).unwrap()).await
}

#[tokio::test]
async fn an_input_without_a_type_is_read_by_the_schema_of_the_action() {
    run("order: input: price: 1.50\n\
         order: input: day: 2026-11-21\n\
         order: input: hour: 08:30:00\n\
         order: input: at: 2026-11-21T08:30:00\n\
         order: input: paid: USD 1250\n\
         order: input: seal: AP/+\n\
         order: input: count: 7\n\
         order: input int: counts.{7}: 1\n\
         order: input: prices.0: 0.10\n\
         order: input: note: 2026-11-21\n\
         order: expect: no errors\n\
         order: expect decimal: attribute value: price: 1.50\n\
         order: expect date: attribute value: day: 2026,11,21\n\
         order: expect time: attribute value: hour: 8,30\n\
         order: expect datetime: attribute value: at: 2026,11,21,8,30\n\
         order: expect base64_bytes: attribute value: seal: AP/+\n\
         order: expect int: attribute value: count: 7\n\
         order: expect decimal: attribute value: prices.0: 0.10\n\
         order: expect: attribute value: note: 2026-11-21")
    .await
    .unwrap();
}

#[tokio::test]
async fn text_around_a_reference_is_read_as_well() {
    run("echo: input: day: 21\n\
         order: input: day: 2026-11-[[ECHO.day]]\n\
         order: expect date: attribute value: day: 2026,11,21")
    .await
    .unwrap();
}

#[tokio::test]
async fn a_type_a_reference_and_an_unknown_schema_leave_text_as_it_is() {
    run("order: input str: price: 1.50\n\
         order: expect: exact error: code=INVALID, field=price")
    .await
    .unwrap();
    run("echo: input: price: 1.50\n\
         echo: expect: attribute value: price: 1.50\n\
         order: input: price: [[ECHO.price]]\n\
         order: expect: exact error: code=INVALID, field=price, message=Not a decimal")
    .await
    .unwrap();
}

#[tokio::test]
async fn what_a_type_takes_as_text_stays_text() {
    run("order: input: mark: 1.50\n\
         order: expect str: attribute value: mark: 1.50\n\
         order: expect: no errors")
    .await
    .unwrap();
}

#[tokio::test]
async fn text_that_has_not_the_form_of_its_type_is_sent_and_the_rest_is_read() {
    let failure =
        run("order: input: price: a lot\norder: input: day: 2026-11-21\norder: expect: no errors");
    let failure = failure.await.unwrap_err().to_string();
    assert!(failure.contains("INVALID at `price`"), "{failure}");
    assert!(!failure.contains("day"), "{failure}");
}

#[tokio::test]
async fn a_field_that_the_case_expects_to_be_wrong_is_sent_as_it_is_written() {
    for expected in [
        "exact error: code=INVALID, field=price",
        "error: code=INVALID, field=price",
        "error: code=INVALID",
    ] {
        run(&format!(
            "order: input: price: 1.50\norder: expect: {expected}"
        ))
        .await
        .unwrap();
    }
    // An error of another code is about the value, and not about its form.
    run("order: input: price: 1.50\n\
         order: expect: not error: code=INVALID, field=price\n\
         order: expect: no errors")
    .await
    .unwrap();
}

#[tokio::test]
async fn the_answer_of_a_stub_is_read_by_the_type_of_the_caller() {
    run("stub action: store: take: body: price: 1.50\n\
         stub action: store: take: body: day: 2026-11-21\n\
         stub action: store: take: body int: counts.{7}: 2\n\
         buy: expect regex: attribute value: told: .*price: Some\\(1.50\\), day: Some\\(2026-11-21\\).*counts: \\{7: 2\\}")
    .await
    .unwrap();
}

#[tokio::test]
async fn a_stubs_text_with_a_type_stays_as_it_is() {
    run("stub action: store: take: body str: price: 1.50\n\
         buy: expect regex: attribute value: told: .*price.*")
    .await
    .unwrap();
}

#[tokio::test]
async fn an_untyped_caller_gets_the_types_of_the_tested_service_alone() {
    run("stub action: shop: order: body: price: 1.50\n\
         again: expect regex: attribute value: told: .*Decimal.*")
    .await
    .unwrap();
    run("stub action: store: take: body: price: 1.50\n\
         ask: expect regex: attribute value: told: .*\"1.50\".*")
    .await
    .unwrap();
}
