//! Expansions of much: many objects, many routes, data that has no end.

use std::sync::Arc;
use std::time::Duration;

use soa::client::Expansions;
use soa::{ActionError, Client, Context, ErrorKind, LocalTransport, Map, Server, Value, value};

use super::world::*;

fn things(count: u32) -> Value {
    let things = (0..count).map(|id| value!({ "_type": "thing", "owner_id": (id + 1) }));
    value!({ "things": (things.collect::<Vec<_>>()) })
}

#[tokio::test]
async fn ten_thousand_objects_are_one_call() {
    let requests = Requests::default();
    let found = |request: Value, _: Context| async move {
        let ids = request.get("ids").and_then(Value::as_list).unwrap();
        let found: Map = ids
            .iter()
            .map(|id| (id.clone(), person(id.clone())))
            .collect();
        Ok::<_, ActionError>(value!({ "found": (found), "asked": (ids.len()) }))
    };
    let people = Server::untyped("people", "1").action("find", found);
    let client = client(
        things_and_people(),
        things(10_000),
        vec![people.build().unwrap(), store("other", vec![], &requests)],
    );
    let call = client.call_action("main", "get", &());
    let expanded = call.expansions("thing", ["owner"]).await.unwrap();
    let things = expanded.get("things").and_then(Value::as_list).unwrap();
    assert_eq!(things.len(), 10_000);
    for (id, thing) in (1..).zip(things) {
        assert_eq!(thing.get("owner"), Some(&person(id)));
    }
}

#[tokio::test]
async fn all_routes_of_a_round_are_asked_at_once() {
    let together = Arc::new(tokio::sync::Barrier::new(20));
    let mut expansions = Expansions::new();
    let mut object = Map::from([("_type", "x")]);
    let mut builder = Client::builder();
    for number in 0..20 {
        let (store, field) = (format!("store{number}"), format!("f{number}"));
        expansions = expansions.route(&*store, route(&store)).expansion(
            "x",
            &*field,
            expansion(&store, &field, "y"),
        );
        object.insert(format!("{field}_id"), "one");
        let together = Arc::clone(&together);
        let server =
            Server::untyped(store.clone(), "1").action("find", move |_: Value, _: Context| {
                let together = Arc::clone(&together);
                async move {
                    together.wait().await;
                    Ok::<_, ActionError>(value!({ "found": { "one": 1 } }))
                }
            });
        builder = builder.service(store, LocalTransport::new(server.build().unwrap()));
    }
    let main = main_service(value!({ "x": (object) }));
    let client = builder
        .service("main", LocalTransport::new(main))
        .expansions(expansions)
        .build()
        .unwrap();
    let call = client.call_action("main", "get", &());
    let call = call.expansions("x", (0..20).map(|number| format!("f{number}")));
    let expanded = call.timeout(Duration::from_secs(20)).await.unwrap();
    assert_eq!(expanded.get("x").unwrap().as_map().unwrap().len(), 41);
}

#[tokio::test]
async fn a_service_that_answers_each_identifier_with_another_one_comes_to_an_end() {
    let next = |request: Value, _: Context| async move {
        let ids = request.get("ids").and_then(Value::as_list).unwrap();
        let found = ids.iter().map(|id| {
            (
                id.clone(),
                person_under(id.clone(), id.as_i64().unwrap() + 1),
            )
        });
        let found: Map = found.collect();
        Ok::<_, ActionError>(value!({ "found": (found) }))
    };
    let people = Server::untyped("people", "1").action("find", next);
    let client = client(
        things_and_people(),
        things(1),
        vec![people.build().unwrap()],
    );
    let call = client
        .call_action("main", "get", &())
        .expansions("thing", ["owner"]);
    let expanded = call.expansions("person", ["boss"]).await.unwrap();
    let things = expanded.get("things").and_then(Value::as_list).unwrap();
    let mut depth = 0;
    let mut inner = things[0].get("owner");
    while let Some(person) = inner {
        depth += 1;
        inner = person.get("boss");
    }
    assert!((20..=64).contains(&depth), "{depth}");
}

#[tokio::test]
async fn what_would_have_no_room_in_memory_is_an_error() {
    // Each of thirty people has two parents, who are the next and the one after: 2³⁰ copies.
    let requests = Requests::default();
    let people = (1..=30).map(|id| {
        let person = with(person(id), "mother_id", value!((id + 1)));
        (Value::from(id), with(person, "father_id", value!((id + 2))))
    });
    let expansions = things_and_people()
        .expansion("person", "mother", expansion("people", "mother", "person"))
        .expansion("person", "father", expansion("people", "father", "person"));
    let people = store("people", people.collect(), &requests);
    let client = client(expansions, things(1), vec![people]);
    let call = client
        .call_action("main", "get", &())
        .expansions("thing", ["owner"]);
    let error = call
        .expansions("person", ["mother", "father"])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(
        error.to_string(),
        "invalid call of service `main`: the response would be too large with all expansions"
    );
}
