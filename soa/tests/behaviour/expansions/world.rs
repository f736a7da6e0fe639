//! Services with objects in them: `main` answers `get` with a body, and each store finds objects by identifiers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use soa::client::{Expansion, ExpansionRoute, Expansions};
use soa::{ActionError, Client, Context, LocalTransport, Map, Server, Value, value};

/// The requests that stores have had, in order: store, identifiers, correlation id.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<Request>>>);

type Request = (String, Vec<Value>, String);

impl Requests {
    /// Which identifiers a store was asked for, a list for each call.
    pub(crate) fn of(&self, store: &str) -> Vec<Vec<Value>> {
        let requests = self.0.lock().unwrap();
        let requests = requests.iter().filter(|(name, _, _)| name == store);
        requests.map(|(_, ids, _)| ids.clone()).collect()
    }

    pub(crate) fn correlation_ids(&self) -> Vec<String> {
        let requests = self.0.lock().unwrap();
        requests.iter().map(|(_, _, id)| id.clone()).collect()
    }
}

/// A service `store` whose action `find` answers `{ids: […]}` with `{found: {…}}`.
pub(crate) fn store(store: &str, objects: Vec<(Value, Value)>, requests: &Requests) -> Server {
    let (name, requests) = (store.to_owned(), requests.clone());
    let objects = Arc::new(objects);
    Server::untyped(store.to_owned(), "1.0.0")
        .action("find", move |request: Value, cx: Context| {
            let ids = request.get("ids").and_then(Value::as_list);
            let ids = ids.unwrap_or_default().to_vec();
            let found = objects.iter().filter(|(id, _)| ids.contains(id));
            let found: Map = found.cloned().collect();
            let correlation_id = cx.header().correlation_id.to_string();
            let request = (name.clone(), ids, correlation_id);
            requests.0.lock().unwrap().push(request);
            async move { Ok::<_, ActionError>(value!({ "found": (found) })) }
        })
        .action("fail", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::caller("CLOSED", "The store is closed"))
        })
        .action("wait", |_: Value, _: Context| async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok::<_, ActionError>(value!({}))
        })
        .action("odd", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({ "found": [1] }))
        })
        .action("empty", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({}))
        })
        .build()
        .unwrap()
}

/// A service `main` that answers `get` with this body, and the second of a job by failing.
pub(crate) fn main_service(body: Value) -> Server {
    Server::untyped("main", "1.0.0")
        .action("get", move |_: Value, _: Context| {
            let body = body.clone();
            async move { Ok::<_, ActionError>(body) }
        })
        .action("fail", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::caller("NO", "No"))
        })
        .build()
        .unwrap()
}

/// A client of `main` and of the stores.
pub(crate) fn client(expansions: Expansions, body: Value, stores: Vec<Server>) -> Client {
    let mut client = Client::builder()
        .expansions(expansions)
        .service("main", LocalTransport::new(main_service(body)));
    for store in stores {
        let name = store.name().to_owned();
        client = client.service(name, LocalTransport::new(store));
    }
    client.build().unwrap()
}

/// A route to the action `find` of a store.
pub(crate) fn route(store: &str) -> ExpansionRoute {
    route_to(store, "find")
}

pub(crate) fn route_to(store: &str, action: &str) -> ExpansionRoute {
    ExpansionRoute::new(store, action)
        .request_field("ids")
        .response_field("found")
}

/// An expansion into `name` by the identifier in `name_id`.
pub(crate) fn expansion(route: &str, name: &str, of_type: &str) -> Expansion {
    Expansion::new(route)
        .source_field(format!("{name}_id"))
        .destination_field(name)
        .of_type(of_type)
}

/// Things have owners, people have bosses, and people are in the store `people`.
pub(crate) fn things_and_people() -> Expansions {
    Expansions::new()
        .route("people", route("people"))
        .expansion("thing", "owner", expansion("people", "owner", "person"))
        .expansion("person", "boss", expansion("people", "boss", "person"))
}

pub(crate) fn person(id: impl Into<Value>) -> Value {
    value!({ "_type": "person", "id": (id.into()) })
}

pub(crate) fn person_under(id: impl Into<Value>, boss: impl Into<Value>) -> Value {
    value!({ "_type": "person", "id": (id.into()), "boss_id": (boss.into()) })
}

/// The same with a field more.
pub(crate) fn with(value: Value, key: &str, field: Value) -> Value {
    let Value::Map(mut map) = value else {
        panic!("not a map");
    };
    map.insert(key, field);
    Value::Map(map)
}
