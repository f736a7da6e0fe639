//! What the expansions of the reference's client make of data, ours make of it, too.
//!
//! The data is random, and in layers: objects of one layer have identifiers of the next. Where an identifier turns up that
//! was asked for in an earlier round the two differ on purpose, and in layers there is none.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use soa::client::{Expansion, ExpansionRoute, Expansions};
use soa::{
    ActionError, Client, Context, Encoding, Map, RedisClientTransport, RedisServerTransport,
    Server, Value, value,
};

use crate::processes::Redis;
use crate::python::python_command;
use crate::settings;

const CALLS: u64 = 400;
const LAYERS: u64 = 4;
/// How many identifiers a layer has; of some there are no objects.
const WIDTH: u64 = 6;
const STORES: [&str; 2] = ["first", "second"];
const NAMES: [&str; 2] = ["left", "right"];
const TYPES: [&str; 3] = ["a", "b", "c"];

/// Numbers that are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// A value with objects in it, whose identifiers are of this layer.
    fn tree(&mut self, layer: u64, depth: u64) -> Value {
        match self.below(if depth == 0 { 2 } else { 7 }) {
            0 => Value::from("text"),
            1 => Value::from(self.below(100)),
            2 | 3 => (0..self.below(4))
                .map(|_| self.tree(layer, depth - 1))
                .collect(),
            4 => {
                let fields = (0..self.below(3))
                    .map(|field| (format!("field{field}"), self.tree(layer, depth - 1)));
                Value::Map(fields.collect())
            }
            _ => self.object(layer, depth - 1),
        }
    }

    fn object(&mut self, layer: u64, depth: u64) -> Value {
        let mut object = Map::from([("_type", self.one_of(&["a", "b", "c", "d"]))]);
        for name in NAMES {
            // Nothing, nil, an empty one, or one of this layer.
            match self.below(8) {
                0 => {}
                1 => drop(object.insert(format!("{name}_id"), Value::Nil)),
                2 => drop(object.insert(format!("{name}_id"), "")),
                _ => drop(object.insert(format!("{name}_id"), self.identifier(layer))),
            }
            if self.below(8) == 0 {
                object.insert(name, self.tree(layer, depth));
            }
        }
        object.insert("inside", self.tree(layer, depth));
        Value::Map(object)
    }

    /// Numbers in even layers, text in odd ones.
    fn identifier(&mut self, layer: u64) -> Value {
        identifier(layer, 1 + self.below(WIDTH))
    }

    /// What a call asks for.
    fn wanted(&mut self) -> Vec<(&'static str, Vec<String>)> {
        let mut wanted = Vec::new();
        for object_type in TYPES {
            let names = (0..self.below(3)).map(|_| {
                let steps = (0..=self.below(3)).map(|_| self.one_of(&NAMES).to_owned());
                steps.collect::<Vec<_>>().join(".")
            });
            let names: Vec<String> = names.collect();
            if !names.is_empty() {
                wanted.push((object_type, names));
            }
        }
        wanted
    }
}

fn identifier(layer: u64, number: u64) -> Value {
    let number = layer * 10 + number;
    if layer.is_multiple_of(2) {
        number.into()
    } else {
        number.to_string().into()
    }
}

/// The objects of a store, by identifier.
fn objects(numbers: &mut Numbers) -> Vec<(Value, Value)> {
    let ids = (1..=LAYERS).flat_map(|layer| (1..WIDTH).map(move |number| (layer, number)));
    ids.map(|(layer, number)| (identifier(layer, number), numbers.object(layer + 1, 2)))
        .collect()
}

fn expansions() -> Expansions {
    let mut expansions = Expansions::new();
    for (store, name) in STORES.iter().zip(NAMES) {
        let route = ExpansionRoute::new(*store, "find")
            .request_field("ids")
            .response_field("found");
        expansions = expansions.route(format!("to {store}"), route);
        for object_type in TYPES {
            let expansion = Expansion::new(format!("to {store}"))
                .source_field(format!("{name}_id"))
                .destination_field(name)
                .of_type(if name == "left" { "a" } else { "b" });
            expansions = expansions.expansion(object_type, name, expansion);
        }
    }
    expansions
}

