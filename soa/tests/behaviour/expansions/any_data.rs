//! Whatever the data is: the rounds give what a plain recursion gives that fetches one object at a time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use soa::client::Expansions;
use soa::{Map, Value, value};

use super::world::*;

const TYPES: [&str; 3] = ["a", "b", "c"];
const STORES: [&str; 2] = ["first", "second"];
const NAMES: [&str; 2] = ["left", "right"];

/// What a store has.
type Objects = BTreeMap<u8, Value>;

fn expansions() -> Expansions {
    let mut expansions = Expansions::new();
    for store in STORES {
        expansions = expansions.route(store, route(store));
    }
    for object_type in TYPES {
        for (store, name) in STORES.iter().zip(NAMES) {
            expansions = expansions.expansion(object_type, name, expansion(store, name, "a"));
        }
    }
    expansions
}

/// Trees of lists, maps and objects, whose identifiers are small numbers: some are found, some are not.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<u8>().prop_map(Value::from),
        Just(Value::from("x"))
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let id = prop_oneof![Just(None), (0_u8..6).prop_map(Some)];
        let object = (
            prop::sample::select(vec!["a", "b", "c", "unknown"]),
            id.clone(),
            id,
            prop::option::of(inner.clone()),
            prop::option::of(inner.clone()),
        );
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec(("[p-s]", inner), 0..3).prop_map(|pairs| {
                let pairs: BTreeMap<String, Value> = pairs.into_iter().collect();
                Value::Map(pairs.into_iter().collect())
            }),
            object.prop_map(|(object_type, left, right, there, inside)| {
                let mut map = Map::from([("_type", object_type)]);
                let fields = [
                    ("left_id", left.map(Value::from)),
                    ("right_id", right.map(Value::from)),
                    ("left", there),
                    ("inside", inside),
                ];
                for (name, value) in fields {
                    if let Some(value) = value {
                        map.insert(name, value);
                    }
                }
                Value::Map(map)
            }),
        ]
    })
}

fn objects() -> impl Strategy<Value = Objects> {
    prop::collection::btree_map(1_u8..6, tree(), 0..5)
}

/// The slow model: it fetches when it comes to an identifier, and stops where an object is inside of itself.
struct Model<'a> {
    stores: &'a [Objects; 2],
    above: Vec<(usize, u8)>,
}

impl Model<'_> {
    /// `types` are those that are looked for: inside of an object its own type is not.
    fn expanded(&mut self, value: &Value, types: &[&str]) -> Value {
        match value {
            Value::List(values) => values
                .iter()
                .map(|value| self.expanded(value, types))
                .collect(),
            Value::Map(map) => {
                let own = map.get("_type").and_then(Value::as_str);
                let is_found = own.is_some_and(|own| types.contains(&own));
                let others = types.iter().copied().filter(|name| Some(*name) != own);
                let others: Vec<&str> = others.collect();
                let fields = map.iter();
                let fields =
                    fields.map(|(key, value)| (key.clone(), self.expanded(value, &others)));
                let mut expanded: Map = fields.collect();
                if is_found {
                    for (store, name) in NAMES.iter().enumerate() {
                        if let Some(object) = self.fetched(map, store, name) {
                            expanded.insert(*name, object);
                        }
                    }
                }
                Value::Map(expanded)
            }
            other => other.clone(),
        }
    }

    fn fetched(&mut self, map: &Map, store: usize, name: &str) -> Option<Value> {
        let id = map.get(&format!("{name}_id"))?.as_u64()?.try_into().ok()?;
        if map.contains_key(name) || id == 0 {
            return None;
        }
        let object = self.stores[store].get(&id)?;
        if self.above.contains(&(store, id)) {
            return Some(object.clone());
        }
        self.above.push((store, id));
        let object = self.expanded(object, &TYPES);
        self.above.pop();
        Some(object)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rounds_give_what_fetching_one_by_one_gives(
        body in tree(),
        first in objects(),
        second in objects(),
    ) {
        let stores = [first, second];
        let requests = Requests::default();
        let servers = STORES.iter().zip(&stores).map(|(name, objects)| {
            let objects = objects.iter().map(|(id, object)| (Value::from(*id), object.clone()));
            store(name, objects.collect(), &requests)
        });
        let body = value!({ "body": (body) });
        let client = client(expansions(), body.clone(), servers.collect());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut call = client.call_action("main", "get", &()).expansions("a", NAMES);
        for object_type in ["b", "c"] {
            call = call.expansions(object_type, NAMES);
        }
        let ours = runtime.block_on(call.into_future()).unwrap();
        let mut model = Model { stores: &stores, above: Vec::new() };
        prop_assert_eq!(ours, model.expanded(&body, &TYPES));
        for store in STORES {
            let mut asked: Vec<String> = requests.of(store).concat().iter().map(|id| format!("{id:?}")).collect();
            let all = asked.len();
            asked.sort();
            asked.dedup();
            prop_assert_eq!(asked.len(), all, "{} was asked twice for an object", store);
        }
    }
}
