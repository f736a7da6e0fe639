//! Services that are stubs from the settings.

use std::collections::BTreeMap;
use std::fmt::Write;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa_program::settings::{ClientTransportSettings, NoSection, Settings};
use soa_runtime::client::ServiceClient;
use soa_runtime::{Action, Blob, Client, Decimal, ErrorKind, UtcDateTime, Value, value};

use crate::support::Directory;

/// A client with the settings in this file.
fn client_of(toml: &str) -> Client {
    let settings = Settings::<NoSection>::loader().defaults(toml).load();
    settings.unwrap().client().unwrap().build().unwrap()
}

const USERS: &str = r#"
[client_routing.users.transport.stub.actions]
find.body = { name = "Ada", ids = [1, 2], more = { "in.a" = 2.5 } }
touch = {}

[[client_routing.users.transport.stub.actions.remove.errors]]
code = "NOT_FOUND"
message = "No such user"
field = "id"
variables = { id = 7 }
denied_permissions = ["users.remove"]
is_caller_error = true
"#;

#[tokio::test]
async fn a_route_to_a_stub_answers_what_is_written_down() {
    let client = client_of(USERS);
    let find = client.call_action("users", "find", &value!({ "id": 7 }));
    assert_eq!(
        find.await.unwrap(),
        value!({ "ids": [1, 2], "more": { "in.a": 2.5 }, "name": "Ada" })
    );
    let touch = client.call_action("users", "touch", &value!({ "any": "thing" }));
    assert_eq!(touch.await.unwrap(), value!({}));

    let error = client.call_action("users", "remove", &value!({ "id": 7 }));
    let error = error.await.unwrap_err();
    let [error] = error.errors() else {
        panic!("{error:?}")
    };
    assert_eq!(error.to_string(), "NOT_FOUND at `id`: No such user");
    assert_eq!(error.variables.as_ref().unwrap().get("id"), Some(&7.into()));
    assert_eq!(
        error.denied_permissions.as_deref(),
        Some(&["users.remove".to_owned()][..])
    );
    assert!(error.is_caller_error);
}

#[tokio::test]
async fn it_is_a_service_like_others_with_status_and_errors_for_unknown_actions() {
    let client = client_of(USERS);
    let status = client.call_action("users", "status", &value!({}));
    let status: Value = status.await.unwrap();
    assert_eq!(status.get("version"), Some(&"stub".into()));
    let error = client.call_action("users", "fnid", &value!({}));
    let error = error.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
    assert_eq!(error.errors()[0].code, "UNKNOWN");
}

