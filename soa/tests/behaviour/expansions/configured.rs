//! Expansions by configuration, on bodies without types.

use std::time::Duration;

use soa::client::Expansions;
use soa::{Blob, Client, ErrorKind, Nullable, Value, value};

use super::world::*;

fn thing(owner: impl Into<Value>) -> Value {
    value!({ "_type": "thing", "owner_id": (owner.into()) })
}

async fn get(client: &Client, names: &[&'static str]) -> Value {
    let call = client.call_action("main", "get", &());
    call.expansions("thing", names.iter().copied())
        .await
        .unwrap()
}

#[tokio::test]
async fn objects_get_what_their_identifiers_are_of_by_one_call() {
    let requests = Requests::default();
    let people = vec![("o1".into(), person("o1")), ("o2".into(), person("o2"))];
    let things = value!({
        "things": [(thing("o2")), { "deep": { "er": [(thing("o1"))] } }, (thing("o2")), (thing("missing")), (thing(""))],
        "other": { "_type": "other", "owner_id": "o3", "inside": (thing("o1")) },
    });
    let client = client(
        things_and_people(),
        things,
        vec![store("people", people, &requests)],
    );
    let owned = |id: &str| with(thing(id), "owner", person(id));
    let expected = value!({
        "things": [(owned("o2")), { "deep": { "er": [(owned("o1"))] } }, (owned("o2")), (thing("missing")), (thing(""))],
        "other": { "_type": "other", "owner_id": "o3", "inside": (owned("o1")) },
    });
    assert_eq!(get(&client, &["owner"]).await, expected);
    // Each once, in the order in which they appear.
    let asked = ["o2", "o1", "missing"].map(Value::from);
    assert_eq!(requests.of("people"), [asked.to_vec()]);
}

#[tokio::test]
async fn what_is_there_already_is_left_as_it_is_and_what_is_inside_of_a_found_object_as_well() {
    let requests = Requests::default();
    let people = vec![("o1".into(), person("o1"))];
    let has_owner = with(thing("o1"), "owner", value!("somebody"));
    let has_nil = with(thing("o1"), "owner", value!(nil));
    let outer = with(thing(nil()), "inside", thing("o1"));
    let body = value!({ "a": (has_owner), "b": (has_nil), "c": (outer) });
    let client = client(
        things_and_people(),
        body.clone(),
        vec![store("people", people, &requests)],
    );
    assert_eq!(get(&client, &["owner"]).await, body);
    assert!(requests.of("people").is_empty());
}

fn nil() -> Nullable<String> {
    Nullable::Null
}

#[tokio::test]
async fn identifiers_are_of_any_type_and_do_not_mix() {
    let requests = Requests::default();
    let day = Value::from("2026-11-21".parse::<soa::Date>().unwrap());
    let ids = [
        Value::from(1),
        Value::from("1"),
        Value::from(u64::MAX),
        Value::from(Blob::from([1, 2])),
        day,
    ];
    let people = ids.iter().map(|id| (id.clone(), person(id.clone())));
    let things: Value = ids.iter().map(|id| thing(id.clone())).collect();
    let body = value!({ "things": (things) });
    let client = client(
        things_and_people(),
        body,
        vec![store("people", people.collect(), &requests)],
    );
    let expanded = get(&client, &["owner"]).await;
    let things = expanded.get("things").and_then(Value::as_list).unwrap();
    for (thing, id) in things.iter().zip(&ids) {
        assert_eq!(thing.get("owner"), Some(&person(id.clone())));
    }
    assert_eq!(requests.of("people"), [ids.to_vec()]);
}

#[tokio::test]
async fn a_number_finds_its_object_where_the_keys_of_a_map_became_text() {
    let body = value!({ "things": [(thing(7)), (thing("8"))] });
    let people = [("7", person(7)), ("8", person(8))];
    // As a service does that speaks JSON: it is asked for numbers and answers with text.
    let people = move |request: Value, _: soa::Context| {
        let asked = request.get("ids").and_then(Value::as_list).unwrap().len();
        let found: soa::Map = people.iter().take(asked).cloned().collect();
        async move { Ok::<_, soa::ActionError>(value!({ "found": (found) })) }
    };
    let people = soa::Server::untyped("people", "1").action("find", people);
    let client = client(things_and_people(), body, vec![people.build().unwrap()]);
    let expanded = get(&client, &["owner"]).await;
    let things = expanded.get("things").and_then(Value::as_list).unwrap();
    assert_eq!(things[0].get("owner"), Some(&person(7)));
    assert_eq!(things[1].get("owner"), Some(&person(8)));
}

#[tokio::test]
async fn nested_expansions_are_made_of_what_others_have_found_and_of_nothing_else() {
    let requests = Requests::default();
    let people = vec![
        ("a".into(), person_under("a", "b")),
        ("b".into(), person_under("b", "c")),
        ("c".into(), person("c")),
    ];
    let body = value!({ "thing": (thing("a")), "person": (person_under("x", "c")) });
    let client = client(
        things_and_people(),
        body,
        vec![store("people", people, &requests)],
    );
    let boss = with(person_under("a", "b"), "boss", person_under("b", "c"));
    let expected = value!({
        "thing": (with(thing("a"), "owner", boss)),
        "person": (person_under("x", "c")),
    });
    assert_eq!(get(&client, &["owner.boss"]).await, expected);
    assert_eq!(requests.of("people"), [["a".into()], ["b".into()]]);
}

#[tokio::test]
async fn circles_end_and_what_was_fetched_is_not_fetched_again() {
    let requests = Requests::default();
    let people = vec![
        ("a".into(), person_under("a", "b")),
        ("b".into(), person_under("b", "a")),
        ("self".into(), person_under("self", "self")),
    ];
    let body = value!({ "things": [(thing("a")), (thing("b")), (thing("self"))] });
    let client = client(
        things_and_people(),
        body,
        vec![store("people", people, &requests)],
    );
    let call = client.call_action("main", "get", &());
    let call = call.expansions("thing", ["owner"]);
    let expanded = call.expansions("person", ["boss"]).await.unwrap();
    let (a, b) = (|| person_under("a", "b"), || person_under("b", "a"));
    let a_in_full = with(a(), "boss", with(b(), "boss", a()));
    let b_in_full = with(b(), "boss", with(a(), "boss", b()));
    let itself = || person_under("self", "self");
    let expected = value!({ "things": [
        (with(thing("a"), "owner", a_in_full)),
        (with(thing("b"), "owner", b_in_full)),
        (with(thing("self"), "owner", with(itself(), "boss", itself()))),
    ] });
    assert_eq!(expanded, expected);
    assert_eq!(requests.of("people").len(), 1);
}

#[tokio::test]
async fn the_responses_of_a_whole_job_are_expanded_together() {
    let requests = Requests::default();
    let people = vec![("a".into(), person("a"))];
    let client = client(
        things_and_people(),
        value!({ "thing": (thing("a")) }),
        vec![store("people", people, &requests)],
    );
    let owned = value!({ "thing": (with(thing("a"), "owner", person("a"))) });
    let get = || ("get".into(), value!({}));
    let fail = || ("fail".into(), value!({}));

    let job = client.call_job("main", [get(), get()]);
    let response = job.expansions("thing", ["owner"]).await.unwrap();
    for action in &response.actions {
        assert_eq!(action.body.to_value().unwrap(), owned);
    }
    assert_eq!(requests.of("people").len(), 1);

    let job = client.call_job("main", [get(), fail(), get()]);
    let job = job.continue_on_error().expansions("thing", ["owner"]);
    let response = job.await.unwrap();
    assert_eq!(response.actions[2].body.to_value().unwrap(), owned);
    assert_eq!(response.actions[1].errors[0].code, "NO");

    let typed = || client.call_action("main", "get", &());
    let (one, two) = client
        .job((typed(), typed()))
        .expansions("thing", ["owner"])
        .await
        .unwrap();
    assert_eq!((one, two), (owned.clone(), owned.clone()));

    // The error of an action is the error, and nothing is fetched for the others.
    let before = requests.of("people").len();
    let failing = (typed(), client.call_action("main", "fail", &()));
    let job = client.job(failing).expansions("thing", ["owner"]);
    assert_eq!(job.await.unwrap_err().errors()[0].code, "NO");
    assert_eq!(requests.of("people").len(), before);

    let both = [typed(), typed()].map(|call| call.expansions("thing", ["owner"]));
    let both = client.parallel(both).await.unwrap();
    assert_eq!(both, [owned.clone(), owned.clone()]);
    let pending = typed().expansions("thing", ["owner"]).send().await.unwrap();
    assert_eq!(pending.await.unwrap(), owned);
}

#[tokio::test]
async fn routes_of_one_action_with_different_fields_are_calls_of_their_own() {
    // The reference takes the field of the first for all.
    let (body, requests) = (
        value!({ "x": { "_type": "x", "a_id": "1", "b_id": "2" } }),
        Requests::default(),
    );
    let other = route("people").request_field("names");
    let expansions = Expansions::new()
        .route("by_id", route("people"))
        .route("by_name", other)
        .expansion("x", "a", expansion("by_id", "a", "person"))
        .expansion("x", "b", expansion("by_name", "b", "person"));
    let people = vec![("1".into(), person("1")), ("2".into(), person("2"))];
    let client = client(expansions, body, vec![store("people", people, &requests)]);
    let call = client.call_action("main", "get", &());
    let expanded = call.expansions("x", ["a", "b"]).await.unwrap();
    let x = expanded.get("x").unwrap();
    assert_eq!((x.get("a"), x.get("b")), (Some(&person("1")), None));
    assert_eq!(requests.of("people"), [vec!["1".into()], vec![]]);
}

#[tokio::test]
async fn errors_of_expansions_are_those_of_the_call_where_the_configuration_says_so() {
    let body = || value!({ "thing": (thing("a")) });
    let expansions = |action: &str, raises: bool| {
        let mut owner = expansion("people", "owner", "person");
        owner.raise_action_errors = raises;
        Expansions::new()
            .route("people", route_to("people", action))
            .expansion("thing", "owner", owner)
    };
    let people = || vec![store("people", vec![], &Requests::default())];
    let quiet = client(expansions("fail", false), body(), people());
    assert_eq!(get(&quiet, &["owner"]).await, body());
    let empty = client(expansions("empty", true), body(), people());
    assert_eq!(get(&empty, &["owner"]).await, body());

    let loud = |action, raises, people| async move {
        let client = client(expansions(action, raises), body(), people);
        let call = client.call_action("main", "get", &());
        call.expansions("thing", ["owner"]).await.unwrap_err()
    };
    let error = loud("fail", true, people()).await;
    assert_eq!(
        (error.kind(), error.service()),
        (ErrorKind::Action, "people")
    );
    assert_eq!(error.errors()[0].code, "CLOSED");
    // That a route cannot be used at all is always told.
    let error = loud("find", false, vec![]).await;
    assert_eq!(error.kind(), ErrorKind::UnknownService);
    let error = loud("odd", false, people()).await;
    assert_eq!(
        error.to_string(),
        "service `people` broke the protocol: the response of `odd` has list in `found`, where an expansion looks for a map"
    );
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_call_is_for_its_expansions_as_well() {
    let expansions = Expansions::new()
        .route("people", route_to("people", "wait"))
        .expansion("thing", "owner", expansion("people", "owner", "person"));
    let people = store("people", vec![], &Requests::default());
    let client = client(expansions, value!({ "thing": (thing("a")) }), vec![people]);
    let start = tokio::time::Instant::now();
    let call = client.call_action("main", "get", &());
    let call = call
        .expansions("thing", ["owner"])
        .timeout(Duration::from_secs(3));
    let error = call.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.service()),
        (ErrorKind::Timeout, "people")
    );
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn the_calls_of_expansions_are_in_the_context_of_the_call() {
    let requests = Requests::default();
    let people = vec![
        ("a".into(), person_under("a", "b")),
        ("b".into(), person("b")),
    ];
    let client = client(
        things_and_people(),
        value!({ "thing": (thing("a")) }),
        vec![store("people", people, &requests)],
    );
    let call = || client.call_action("main", "get", &());
    let named = call().correlation_id("mine");
    named.expansions("thing", ["owner.boss"]).await.unwrap();
    assert_eq!(requests.correlation_ids(), ["mine", "mine"]);
    call().expansions("thing", ["owner.boss"]).await.unwrap();
    let ids = requests.correlation_ids();
    assert_eq!(ids[2], ids[3]);
    assert_ne!(ids[2], "mine");
}

#[tokio::test]
async fn names_that_are_not_configured_are_told_before_anything_is_sent() {
    let requests = Requests::default();
    let people = vec![store("people", vec![], &requests)];
    let client = client(
        things_and_people(),
        value!({ "thing": (thing("a")) }),
        people,
    );
    let told = |object_type: &'static str, name: &'static str| {
        let call = client.call_action("main", "get", &());
        async move {
            let error = call.expansions(object_type, [name]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            error.to_string()
        }
    };
    let call = "invalid call of service `main`: ";
    assert_eq!(
        told("tihng", "owner").await,
        format!(
            "{call}no expansions are configured for the type `tihng`; known are `person`, `thing`"
        )
    );
    assert_eq!(
        told("thing", "boss").await,
        format!("{call}the type `thing` has no expansion `boss`; known are `owner`")
    );
    assert_eq!(
        told("thing", "owner.owner").await,
        format!("{call}the type `person` has no expansion `owner`; known are `boss`")
    );
    assert!(requests.of("people").is_empty());
}

#[test]
fn a_configuration_that_cannot_work_makes_no_client() {
    let told = |expansions: Expansions| {
        let client = Client::builder().expansions(expansions).build();
        client.unwrap_err().to_string()
    };
    let owner = || expansion("people", "owner", "person");
    assert_eq!(
        told(Expansions::new().expansion("thing", "owner", owner())),
        "expansions: `type_expansions.thing.owner.route`: there is no route `people`; none exist"
    );
    let people = || Expansions::new().route("people", route("people"));
    assert_eq!(
        told(people().expansion("thing", "owner", owner().destination_field("owner_id"))),
        "expansions: `type_expansions.thing.owner.destination_field`: source and destination are the same field; the \
         object needs a field of its own"
    );
    assert_eq!(
        told(people().route("pets", route("pets").request_field(""))),
        "expansions: `type_routes.pets.request_field`: must not be empty"
    );
}
