//! The rounds of expansions on untyped bodies.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use futures_util::future::join_all;

use super::graph::{EntryId, Graph, Node, ObjectId, TooLarge};
use super::limit::MAX_ROUNDS;
use super::request::is_answer;
use crate::client::handle::Client;
use crate::client::prepare::PreparedExpansion;
use crate::client::scope::ExpansionScope;
use crate::codec::{Encoding, Integer, Map, Value};
use crate::error::ClientError;
use crate::expansion::{Plan, PlannedRoute, RouteId, StepId};
use crate::message::{ActionRequest, ActionResponse, Body, ContextHeader, JobResponse, Name};

/// The expansions of one call that is on its way.
pub(in crate::client) struct Expander {
    plan: Plan,
    scope: ExpansionScope,
    returns_errors: bool,
}

impl Expander {
    /// Leaves the scope of a call with this context for its typed response. Returns `None` where no bodies are to be
    /// expanded.
    pub(in crate::client) fn new(
        expansion: PreparedExpansion,
        client: &Client,
        context: &ContextHeader,
    ) -> Option<Self> {
        let PreparedExpansion {
            plan,
            slot,
            control,
            deadline,
            returns_errors,
        } = expansion;
        let scope = ExpansionScope::new(client, context.clone(), deadline, control);
        if let Some(slot) = slot {
            // It is empty: a call is dispatched once.
            let _ = slot.set(scope.clone());
        }
        Some(Self {
            plan: plan?,
            scope,
            returns_errors,
        })
    }

    /// Expands the bodies of all actions that succeeded.
    ///
    /// # Errors
    /// A request could not be sent, or a service answered with errors and the expansion is set to raise them.
    pub(in crate::client) async fn run(
        &self,
        service: &Name,
        mut response: JobResponse,
    ) -> Result<JobResponse, ClientError> {
        let has_failed = |action: &ActionResponse| !action.errors.is_empty();
        if !self.returns_errors && response.actions.iter().any(has_failed) {
            return Ok(response);
        }
        let actions = response.actions.iter_mut();
        let mut actions: Vec<_> = actions.filter(|action| !has_failed(action)).collect();
        let mut rounds = Rounds::new(&self.plan);
        let mut bodies = Vec::with_capacity(actions.len());
        for action in &actions {
            let body = action.body.to_value();
            let decode = |error| ClientError::decode(service, action.action.clone(), error);
            bodies.push(rounds.graph.add(body.map_err(decode)?));
        }
        rounds.search_bodies(&bodies);
        rounds.run(&self.scope).await?;
        if rounds.has_fetched {
            for (action, body) in actions.iter_mut().zip(&bodies) {
                let value = rounds.graph.write(body).map_err(|TooLarge| {
                    let message = "the response would be too large with all expansions";
                    ClientError::usage(service, message)
                })?;
                action.body = encoded(action.body.encoding(), &value);
            }
        }
        Ok(response)
    }
}

/// Encodes a body in its own encoding, or else in the other one: each can carry values that the other cannot, and
/// objects may come from a service that uses the other.
fn encoded(own: Encoding, value: &Value) -> Body {
    let other = match own {
        Encoding::Json => Encoding::MessagePack,
        _ => Encoding::Json,
    };
    let body = Body::encode(own, value);
    if body.bytes().is_ok() {
        return body;
    }
    let second = Body::encode(other, value);
    if second.bytes().is_ok() { second } else { body }
}

struct Rounds<'a> {
    plan: &'a Plan,
    graph: Graph<'a>,
    /// The identifiers that each route was asked for, and the objects that it found.
    known: Vec<HashMap<Key, Option<EntryId>>>,
    /// The objects and steps of the next round.
    todo: Vec<(ObjectId, StepId)>,
    seen: HashSet<(ObjectId, StepId)>,
    has_fetched: bool,
}

/// An object that waits for the one that its field identifies.
struct Waiting {
    object: ObjectId,
    step: StepId,
    key: Key,
    /// True if its identifier was asked for in an earlier round.
    is_known: bool,
}