#[tokio::test]
async fn in_a_body_a_null_is_a_value() {
    let directory = Directory::new();
    let body = r#"{"name": null, "all": [null], "more": {"at": null}}"#;
    let json = format!(
        r#"{{"client_routing": {{"users": {{"transport": {{"stub": {{"actions": {{"find": {{"body": {body}}}}}}}}}}}}}}}"#
    );
    let file = directory.file("a.json", &json);
    let settings = Settings::<NoSection>::loader().file(file).load().unwrap();
    let client = settings.client().unwrap().build().unwrap();
    let found = client.call_action("users", "find", &value!({}));
    assert_eq!(
        found.await.unwrap(),
        value!({ "all": [nil], "more": { "at": nil }, "name": nil })
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Order {
    price: Decimal,
    ordered: UtcDateTime,
    photo: Option<Blob>,
    pieces: BTreeMap<u32, i64>,
}

const FIND: Action<Value, Order> = Action::new("find");

#[tokio::test]
async fn a_typed_caller_reads_an_answer_by_its_types() {
    let toml = r#"
        [client_routing.orders.transport.stub.actions.find.body]
        price = "1.10"
        ordered = 2026-11-21T10:30:00+02:00
        photo = "AP/+"
        pieces = { 7 = 2 }
    "#;
    let client = client_of(toml);
    let orders = ServiceClient::new(&client, "orders");
    let order = Order {
        price: "1.10".parse().unwrap(),
        ordered: "2026-11-21T08:30:00Z".parse().unwrap(),
        photo: Some(Blob::from([0x00, 0xff, 0xfe])),
        pieces: [(7, 2)].into(),
    };
    assert_eq!(orders.call(FIND, value!({})).await.unwrap(), order);
    // A job, and calls of other actions in it, as well.
    let status: Action<Value, Value> = Action::new("status");
    let job = client.job((
        orders.call(status, value!({})),
        orders.call(FIND, value!({})),
    ));
    assert_eq!(job.await.unwrap().1, order);
    // Without types a text is a text.
    let untyped = client.call_action("orders", "find", &()).await.unwrap();
    assert_eq!(untyped.get("price"), Some(&"1.10".into()));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_its_type_is_told_with_all_its_fields() {
    let toml = r#"
        [client_routing.orders.transport.stub.actions.find.body]
        price = 0.30000000000000004
        ordered = "2026-11-21T10:30:00"
        pieces = { seven = 2 }
    "#;
    let client = client_of(toml);
    let error = ServiceClient::new(&client, "orders")
        .call(FIND, value!({}))
        .await;
    let error = error.unwrap_err();
    let reason = error.reason().unwrap().to_string();
    insta::assert_snapshot!(reason, @r#"
    the body of action `find` in the stub of service `orders` does not fit its type:
    `ordered`: expected a date-time with its zone such as "2026-11-21T08:30:00+00:00", found "2026-11-21T10:30:00"
    `pieces.seven`: expected a key that is an integer, found "seven"
    `price`: expected a decimal number such as "12.30", found the float 0.30000000000000004
    "#);
}

#[test]
fn a_stronger_source_puts_a_stub_in_place_of_another_transport() {
    let redis = "[client_routing.users.transport.redis]\nhosts = ['a:1']";
    let load = |assignments: &[&str]| {
        let loader = Settings::<NoSection>::loader().defaults(redis);
        let loader = assignments
            .iter()
            .fold(loader, |loader, one| loader.set(*one));
        loader.load().unwrap().client_routing["users"]
            .transport
            .clone()
    };
    let stub = "client_routing.users.transport.stub.actions.find.body.name=Ada";
    let Some(ClientTransportSettings::Stub(stubbed)) = load(&[stub]) else {
        panic!("there should be a stub")
    };
    assert_eq!(
        Value::Map(stubbed.actions["find"].body.clone()),
        value!({ "name": "Ada" })
    );
    let back = "client_routing.users.transport.redis.database=3";
    assert!(matches!(
        load(&[stub, back]),
        Some(ClientTransportSettings::Redis(redis)) if redis.addresses() == "127.0.0.1:6379" && redis.database == 3
    ));
    assert!(load(&["client_routing.users.transport=null"]).is_none());
}

#[test]
fn mistakes_in_stubs_have_their_place() {
    let mut messages = String::new();
    for text in [
        "[client_routing.users.transport.stub.actions]\nfind.bdoy = {}",
        "[client_routing.users.transport.stub.actions]\nfind.body = 7",
        "[client_routing.users.transport.stub.actions]\n\"1 find\" = {}",
        "[client_routing.users.transport.stub.actions]\nfind.errors = [{ code = 'NONE' }]",
        "[client_routing.users.transport.stub.actions]\nfind.errors = [{ code = 'NONE', message = '', filed = 'id' }]",
        "[client_routing.users.transport.stub]\naction_map = {}",
        "[client_routing.users.transport]\nstub = {}\nredis = {}",
        "[server.transport.stub]\nactions = {}",
    ] {
        let directory = Directory::new();
        let file = directory.file("soa.toml", text);
        let error = Settings::<NoSection>::loader().file(file).load();
        let error = error.map(|_| ()).unwrap_err().to_string();
        writeln!(messages, "{text}\n=> {}\n", directory.shorten(&error)).unwrap();
    }
    insta::assert_snapshot!(messages.trim_end());
    let text = "client_routing.users.transport=stub";
    let error = Settings::<NoSection>::loader().set(text).load();
    assert_eq!(
        error.map(|_| ()).unwrap_err().to_string(),
        "--set: `client_routing.users.transport`: expected a table with `redis`, `http` or `stub`, found text"
    );
}