/// The same, as the reference takes it.
fn config() -> Value {
    let routes: Map = STORES
        .iter()
        .map(|store| {
            let route = value!({ "service": (*store), "action": "find", "request_field": "ids", "response_field": "found" });
            (format!("to {store}"), route)
        })
        .collect();
    let by_name: Map = STORES
        .iter()
        .zip(NAMES)
        .map(|(store, name)| {
            let expansion = value!({
                "type": (if name == "left" { "a" } else { "b" }),
                "route": (format!("to {store}")),
                "source_field": (format!("{name}_id")),
                "destination_field": name,
            });
            (name, expansion)
        })
        .collect();
    let types: Map = TYPES.iter().map(|name| (*name, by_name.clone())).collect();
    value!({ "type_routes": (routes), "type_expansions": (types) })
}

/// A service over this Redis, until the test is over.
fn serve(redis: &Redis, server: Server) {
    let transport = RedisServerTransport::new(server.name().to_owned(), settings(redis)).unwrap();
    tokio::spawn(async move { server.run(transport).await });
}

/// The same maps with their keys in order: in which order fields are filled is nobody's business.
fn sorted(value: Value) -> Value {
    match value {
        Value::List(values) => values.into_iter().map(sorted).collect(),
        Value::Map(map) => {
            let mut pairs: Vec<_> = map
                .into_pairs()
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            pairs.sort_by_key(|(key, _)| format!("{key:?}"));
            Value::Map(pairs.into())
        }
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_reference_expands_the_same_data_to_the_same() {
    let redis = Redis::start();
    let mut numbers = Numbers(20_261_121);
    let echo = |request: Value, _: Context| async move { Ok::<_, ActionError>(request) };
    serve(
        &redis,
        Server::untyped("main", "1")
            .action("get", echo)
            .build()
            .unwrap(),
    );
    let filled = Arc::new(AtomicUsize::new(0));
    for store in STORES {
        let (objects, filled) = (Arc::new(objects(&mut numbers)), Arc::clone(&filled));
        let find = move |request: Value, _: Context| {
            let ids = request
                .get("ids")
                .and_then(Value::as_list)
                .unwrap_or_default();
            let found = objects.iter().filter(|(id, _)| ids.contains(id));
            let found: Map = found.cloned().collect();
            filled.fetch_add(found.len(), Ordering::Relaxed);
            async move { Ok::<_, ActionError>(value!({ "found": (found) })) }
        };
        serve(
            &redis,
            Server::untyped(store, "1")
                .action("find", find)
                .build()
                .unwrap(),
        );
    }
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            (
                value!({ "body": (numbers.tree(1, 4)), "more": (numbers.object(1, 3)) }),
                numbers.wanted(),
            )
        })
        .collect();

    let mut client = Client::builder().expansions(expansions());
    for service in ["main", "first", "second"] {
        let transport = RedisClientTransport::new(service, settings(&redis)).unwrap();
        client = client.service(service, transport);
    }
    let client = client.build().unwrap();
    let mut ours = Vec::new();
    for (body, wanted) in &calls {
        let mut call = client
            .call_action("main", "get", body)
            .control("test", "expansions");
        for (object_type, names) in wanted {
            call = call.expansions(*object_type, names.clone());
        }
        ours.push(call.await.unwrap());
    }
    assert!(
        filled.load(Ordering::Relaxed) > 200,
        "only {filled:?} objects were fetched"
    );

    let calls: Value = calls
        .into_iter()
        .map(|(body, wanted)| {
            let wanted = wanted
                .into_iter()
                .map(|(name, names)| (name, Value::from_iter(names)));
            let wanted: Map = wanted.collect();
            value!({ "body": (body), "config": (config()), "expansions": (wanted) })
        })
        .collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("expansions-{}.json", std::process::id()));
    std::fs::write(&file, Encoding::Json.encode_value(&calls).unwrap()).unwrap();
    let mut python = python_command(&redis);
    python.arg("expand.py").arg(&file);
    let output = tokio::task::spawn_blocking(move || python.output().unwrap())
        .await
        .unwrap();
    let _ = std::fs::remove_file(&file);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let theirs: Vec<Value> = lines
        .map(|line| Encoding::Json.decode_value(line).unwrap())
        .collect();
    assert_eq!(theirs.len(), ours.len());
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        assert_eq!(sorted(ours), sorted(theirs));
    }
}