impl<'a> Rounds<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            graph: Graph::new(plan.types()),
            known: plan.routes.iter().map(|_| HashMap::new()).collect(),
            todo: Vec::new(),
            seen: HashSet::new(),
            has_fetched: false,
        }
    }

    fn search_bodies(&mut self, bodies: &[Node]) {
        let plan = self.plan;
        for (object_type, steps) in &plan.roots {
            let mut found = Vec::new();
            for body in bodies {
                self.graph.find(body, object_type, &mut found);
            }
            self.look_at(&found, steps);
        }
    }

    fn look_at(&mut self, objects: &[ObjectId], steps: &[StepId]) {
        for object in objects {
            for step in steps {
                if self.seen.insert((*object, *step)) {
                    self.todo.push((*object, *step));
                }
            }
        }
    }

    async fn run(&mut self, scope: &ExpansionScope) -> Result<(), ClientError> {
        for _ in 0..MAX_ROUNDS {
            if self.todo.is_empty() {
                return Ok(());
            }
            let (asked, waiting) = self.gather();
            let found = self.fetch(scope, asked, &waiting).await?;
            self.give(&waiting, &found);
        }
        if !self.todo.is_empty() {
            tracing::warn!(
                "expansions did not end within {MAX_ROUNDS} rounds: objects are left out"
            );
        }
        Ok(())
    }

    /// Collects the identifiers to ask for, by route and in order of appearance, and the objects that wait.
    fn gather(&mut self) -> (Vec<Vec<Value>>, Vec<Waiting>) {
        let mut asked: Vec<Vec<Value>> = self.known.iter().map(|_| Vec::new()).collect();
        let mut fresh = HashSet::new();
        let mut waiting = Vec::new();
        for (object, step_id) in std::mem::take(&mut self.todo) {
            let Some(step) = self.plan.steps.get(step_id) else {
                continue;
            };
            if self.graph.has_field(object, &step.destination) {
                continue;
            }
            let source = self.graph.field(object, &step.source);
            let Some(source) = source.filter(|source| source.is_truthy()) else {
                continue;
            };
            let (Some(key), Some(known), Some(asked)) = (
                Key::of(source),
                self.known.get_mut(step.route),
                asked.get_mut(step.route),
            ) else {
                continue;
            };
            if !known.contains_key(&key) {
                known.insert(key.clone(), None);
                fresh.insert((step.route, key.clone()));
                asked.push(source.clone());
            }
            waiting.push(Waiting {
                object,
                step: step_id,
                is_known: !fresh.contains(&(step.route, key.clone())),
                key,
            });
        }
        (asked, waiting)
    }

    /// Asks all routes at once, and stores the objects that they find. Returns them by route.
    async fn fetch(
        &mut self,
        scope: &ExpansionScope,
        asked: Vec<Vec<Value>>,
        waiting: &[Waiting],
    ) -> Result<Vec<(RouteId, EntryId)>, ClientError> {
        let plan = self.plan;
        let routes = plan.routes.iter().zip(&asked).enumerate();
        let calls = routes.filter(|(_, (_, ids))| !ids.is_empty());
        let calls =
            calls.map(|(id, (route, ids))| async move { (id, ids, call(scope, route, ids).await) });
        let mut entries = Vec::new();
        for (id, ids, answer) in join_all(calls).await {
            let objects = match answer {
                Ok(objects) => objects,
                Err(error) if is_answer(&error) && !self.raises(waiting, id) => {
                    scope.log(&error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut objects: HashMap<Key, Value> = objects
                .into_pairs()
                .into_iter()
                .filter_map(|(key, object)| Some((Key::of(&key)?, object)))
                .collect();
            for key in ids.iter().filter_map(Key::of) {
                let object = objects.remove(&key);
                // In JSON all keys are text.
                let object = object.or_else(|| objects.remove(&key.as_text()?));
                if let (Some(object), Some(known)) = (object, self.known.get_mut(id)) {
                    let entry = self.graph.fetched(object);
                    known.insert(key, Some(entry));
                    entries.push((id, entry));
                }
            }
        }
        Ok(entries)
    }

    /// Returns true if errors of a route are errors of the call.
    fn raises(&self, waiting: &[Waiting], route: RouteId) -> bool {
        let steps = waiting
            .iter()
            .filter_map(|one| self.plan.steps.get(one.step));
        let mut steps = steps.filter(|step| step.route == route);
        steps.any(|step| step.raises)
    }

    /// Gives the waiting objects those that were found, and searches these for objects to expand.
    fn give(&mut self, waiting: &[Waiting], found: &[(RouteId, EntryId)]) {
        let plan = self.plan;
        let mut searched = HashSet::new();
        for one in waiting {
            let Some(step) = plan.steps.get(one.step) else {
                continue;
            };
            let known = self.known.get(step.route);
            let entry = known.and_then(|known| *known.get(&one.key)?);
            if let Some(entry) = entry
                && !self.graph.has_field(one.object, &step.destination)
            {
                self.graph.give(one.object, &step.destination, entry);
                self.has_fetched = true;
            }
            let Some(object_type) = step.finds.as_deref().filter(|_| !step.steps.is_empty()) else {
                continue;
            };
            let mut objects = Vec::new();
            if one.is_known
                && let Some(entry) = entry
            {
                self.graph.find_in_entry(entry, object_type, &mut objects);
            }
            // As in the reference, this includes all objects that a route has found in this round.
            if searched.insert(one.step) {
                for (_, entry) in found.iter().filter(|(route, _)| *route == step.route) {
                    self.graph.find_in_entry(*entry, object_type, &mut objects);
                }
            }
            self.look_at(&objects, &step.steps);
        }
        for (object_type, steps) in &plan.roots {
            let mut objects = Vec::new();
            for (_, entry) in found {
                self.graph.find_in_entry(*entry, object_type, &mut objects);
            }
            self.look_at(&objects, steps);
        }
    }
}

/// Asks a route for the objects of these identifiers.
async fn call(
    scope: &ExpansionScope,
    planned: &PlannedRoute,
    ids: &[Value],
) -> Result<Map, ClientError> {
    let route = scope.route(&planned.service);
    let body = Map::from([(&*planned.request_field, Value::List(ids.to_vec()))]);
    let body = Body::encode(route.encoding(), &body);
    let request = ActionRequest::new(planned.action.clone(), body);
    let body = scope
        .request(route, request)
        .await?
        .to_value()
        .map_err(|error| ClientError::decode(&planned.service, planned.action.clone(), error))?;
    let Value::Map(mut body) = body else {
        return Ok(Map::new()); // Not reached: a body is a map.
    };
    match body.remove(&planned.response_field) {
        Some(Value::Map(objects)) => Ok(objects),
        None if body.is_empty() => Ok(Map::new()),
        other => {
            let PlannedRoute {
                action,
                response_field,
                ..
            } = planned;
            let found = other.map_or("nothing", |value| value.kind_name());
            let message = format!(
                "the response of `{action}` has {found} in `{response_field}`, where an expansion looks for a map"
            );
            Err(ClientError::protocol(&planned.service, message))
        }
    }
}

/// An identifier that can be compared and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Text(String),
    Integer(Integer),
    Bytes(Bytes),
    /// Another type of the wire, as its debug text, which is unique for each value of each type.
    Other(String),
}

impl Key {
    /// Returns the key of a value. Lists, maps and nil identify nothing.
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Nil | Value::List(_) | Value::Map(_) => return None,
            Value::Text(text) => Self::Text(text.clone()),
            Value::Integer(integer) => Self::Integer(integer.clone()),
            Value::Bytes(bytes) => Self::Bytes(bytes.clone()),
            other => Self::Other(format!("{other:?}")),
        })
    }

    /// Returns the form that a number has as a key of a JSON map.
    fn as_text(&self) -> Option<Self> {
        match self {
            Self::Integer(integer) => Some(Self::Text(integer.to_string())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn a_body_changes_its_encoding_where_it_has_to() {
        let day: crate::codec::Date = "2026-11-21".parse().unwrap();
        let large: Integer = "100000000000000000000".parse().unwrap();
        for (own, value, expected) in [
            (Encoding::Json, value!({ "a": 1 }), Encoding::Json),
            // Fetched from a service that speaks MessagePack, and the other way round.
            (
                Encoding::Json,
                value!({ "day": (day) }),
                Encoding::MessagePack,
            ),
            (
                Encoding::MessagePack,
                value!({ "day": (day) }),
                Encoding::MessagePack,
            ),
            (
                Encoding::MessagePack,
                value!({ "large": (large) }),
                Encoding::Json,
            ),
        ] {
            let body = encoded(own, &value);
            assert_eq!(body.encoding(), expected);
            assert_eq!(body.to_value().unwrap(), value);
        }
    }

    #[test]
    fn keys_tell_types_apart_and_numbers_have_a_text() {
        let keys = [value!(1), value!("1"), value!(1.0), value!(true)].map(|id| Key::of(&id));
        for (place, key) in keys.iter().enumerate() {
            assert!(!keys[..place].contains(key), "{key:?}");
        }
        let number = Key::of(&value!(7)).unwrap();
        assert_eq!(number.as_text(), Key::of(&value!("7")));
        assert_eq!(Key::of(&value!([1])), None);
    }
}
